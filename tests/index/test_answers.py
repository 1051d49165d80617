"""What rows answer with is tested through searches; here, that answers which share a Study are not one another's."""

import pytest

from filmroom.dicom.matching import Query
from filmroom.dicom.resources import Level
from filmroom.index import search
from filmroom.index.answers import Answers
from filmroom.index.database import Database
from tests.index import given


def test_what_a_study_holds_is_read_once_and_is_in_each_answer(database: Database) -> None:
    for number in range(3):
        given.add(database, given.new("1", "1.1", f"1.1.{number}", PatientID="A", Modality="CT"))
    with database.read() as tx:
        first, *others = search.search(tx, given.asked(Level.INSTANCE, returned=["PatientID", "Modality"]))
    first[1].clear()
    assert [found for _, found in others] == [given.elements(Modality="CT", PatientID="A")] * 2
    assert others[0][1]["00100020"] is others[1][1]["00100020"]


@pytest.mark.parametrize(("returned", "read"), [("PatientID", False), ("ImageComments", True)])
def test_metadata_are_read_only_for_what_no_row_holds(returned: str, read: bool) -> None:
    query: Query = given.asked(Level.STUDY, returned=[returned])
    beyond = query.attributes if read else ()
    assert Answers(query, beyond, {}).reads_metadata is read
