"""The table is that of the Standard: so many rows of each kind, and those that everybody knows."""

from collections import Counter

import pytest

from filmroom.dicom import attributes
from filmroom.dicom.deidentification.table import ADDED, TABLE


def test_it_has_as_many_rows_of_each_action_as_the_standard() -> None:
    """Without private attributes, curves, and data and comments of overlays, which are rules of their own."""
    counts = Counter({action: 0 for action, _ in TABLE})
    for (action, _), names in TABLE.items():
        counts[action] += len(names.split())
    assert counts == {
        "X": 413,
        "D": 93,
        "U": 55,
        "Z": 42,
        "X/D": 23,
        "X/Z": 11,
        "X/Z/D": 8,
        "Z/D": 6,
        "X/Z/U*": 2,
    }


@pytest.mark.parametrize(("letter", "count"), [("u", 60), ("d", 48), ("i", 10), ("p", 14), ("t", 169)])
def test_it_has_as_many_rows_that_each_option_keeps(letter: str, count: int) -> None:
    assert sum(len(names.split()) for (_, letters), names in TABLE.items() if letter in letters) == count


def test_each_attribute_is_there_once_and_known() -> None:
    names = [name for table in (TABLE, ADDED) for row in table.values() for name in row.split()]
    tags = [attributes.parse(name) for name in names]
    assert None not in tags
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("vr", ["PN", "DA", "DT", "TM"])
def test_no_person_and_no_time_of_the_dictionary_is_left_out(vr: str) -> None:
    names = [name for table in (TABLE, ADDED) for row in table.values() for name in row.split()]
    listed = {attributes.parse(name) for name in names}
    assert {tag for tag, known in attributes.VRS.items() if known == vr} <= listed
