"""The registry of UIDs."""

import pytest

from filmroom.dicom import uids


@pytest.mark.parametrize(
    ("uid", "name"), [("1.2.840.10008.5.1.4.1.1.2", "CT Image Storage"), ("1.2.3", None), ("no UID", None), ("", None)]
)
def test_what_the_standard_knows_has_a_name(uid: str, name: str | None) -> None:
    assert uids.name(uid) == name
