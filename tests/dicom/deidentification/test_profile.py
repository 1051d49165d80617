"""Pseudonyms: the same key gives the same, another gives others."""

import uuid

import pytest
from pydicom.uid import UID, MRImageStorage

from filmroom.dicom.deidentification import Deidentification, Option
from tests import data

PROFILE = Deidentification.of([], b"a secret")


def test_a_uid_becomes_that_of_a_uuid() -> None:
    original = data.uid()
    made = PROFILE.uid(original)
    assert made == Deidentification.of([Option.PATIENT], b"a secret").uid(f"{original}\0")
    assert UID(made).is_valid
    assert uuid.UUID(int=int(made.removeprefix("2.25."))).variant == uuid.RFC_4122
    assert uuid.UUID(int=int(made.removeprefix("2.25."))).version == 8


def test_other_keys_give_other_pseudonyms() -> None:
    original = data.uid()
    profiles = (PROFILE, Deidentification.of([], b"another"), Deidentification.of([], b"a secret", "research"))
    assert len({profile.uid(original) for profile in profiles}) == 3
    assert len({profile.patient("ID1") for profile in profiles}) == 3


@pytest.mark.parametrize("uid", [MRImageStorage, "1.2.840.10008.1.4.1.1", "1.2.840.10008.1.5.1", ""])
def test_uids_of_the_standard_stay(uid: str) -> None:
    """SOP Classes, the frame of reference of an atlas, a color palette."""
    assert PROFILE.uid(uid) == uid


def test_uids_that_only_begin_like_those_of_the_standard_do_not() -> None:
    assert PROFILE.uid("1.2.840.10008.99999.1").startswith("2.25.")


def test_resources_keep_their_uids_with_the_option() -> None:
    original = data.uid()
    kept = Deidentification.of([Option.UIDS], b"a secret")
    assert kept.uid(original) == original
    assert kept.pseudonym(original) == PROFILE.pseudonym(original)


def test_the_pseudonym_of_a_patient_is_a_name_and_an_id() -> None:
    assert PROFILE.patient("ID1") == PROFILE.patient("ID1") != PROFILE.patient("ID2")
    assert len(PROFILE.patient("ID1")) == 16
    assert PROFILE.patient("ID1").isalnum()


def test_days_differ_between_patients_and_are_never_none() -> None:
    days = {PROFILE.days(str(number)) for number in range(100)}
    assert len(days) > 90
    assert min(days) >= 1
    assert max(days) <= 3650


def test_the_key_is_not_shown() -> None:
    assert "key" not in repr(PROFILE)
