"""Bodies in JSON, as the Azure service reads them: comments, commas at the end, names in any letter case."""

import pytest

from filmroom.errors import BadRequest
from filmroom.protocol import json_bodies


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'{"a": 1, // why\n "b": [1, 2, ], }', {"a": 1, "b": [1, 2]}),
        (b'/* first */ {"a": /* here */ 1}', {"a": 1}),
        (b'{"a": "// no comment", "b": "/* nor */ this, ]"}', {"a": "// no comment", "b": "/* nor */ this, ]"}),
        (b'{"a": "\\"// still a text,}"}', {"a": '"// still a text,}'}),
        (b"[1,\r\n// at the end\r\n]", [1]),
        (b'"//"', "//"),
    ],
)
def test_comments_and_last_commas_do_no_harm(body: bytes, read: object) -> None:
    assert json_bodies.read(body) == read


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": }', b'{"a": "no end}', b"/* no end", b"\xff", b"{'a': 1}"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match="The syntax of the request body is invalid"):
        json_bodies.read(body)


@pytest.mark.parametrize("body", [b'"' + b"\\" * 200_001, b"/*" * 100_000, b"," * 200_000, b'"a' * 100_001])
def test_what_is_long_and_wrong_is_refused_soon(body: bytes) -> None:
    with pytest.raises(BadRequest):
        json_bodies.read(body)


def test_members_are_known_by_any_letter_case_and_null_is_none() -> None:
    assert json_bodies.members("$", {"Type": 1, "Settings": None}) == {"type": 1}
    others: tuple[object, ...] = (None, [], "text", 1)
    for value in others:
        with pytest.raises(BadRequest, match=r"The field '\$\.x' in request body is invalid: An object is expected"):
            json_bodies.members("$.x", value)


def test_one_of_several_names() -> None:
    choices = {"Study": 1, "Series": 2}
    assert json_bodies.chosen("$.level", "sERIES", choices) == 2
    for value in ("Patient", None, 5):
        with pytest.raises(BadRequest, match="one of the following values: \\['Study', 'Series'\\]"):
            json_bodies.chosen("$.level", value, choices)
