"""What rows answer with is tested through searches; here, that answers which share a Study are not one another's."""

from filmroom.dicom.resources import Level
from filmroom.index import search
from filmroom.index.database import Database
from tests.index import given


def test_what_a_study_holds_is_read_once_and_is_in_each_answer(database: Database) -> None:
    for number in range(3):
        given.add(database, given.new("1", "1.1", f"1.1.{number}", PatientID="A", Modality="CT"))
    with database.read() as tx:
        first, *others = search.search(tx, given.asked(Level.INSTANCE, returned=["PatientID", "Modality"]))
    first.found.clear()
    assert [one.found for one in others] == [given.elements(Modality="CT", PatientID="A")] * 2
    assert others[0].found["00100020"] is others[1].found["00100020"]
