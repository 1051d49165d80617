"""What people type is understood, or refused with what would be right."""

import pytest
import typer

from filmroom.cli import typed


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("EncapsulatedDocument", "00420011"),
        ("(0042,0011)", "00420011"),
        ("7fe00010", "7FE00010"),
        ("OpticalPathSequence/2/ICCProfile", "00480105/2/00282000"),
        ("0048,0105/1/0028,2000", "00480105/1/00282000"),
        ("00091001", "00091001"),
    ],
)
def test_the_place_of_a_bulk_value(text: str, path: str) -> None:
    assert typed.bulk_path(text) == path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "neither the keyword"),
        ("EncapsulatedDokument", "do you mean EncapsulatedDocument"),
        ("OpticalPathSequence/ICCProfile", "SEQUENCE/1/ATTRIBUTE"),
        ("OpticalPathSequence/0/ICCProfile", "SEQUENCE/1/ATTRIBUTE"),
        ("OpticalPathSequence/x/ICCProfile", "SEQUENCE/1/ATTRIBUTE"),
        ("OpticalPathSequence/1", "SEQUENCE/1/ATTRIBUTE"),
        ("../1/..", "neither the keyword"),
    ],
)
def test_what_is_no_place_of_a_bulk_value(text: str, said: str) -> None:
    with pytest.raises(typer.BadParameter, match=said):
        typed.bulk_path(text)


@pytest.mark.parametrize(
    ("text", "bounds", "cut"), [("0-3", (0, 3), b"0123"), ("8-", (8,), b"89"), ("5-5", (5, 5), b"5")]
)
def test_ranges_of_bytes(text: str, bounds: tuple[int, ...], cut: bytes) -> None:
    found = typed.byte_range(text)
    assert (str(found), found.bounds, b"0123456789"[found.cut]) == (text, bounds, cut)


@pytest.mark.parametrize("text", ["", "5", "-5", "5-4", "a-b", "0-1,3-4", "0 - 1", "٣-"])
def test_what_is_no_range_of_bytes(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="0-99, or 100-"):
        typed.byte_range(text)


@pytest.mark.parametrize(("text", "numbers"), [("1,5,9", (1, 5, 9)), ("7", (7,)), (" 3, 1", (3, 1))])
def test_frame_numbers(text: str, numbers: tuple[int, ...]) -> None:
    found = typed.frames(text)
    assert (found.numbers, str(found)) == (numbers, text.replace(" ", ""))


@pytest.mark.parametrize("text", ["", "0", "a", "1,,2"])
def test_what_are_no_frame_numbers(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="1,5,9"):
        typed.frames(text)
