"""What a check finds in an archive that is not sound, and what it mends."""

import errno
import os
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import delete, insert, update

from filmroom.archive import Archive
from filmroom.blobs import new_keys
from filmroom.dicom.query_tags import QueryTag
from filmroom.dicom.resources import DEFAULT_PARTITION, Level, Resource
from filmroom.index import instances, rows, tables
from filmroom.index.changes import fetch_after
from filmroom.index.transaction import Transaction
from filmroom.protocol.updates import Update
from filmroom.services import check as service
from filmroom.services import delete as delete_service
from filmroom.services import query_tags, updates
from filmroom.services.check import Asked, Kind, Problem
from filmroom.services.operations import Worker
from filmroom.settings import Settings
from tests import data
from tests.services.test_delete import Crash, count, keep, targets

REPAIR = Asked(repair=True, orphan_age=0)


@pytest.fixture
def study(either: Archive) -> list[Dataset]:
    """Two Series of one Study, of two Instances and of one, beside another Study."""
    uids = {"StudyInstanceUID": data.uid(), "OtherPatientNames": ["Second^Name", "Third^Name"]}
    first = data.dataset(**uids)
    made = [first, data.dataset(**uids, SeriesInstanceUID=first.SeriesInstanceUID), data.dataset(**uids)]
    keep(either, *made, data.dataset())
    return made


def found(archive: Archive, asked: Asked = Asked(orphan_age=0)) -> list[Problem]:  # noqa: B008
    return list(service.check(archive, asked))


def kinds(problems: Iterable[Problem]) -> list[Kind]:
    return [problem.kind for problem in problems]


def stored(archive: Archive, made: Dataset) -> str:
    with archive.index.read() as tx:
        return instances.fetch(tx, targets(made)[2])[0].key


def path(made: Dataset) -> str:
    return f"/studies/{made.StudyInstanceUID}/series/{made.SeriesInstanceUID}/instances/{made.SOPInstanceUID}"


def changed(archive: Archive, *statements: object) -> None:
    with archive.index.begin() as tx:
        for statement in statements:
            tx.core.execute(statement)  # type: ignore[call-overload]


@pytest.mark.parametrize("quick", [False, True])
def test_what_is_sound(either: Archive, study: list[Dataset], quick: bool) -> None:
    study[0].PatientName = "New"
    keep(either, study[0], put=True)
    delete_service.delete(either, targets(study[1])[2])
    assert found(either, Asked(quick=quick, orphan_age=0)) == []  # files that wait for the sweep are no problem


def test_a_lost_file(either: Archive, study: list[Dataset]) -> None:
    key = stored(either, study[0])
    either.blobs.delete([key])
    assert found(either) == [Problem(Kind.LOST, f"{path(study[0])} ({key})", "the file is not there")]
    assert kinds(found(either, Asked(quick=True))) == [Kind.LOST]
    [problem] = found(either, REPAIR)
    assert (problem.repaired, count(either, targets(study[0])[0])) == (False, 3)


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bad_sector(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    made = [data.dataset() for _ in range(2)]
    with closing(Archive.open(Settings(data=tmp_path, codec_processes=1))) as archive:
        keep(archive, *made)
        archive.blobs.delete([stored(archive, made[1])])
        monkeypatch.setattr("filmroom.blobs.folder._read", bad_sector)
        problems = found(archive, Asked(remove_lost=True))
    assert [(one.kind, one.repaired) for one in problems] == [(Kind.DAMAGED, False), (Kind.LOST, True)]
    assert problems[0].text == "A file of the blob store can't be read: Input/output error."


def test_rows_of_lost_files_go_when_that_is_said(either: Archive, study: list[Dataset]) -> None:
    either.blobs.delete([stored(either, study[0])])
    [problem] = found(either, Asked(remove_lost=True))
    assert (problem.repaired, count(either, targets(study[0])[0])) == (True, 2)
    assert found(either) == []
    with either.index.read() as tx:
        assert [one.action for one in fetch_after(tx, 4, 100, 100, metadata=False)] == ["delete"]


def test_other_bytes(either: Archive, study: list[Dataset]) -> None:
    here = update(tables.instance).where(tables.instance.c.blob == stored(either, study[0]))
    changed(either, here.values(digest=bytes(32)))
    assert kinds(found(either)) == [Kind.DAMAGED]
    assert found(either, Asked(quick=True)) == []
    changed(either, here.values(length=7))
    [problem] = found(either, Asked(quick=True))
    assert problem.text.endswith("and had 7")
    assert not found(either, REPAIR)[0].repaired


def test_files_without_a_row(either: Archive, study: list[Dataset]) -> None:
    [key] = new_keys(1)
    either.blobs.put(key, b"left")
    assert found(either, Asked()) == []  # it may still get one
    [problem] = found(either)
    assert (problem.kind, problem.where) == (Kind.ORPHAN, key)
    assert found(either, REPAIR)[0].repaired
    assert found(either) == []


@pytest.mark.parametrize(
    "statement",
    [
        update(tables.study).values(instances=7),
        update(tables.study).values(series=7),
        update(tables.study).values(newest=7),
        update(tables.study).values(modalities="CT\\MR"),
        update(tables.study).values(sop_classes=""),
        update(tables.series).values(instances=7),
        update(tables.series).values(newest=77),
    ],
    ids=str,
)
def test_counts_and_sets(either: Archive, study: list[Dataset], statement: object) -> None:
    changed(either, statement)
    problems = found(either, Asked(quick=True))
    assert kinds(problems) == [Kind.COUNTS] * 2
    assert f"/studies/{study[0].StudyInstanceUID}" in [problem.where for problem in problems]
    assert all(problem.repaired for problem in found(either, REPAIR))
    assert found(either) == []


def test_rows_without_anything_in_them(either: Archive, study: list[Dataset]) -> None:
    changed(either, delete(tables.instance).where(tables.instance.c.SOPInstanceUID == study[2].SOPInstanceUID))
    assert kinds(found(either)) == [Kind.ORPHAN, Kind.COUNTS]
    found(either, REPAIR)
    assert found(either) == []
    with either.index.read() as tx:
        version = instances.version(tx, targets(study[0])[0])
    assert version is not None
    assert version.instances == 2


def test_what_is_searched_by(either: Archive, study: list[Dataset]) -> None:
    table = tables.FURTHER[Level.STUDY]
    changed(
        either,
        update(tables.study).values(PatientID="other"),
        update(tables.series).values(Modality="other"),
        update(tables.instance).values(InstanceNumber=7),
        insert(table).values(row=1, tag=1, value="x"),
    )
    assert found(either, Asked(quick=True)) != []  # the sets of Studies follow from Modality
    problems = found(either, REPAIR)
    assert kinds(problems).count(Kind.VALUES) == 2 + 3 + 4
    found(either, REPAIR)
    assert found(either) == []


def test_values_of_query_tags(either: Archive) -> None:
    query_tags.declare(either, [QueryTag(0, "00181150", "IS", Level.INSTANCE)])
    query_tags.reindex(either, [tag.key for tag, _ in query_tags.fetch_all(either, -1, 0)])
    keep(either, data.dataset(ExposureTime=5), data.dataset(ExposureTime=6), data.dataset())
    assert found(either) == []
    changed(either, delete(tables.TAG_VALUES[Level.INSTANCE]))
    assert kinds(found(either)) == [Kind.TAGS] * 2
    found(either, REPAIR)
    assert found(either) == []


def test_metadata_that_is_missing_is_told(either: Archive, study: list[Dataset]) -> None:
    changed(either, delete(tables.instance_data).where(tables.instance_data.c.watermark == 1))
    [problem] = found(either, REPAIR)
    assert (problem.kind, problem.repaired) == (Kind.DATA, False)


# --- Beside a running service


def test_what_is_deleted_meanwhile_is_no_problem(
    either: Archive, study: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    look: Callable[..., object] = service._file_problem

    def deleted(archive: Archive, quick: bool, file: object) -> object:
        if count(archive, targets(study[0])[0]):
            delete_service.delete(archive, targets(study[0])[0])
            delete_service.sweep(archive, 0, 0)
        return look(archive, quick, file)

    monkeypatch.setattr(service, "_file_problem", deleted)
    assert found(either, Asked(threads=1)) == []


def test_a_file_that_came_back_keeps_its_row(
    either: Archive, study: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = stored(either, study[0])
    content = either.blobs.get(key)
    either.blobs.delete([key])
    transact = either.index.transact

    def restored(work: Callable[[Transaction], bool]) -> bool:
        either.blobs.put(key, content)
        return transact(work)

    monkeypatch.setattr(either.index, "transact", restored)
    assert [problem.repaired for problem in found(either, Asked(remove_lost=True))] == [False]
    assert count(either, targets(study[0])[0]) == 3


def test_killed_within_a_repair_it_does_no_harm(
    either: Archive, study: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(either, update(tables.study).values(instances=7))
    recount, calls = rows.recount, iter(range(9))

    def crashing(tx: Transaction, study_key: int) -> None:
        recount(tx, study_key)
        if next(calls) == 1:
            raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(rows, "recount", crashing)
        with pytest.raises(Crash):
            found(either, REPAIR)
    assert kinds(found(either)) == [Kind.COUNTS]
    found(either, REPAIR)
    assert found(either) == []


def test_how_far_it_is(either: Archive, study: list[Dataset]) -> None:
    seen: list[service.Progress] = []
    found(either, Asked(progress=seen.append))
    assert [(one.files, one.of) for one in seen] == [(4, 4)]


def test_paths() -> None:
    assert service.path(Resource("1", "2")) == "/studies/1/series/2"
    assert service.path(None) == "(deleted meanwhile)"
    assert Path(service.path(Resource("1"))).name == "1"


@pytest.fixture
def updated(either: Archive, study: list[Dataset]) -> list[str]:
    """The keys of first versions: the Study was updated."""
    first = [stored(either, made) for made in study]
    name = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "New"}]}}
    updates.start(either, Update((str(study[0].StudyInstanceUID),), name), DEFAULT_PARTITION)
    assert Worker(either, "worker").run_next() is not None
    return first


@pytest.mark.parametrize("repair", [True, False])
def test_first_versions_are_no_left_files(either: Archive, updated: list[str], repair: bool) -> None:
    assert found(either, Asked(repair=repair, orphan_age=0)) == []
    delete_service.sweep(either, -1, orphan_age=-1)
    assert {key for key, _ in either.blobs.list()} >= {*updated}
    assert found(either) == []


def test_a_first_version_that_is_lost_is_told_and_the_newest_stays(
    either: Archive, study: list[Dataset], updated: list[str]
) -> None:
    either.blobs.delete(updated[:1])
    problem = Problem(Kind.LOST, f"{path(study[0])} ({updated[0]})", "of the first version: the file is not there")
    assert found(either, Asked(remove_lost=True, repair=True, orphan_age=0)) == [problem]
    assert count(either, targets(study[0])[0]) == 3
