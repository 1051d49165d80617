import os
from pathlib import Path

from filmroom.audit.reading import Asked, records
from tests.audit import given


def test_what_is_no_record_is_passed_over(tmp_path: Path) -> None:
    path = given.written(tmp_path, 2)
    path.write_bytes(b"nothing\n[]\n" + path.read_bytes())
    assert [one["n"] for one in records(tmp_path / "audit", Asked())] == [1, 2]


def test_a_patient_is_found_among_several(tmp_path: Path) -> None:
    made = given.open_trail(tmp_path)
    made.append([given.fact(1, studies=["1.2", "1.3"], patients=[None, "ID2"]), given.fact(2, patient="ID1")])
    assert [one["n"] for one in records(tmp_path / "audit", Asked(patient="ID2"))] == [1]
    assert [one["n"] for one in records(tmp_path / "audit", Asked(patient="ID1"))] == [2]


def test_files_that_were_written_before_are_not_read(tmp_path: Path) -> None:
    given.written(tmp_path, 2)
    os.utime(given.files(tmp_path)[0], (0, 0))
    assert list(records(tmp_path / "audit", Asked(since="1999-01-03T00:00:00.000000Z"))) == []
