from filmroom.dicom import attributes
from filmroom.dicom.resources import Level
from filmroom.dicom.search_attributes import COMPUTED, HELD, MATCHING_KEYS


def test_keys_are_held_by_the_rows_of_their_level() -> None:
    for tag, level in MATCHING_KEYS.items():
        assert (tag in HELD[level]) != (tag in COMPUTED)


def test_every_key_has_a_vr() -> None:
    assert {attributes.vr(tag) for tag in MATCHING_KEYS} == {"DA", "TM", "SH", "CS", "PN", "LO", "UI", "IS", "DT"}


def test_each_level_is_found_by_its_uid() -> None:
    assert [MATCHING_KEYS[tag] for tag in (0x0020000D, 0x0020000E, 0x00080018)] == list(Level)
