"""What a data set says of loss after a change of its Transfer Syntax."""

from collections.abc import Iterable
from typing import Any

import pytest

from filmroom.dicom import transfer_syntax as syntaxes
from filmroom.pixels import loss

NATIVE, JPEG = syntaxes.EXPLICIT_LITTLE.uid, syntaxes.JPEG_BASELINE.uid
NEAR, J2K, LOSSLESS_J2K = syntaxes.JPEG_LS_LOSSY.uid, syntaxes.JPEG_2000.uid, syntaxes.JPEG_2000_LOSSLESS.uid


def said(elements: dict[str, Any], source: str, target: str) -> dict[int, str]:
    found = loss.edits(elements, source, target, 12.5)
    return {tag: _text(value.chunks) for tag, value in found.items() if value is not None}


def _text(chunks: Iterable[bytes]) -> str:
    return b"".join(chunks).decode().strip()


@pytest.mark.parametrize("target", [NATIVE, LOSSLESS_J2K])
def test_nothing_is_said_where_nothing_was_lost(target: str) -> None:
    assert said({}, LOSSLESS_J2K, target) == {}


@pytest.mark.parametrize(("source", "method"), [(JPEG, "ISO_10918_1"), (NEAR, "ISO_14495_1")])
def test_what_has_lost_something_says_so_when_it_is_decoded(source: str, method: str) -> None:
    assert said({}, source, NATIVE) == {loss.LOSSY: "01", loss.METHOD: method}


def test_each_ratio_goes_with_its_method() -> None:
    assert said({}, NATIVE, J2K) == {loss.LOSSY: "01", loss.RATIO: "12.5", loss.METHOD: "ISO_15444_1"}
    assert said({}, JPEG, J2K) == {loss.LOSSY: "01", loss.METHOD: "ISO_10918_1\\ISO_15444_1"}
    assert loss.edits({}, JPEG, J2K, 12.5)[loss.RATIO] is None
    known = {"00282112": {"vr": "DS", "Value": [10]}, "00282114": {"vr": "CS", "Value": ["ISO_10918_1"]}}
    assert said(known, JPEG, J2K)[loss.RATIO] == "10\\12.5"
