"""What begins like DICOM."""

import pytest

from filmroom.dicom import beginning
from tests import data


def test_with_preamble_and_without() -> None:
    content = data.file()
    assert beginning.is_dicom(content[: beginning.ENOUGH])
    assert beginning.is_dicom(content[132 : 132 + beginning.ENOUGH])


@pytest.mark.parametrize("head", [b"", b"DICM", b"\x08\0\x05\0", b"{" * 132])
def test_what_does_not(head: bytes) -> None:
    assert not beginning.is_dicom(head)
