"""Numbers of thousands of digits, and beyond what anything can hold, are bad numbers and no work."""

import pytest

from tests.attacks.conftest import Target, status

NUMBERS = [b"9" * 20, b"9" * 60_000, b"1e999", b"-1", b"%E0%A5%A7", b"NaN", b"Infinity", b"0x10"]
OF_ONE = b"/dicomweb/studies/1.2/series/1.3/instances/1.4"
PATHS = [
    b"/dicomweb/studies?limit=%b",
    b"/dicomweb/studies?offset=%b",
    b"/dicomweb/studies?NumberOfStudyRelatedInstances=%b",
    b"/v2/studies?limit=%b",
    b"/v2/changefeed?limit=%b",
    b"/v2/changefeed?offset=%b",
    OF_ONE + b"/frames/%b",
    OF_ONE + b"/rendered?quality=%b",
    OF_ONE + b"/rendered?window=%b,1",
    OF_ONE + b"/rendered?viewport=%b,1",
    b"/dicomweb/wado?requestType=WADO&studyUID=1.2&seriesUID=1.3&objectUID=1.4&contentType=image/png&rows=%b",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_number_that_is_none(target: Target, path: bytes) -> None:
    for number in NUMBERS:
        assert status(target.get(path % number)) in {200, 204, 400, 404, 406, 431}, number[:20]


def test_a_range_of_bytes(target: Target) -> None:
    for number in NUMBERS:
        answer = target.get(OF_ONE, b"Accept: application/dicom", b"Range: bytes=%b-%b" % (number, number))
        assert status(answer) in {400, 404, 431}
