import json
from collections.abc import Sequence
from typing import Any

import imagecodecs
import numpy as np
import pytest

from bench import checks, client, data

ONE, TWO = (data.Instance(data.KB_10, run=5, study=0, series=0, number=number) for number in range(2))
FILES = [tuple(ONE.pieces()), tuple(TWO.pieces())]


def answer(content: bytes, kind: str = "application/dicom+json", status: int = 200) -> client.Answer:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n\r\n".encode()
    # What stands behind the end is left from an answer before.
    return client.Answer(status, head, bytearray(content + b"--b--"), [(0, len(content))])


def multipart(*contents: tuple[bytes, ...], end: bytes = b"\r\n--b--") -> client.Answer:
    parts = b"\r\n".join(b"--b\r\nContent-Type: x/y\r\n\r\n" + b"".join(content) for content in contents)
    return answer(parts + end, 'multipart/related; type="x/y"; boundary="b"')


def stored(failed: list[Any], *uids: str) -> client.Answer:
    told = {
        "00081198": {"vr": "SQ", "Value": failed},
        "00081199": {"vr": "SQ", "Value": [{"00081155": {"Value": [uid]}} for uid in uids]},
    }
    return answer(json.dumps(told).encode())


def metadata(instance: data.Instance) -> dict[str, Any]:
    values = {"00080018": instance.uids[2], "00280010": 64, "00100020": instance.patient}
    values |= {"00181210": "SOFT", "00091003": "Private value 3"}
    return {tag: {"Value": [value]} for tag, value in values.items()}


def test_parts_in_any_order() -> None:
    checks.parts(multipart(*reversed(FILES)), FILES)


def test_a_part_too_few_too_many_or_twice() -> None:
    for contents in ([FILES[0]], [*FILES, FILES[0]], [FILES[0], FILES[0]]):
        with pytest.raises(client.WrongAnswerError):
            checks.parts(multipart(*contents), FILES)


def test_a_part_with_a_wrong_byte() -> None:
    wrong = (*FILES[0][:-1], FILES[0][-1][:-1] + b"!")
    with pytest.raises(client.WrongAnswerError, match="not what was stored"):
        checks.parts(multipart(wrong, FILES[1]), FILES)


def test_parts_without_an_end() -> None:
    with pytest.raises(client.WrongAnswerError):
        checks.parts(multipart(*FILES, end=b"\r\n--b"), FILES)


def test_single_part_is_not_multipart() -> None:
    with pytest.raises(client.WrongAnswerError, match="not multipart"):
        checks.parts(answer(b"", "application/dicom"), FILES)


def test_stored() -> None:
    checks.stored(stored([], TWO.uids[2], ONE.uids[2]), [ONE, TWO])


def test_not_stored() -> None:
    for wrong in (stored([{}], ONE.uids[2]), stored([], TWO.uids[2]), answer(b"{}", status=409)):
        with pytest.raises(client.WrongAnswerError):
            checks.stored(wrong, [ONE])


def test_metadata() -> None:
    checks.metadata(answer(json.dumps([metadata(TWO), metadata(ONE)]).encode()), [ONE, TWO])


def test_metadata_of_another_or_without_an_attribute() -> None:
    short = metadata(ONE)
    del short["00091003"]
    for wrong in (metadata(TWO), short):
        with pytest.raises(client.WrongAnswerError):
            checks.metadata(answer(json.dumps([wrong]).encode()), [ONE])


def stored_whole(instance: data.Instance, **others: Any) -> client.Answer:
    told = data.dataset(instance) | {f"{int(tag, 16):08X}": element for tag, element in others.items()}
    return answer(json.dumps([told]).encode())


def test_metadata_with_all_that_was_stored_and_more() -> None:
    more = {"vr": "UR", "Value": ["http://x"]}
    as_text = {"vr": "DS", "Value": ["75"]}  # numbers may be strings
    checks.every_attribute(stored_whole(ONE, **{"00081190": more, "00101030": as_text}), [ONE])


@pytest.mark.parametrize(
    "element",
    [
        {},
        {"vr": "LO", "Value": ["Private value 4"]},
        {"vr": "SH", "Value": ["Private value 3"]},
        {"vr": "LO", "Value": ["Private value 3", "more"]},
    ],
)
def test_metadata_in_which_one_attribute_is_not_what_was_stored(element: dict[str, Any]) -> None:
    with pytest.raises(client.WrongAnswerError, match="00091003"):
        checks.every_attribute(stored_whole(ONE, **{"00091003": element}), [ONE])


def test_metadata_in_which_an_item_of_a_sequence_is_not_what_was_stored() -> None:
    items = [{"00080100": {"vr": "SH", "Value": ["24725-5"]}}]
    with pytest.raises(client.WrongAnswerError, match="00081032.00080100"):
        checks.every_attribute(stored_whole(ONE, **{"00081032": {"vr": "SQ", "Value": items}}), [ONE])


def test_metadata_of_another_instance() -> None:
    with pytest.raises(client.WrongAnswerError, match="not asked for"):
        checks.every_attribute(stored_whole(TWO), [ONE])


def matches(*uids: str, **values: Sequence[str]) -> client.Answer:
    """Studies with all that each must have."""
    found = []
    for place, uid in enumerate(uids):
        one: dict[str, Any] = {tag: {} for tag in checks.REQUIRED[checks.STUDY].split()}
        one |= {checks.STUDY: {"Value": [uid]}, checks.RETRIEVE_URL: {"Value": [f"http://x/studies/{uid}"]}}
        found.append(one | {tag.strip("_"): {"Value": [each[place]]} for tag, each in values.items()})
    return answer(json.dumps(found).encode())


def test_studies() -> None:
    found = matches("1.2", "1.3")
    checks.studies(found, {"1.2", "1.3", "1.4"}, 2)
    for expected, count in (({"1.2"}, 2), (None, 3)):
        with pytest.raises(client.WrongAnswerError):
            checks.studies(found, expected, count)
    with pytest.raises(client.WrongAnswerError, match="twice"):
        checks.studies(matches("1.2", "1.2"), None, 2)


def test_studies_without_what_each_must_have() -> None:
    with pytest.raises(client.WrongAnswerError, match="00201208"):
        checks.studies(answer(matches("1.2").body.replace(b"00201208", b"00201209")), None, 1)
    with pytest.raises(client.WrongAnswerError, match="Retrieve URL"):
        checks.studies(matches("1.2", _00081190=["http://x/studies/1.3"]), None, 1)


def test_modalities_in_study() -> None:
    found = answer(json.dumps([{"00080061": {"Value": ["CT", "MR"]}}]).encode())
    checks.has_modality(found, "MR")
    with pytest.raises(client.WrongAnswerError):
        checks.has_modality(found, "PT")


def test_studies_of_certain_days() -> None:
    found = matches("1.2", "1.3", _00080020=["20240229", "20240301"])
    checks.dated(found, {"1.2"}, "20240229", "20240302")
    for expected, first in (({"1.4"}, "20240229"), ({"1.3"}, "20240301")):
        with pytest.raises(client.WrongAnswerError):
            checks.dated(found, expected, first, "20240302")
    with pytest.raises(client.WrongAnswerError, match="twice"):
        checks.dated(matches("1.2", "1.2", _00080020=["20240229"] * 2), {"1.2"}, "20240229", "20240302")


def test_of_what_is_looked_at_later_only_what_differs_from_the_last_is() -> None:
    seen: list[bytes] = []
    look = checks.later(lambda one: seen.append(one.body))
    left = [look(answer(content)) for content in (b"a", b"a", b"ab", b"ab", b"a")]
    assert seen == []
    for rest in filter(None, left):
        rest()
    assert seen == [b"a", b"ab", b"a"]


def test_an_image_is_a_whole_jpeg_of_the_right_size() -> None:
    image = bytes(imagecodecs.jpeg8_encode(np.zeros((24, 16), "u1")))
    checks.jpeg(answer(image), 24, 16)
    for wrong in (answer(image[:-1]), answer(image, status=404)):
        with pytest.raises(client.WrongAnswerError):
            checks.jpeg(wrong, 24, 16)
    with pytest.raises(client.WrongAnswerError, match="24 rows"):
        checks.jpeg(answer(image), 16, 24)
