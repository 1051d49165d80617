"""The registry of UIDs."""

import pytest

from filmroom.dicom import uids


@pytest.mark.parametrize(
    ("uid", "name"), [("1.2.840.10008.5.1.4.1.1.2", "CT Image Storage"), ("1.2.3", None), ("no UID", None), ("", None)]
)
def test_what_the_standard_knows_has_a_name(uid: str, name: str | None) -> None:
    assert uids.name(uid) == name


@pytest.mark.parametrize(
    ("uid", "document"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.59", True),  # Key Object Selection
        ("1.2.840.10008.5.1.4.1.1.104.1", True),  # PDF
        ("1.2.840.10008.5.1.4.1.1.11.1", False),  # Presentation State
        ("1.2.840.10008.5.1.4.1.1.2", False),
    ],
)
def test_reports_and_encapsulated_documents_are_documents(uid: str, document: bool) -> None:
    assert uids.is_document(uid) is document
