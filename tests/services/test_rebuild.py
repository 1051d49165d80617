"""The index made anew from the files alone answers what the lost one did."""

import copy
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import UID
from sqlalchemy import func, select

from filmroom.archive import Archive
from filmroom.blobs import new_keys
from filmroom.dicom import rewrite
from filmroom.dicom.resources import Level, Resource
from filmroom.errors import Conflict, Unavailable
from filmroom.index import instances, search, service_tables, tables
from filmroom.protocol.dialects import DICOMWEB
from filmroom.protocol.updates import Update
from filmroom.services import check, delete, operations, updates
from filmroom.services import rebuild as service
from filmroom.services.examination import part
from filmroom.services.operations import Function, Worker
from filmroom.services.partitions import noted
from filmroom.services.rebuild import Read
from filmroom.services.store import store
from filmroom.settings import Settings
from filmroom.task import Task
from tests import data
from tests.index import given
from tests.services.test_delete import keep, keys, targets

_FILES = Path(str(get_testdata_file("CT_small.dcm"))).parent  # those that come with pydicom


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", codec_processes=1)


def emptied(settings: Settings) -> None:
    """The database is lost."""
    for path in settings.data.glob("index.sqlite*"):
        path.unlink()


def rebuilt(settings: Settings, run: Any = None) -> dict[str, int]:
    """What a rebuild gives, to its end."""
    with closing(Archive.open(settings, rebuilding=True)) as archive:
        service.begin(archive)
        worker = Worker(archive, "worker", {service.REBUILD: Function(run or of(archive))})
        ran = worker.run_next()
        assert ran is not None
        if ran.error is not None:
            raise ran.error
        return dict(operations.status(archive, ran.id).results)


def of(archive: Archive) -> Any:
    return lambda task: service.rebuild(task, lambda keys: (service.read(archive, noted(archive), key) for key in keys))


def answers(settings: Settings) -> list[str]:
    """All that searches and retrieves say but watermarks and times, sorted: the order of one millisecond is lost."""
    with closing(Archive.open(settings)) as archive, archive.index.read() as tx:
        found: list[Any] = []
        for level in Level:
            matches = search.search(tx, given.asked(level, everything=True, limit=10_000))
            found.append([(match.resource, match.found) for match in matches])
        for resource, _ in found[-1]:
            stored, frames = instances.fetch_pixel_data(tx, resource)
            [(_, metadata)] = instances.fetch_metadata(tx, resource)
            bulks = instances.fetch_bulks(tx, resource)
            content = archive.blobs.get(stored.key)
            spans = None if frames is None else (frames.count, frames.start, frames.bits, frames.spans)
            found.append((stored.key, stored.digest, stored.transfer_syntax, spans, bulks, metadata, content))
        for table in (*tables.FURTHER.values(), *tables.TAG_VALUES.values()):
            found.append(tx.core.scalar(select(func.count()).select_from(table)))
        return sorted(repr(sorted(one, key=repr) if isinstance(one, list) else one) for one in found)


@pytest.fixture
def stored(settings: Settings) -> list[str]:
    """The answers of an archive in which much has happened."""
    with closing(Archive.open(settings)) as archive:
        for path in sorted(_FILES.glob("*.dcm")):
            store(archive, DICOMWEB, Resource(), [part(path.read_bytes())], replace=False)
        made = [data.image() for _ in range(5)]
        study = data.uid()
        for one in made[:3]:
            one.StudyInstanceUID = study
        keep(archive, *made)
        made[0].PatientName = "New^Name"
        keep(archive, made[0], put=True)
        delete.delete(archive, targets(made[1])[2])
        delete.delete(archive, targets(made[3])[0])
        delete.sweep(archive, 0, 0)
        made[4].PatientID = "2"
        keep(archive, made[4], put=True)  # and its first file is still there
    return answers(settings)


def test_a_rebuilt_index_answers_as_the_lost_one(settings: Settings, stored: list[str]) -> None:
    emptied(settings)
    results = rebuilt(settings)
    assert (results["replaced"], results["failed"]) == (1, 0)
    assert answers(settings) == stored
    with closing(Archive.open(settings)) as archive:
        assert delete.sweep(archive, 0, 0) == 1
        keep(archive, data.dataset())


def test_what_one_request_stored_keeps_its_order(settings: Settings) -> None:
    def order() -> list[Resource]:
        with closing(Archive.open(settings)) as archive, archive.index.read() as tx:
            found = (search.search(tx, given.asked(level, limit=100)) for level in Level)
            return [match.resource for matches in found for match in matches]

    with closing(Archive.open(settings)) as archive:
        keep(archive, *(data.dataset() for _ in range(20)))
    before = order()
    emptied(settings)
    rebuilt(settings)
    assert order() == before


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("at", range(3))
def test_killed_anywhere_it_goes_on(
    settings: Settings, stored: list[str], monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(service, "BATCH", 10)
    emptied(settings)
    read: list[str] = []

    def reading(archive: Archive, die: bool, keys: Iterable[str]) -> Iterator[Read]:
        for number, key in enumerate(keys):
            if die and number == 10 * at + 5:
                raise Killed
            read.append(key)
            yield service.read(archive, noted(archive), key)

    def run(die: bool) -> Any:
        return lambda task: service.rebuild(task, lambda keys: reading(task.archive, die, keys))

    with pytest.raises(Killed):
        rebuilt(settings, run(True))
    with pytest.raises(Unavailable, match="only half rebuilt"):
        Archive.open(settings)
    rebuilt(settings, run(False))
    assert len(read) == len(set(read)) + 5
    assert answers(settings) == stored


def test_what_can_not_be_read_is_told_and_left(settings: Settings) -> None:
    with closing(Archive.open(settings)) as archive:
        keep(archive, data.dataset())
        bad = new_keys(2)
        archive.blobs.put(bad[0], b"not DICOM")
        archive.blobs.put(bad[1], data.file(data.image())[:-40])
    emptied(settings)
    assert rebuilt(settings) == {"instances": 1, "replaced": 0, "failed": 2}
    with closing(Archive.open(settings)) as archive:
        [done] = operations.newest(archive)
        failures = operations.failures(archive, done.id, 10, 0)
        assert sorted(one.item for one in failures) == sorted(bad)
        assert keys(archive) == 3


def test_a_file_that_the_disk_does_not_give_is_told_and_the_others_are_read(settings: Settings) -> None:
    with closing(Archive.open(settings)) as archive:
        keep(archive, data.image(), data.image())
        key = min(key for key, _ in archive.blobs.list())
    [file] = settings.data.rglob(key)
    file.unlink()
    file.mkdir()
    emptied(settings)
    assert rebuilt(settings) == {"instances": 1, "replaced": 0, "failed": 1}
    with closing(Archive.open(settings)) as archive:
        [done] = operations.newest(archive)
        [failure] = operations.failures(archive, done.id, 10, 0)
        assert (failure.item, failure.message) == (key, "A file of the blob store can't be read: Is a directory.")
        assert delete.sweep(archive, -1, orphan_age=-1) == 0  # it is left where it is


def test_a_rebuild_that_could_read_nothing_is_done_once_more(settings: Settings) -> None:
    made = data.image()
    with closing(Archive.open(settings)) as archive:
        keep(archive, made)
    [file] = [path for path in settings.data.glob("blobs/*/*") if path.is_file()]
    content = file.read_bytes()
    file.unlink()
    file.mkdir()
    emptied(settings)
    assert rebuilt(settings) == rebuilt(settings) == {"instances": 0, "replaced": 0, "failed": 1}
    file.rmdir()
    file.write_bytes(content)
    assert rebuilt(settings)["instances"] == 1
    with closing(Archive.open(settings)) as archive:
        delete.delete(archive, targets(made)[0])


def test_a_folder_without_files_is_taken_for_one_that_is_not_mounted(settings: Settings) -> None:
    with pytest.raises(Conflict, match="is the disk mounted"):
        rebuilt(settings)
    with closing(Archive.open(settings)) as archive:
        assert operations.newest(archive) == []


def test_a_large_file_goes_through_the_spool(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Archive.open(settings)) as archive:
        keep(archive, data.image())
    before = answers(settings)
    emptied(settings)
    monkeypatch.setattr(service, "IN_MEMORY", 10)
    rebuilt(settings)
    assert answers(settings) == before
    assert list((settings.data / "spool").iterdir()) == []


def test_a_file_that_goes_away_meanwhile_is_told_of(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Archive.open(settings)) as archive:
        keep(archive, data.dataset())
        [(key, _)] = archive.blobs.list()
        archive.blobs.delete([key])
        found = service.read(archive, noted(archive), key)
    assert (found.rows, "went away" in found.problem) == (None, True)


def test_an_index_that_holds_something_is_refused(settings: Settings) -> None:
    with closing(Archive.open(settings)) as archive:
        keep(archive, data.dataset())
        with pytest.raises(Conflict, match="not empty"):
            service.begin(archive)


def test_a_disk_that_is_full_is_no_end(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BATCH", 2)
    with closing(Archive.open(settings)) as archive:
        keep(archive, *(data.dataset() for _ in range(6)))
    before = answers(settings)
    emptied(settings)

    def run(task: Task) -> Any:
        def full(progress: service.Progress) -> None:
            if progress.files == 4:
                raise Unavailable("The index can't be used: the disk is full; free some space.")

        return service.rebuild(task, lambda keys: (service.read(task.archive, None, key) for key in keys), full)

    with pytest.raises(Unavailable, match="disk is full"):
        rebuilt(settings, run)
    with closing(Archive.open(settings, rebuilding=True)) as archive:
        [left] = operations.newest(archive)
        assert (left.state, left.percent) == (operations.State.RUNNING, 66)
        with archive.index.begin() as tx:
            tx.core.execute(service_tables.operation.update().values(leased_until=0.0))  # the rest has passed
    rebuilt(settings)
    assert answers(settings) == before


def test_one_that_failed_is_gone_on_with(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BATCH", 2)
    with closing(Archive.open(settings)) as archive:
        keep(archive, *(data.dataset() for _ in range(6)))
    before = answers(settings)
    emptied(settings)

    def run(task: Task) -> Any:
        def odd(progress: service.Progress) -> None:
            if progress.files == 4:
                raise KeyError("a mistake of ours")

        return service.rebuild(task, lambda keys: (service.read(task.archive, None, key) for key in keys), odd)

    def at_once(task: Task) -> Any:
        raise KeyError("the same mistake, before a single batch")

    for fails in (run, at_once, at_once):
        with pytest.raises(KeyError):
            rebuilt(settings, fails)
    with pytest.raises(Unavailable, match="only half rebuilt"):
        Archive.open(settings)
    assert rebuilt(settings)["instances"] == 6
    assert answers(settings) == before
    with closing(Archive.open(settings)) as archive:
        assert delete.sweep(archive, -1) == 0  # no batch was added twice


def test_files_without_an_index_are_not_taken_for_left_ones(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep of a service that starts on an empty index would remove them all, a day later."""
    monkeypatch.setattr("filmroom.archive.CLOCKS", -1.0)
    with closing(Archive.open(settings)) as archive:
        keep(archive, data.dataset())
    emptied(settings)
    with pytest.raises(Unavailable, match="index is empty, but there are files older"):
        Archive.open(settings)
    rebuilt(settings)
    Archive.open(settings).close()


def test_what_a_first_store_left_keeps_nobody_away(settings: Settings) -> None:
    Archive.open(settings).close()
    with closing(Archive.open(settings)) as archive:
        archive.blobs.put(new_keys(1)[0], b"left by a crash")
    Archive.open(settings).close()


# --- Data partitions, and first versions


_milliseconds = count(1_700_000_000_000)


def put(archive: Archive, content: bytes | Callable[[str], bytes], partition: int = 1) -> str:
    """A file, which may say its key, under one that is later than those before."""
    key = f"{next(_milliseconds):012x}00{partition:05x}" + "0" * 13
    archive.blobs.put(key, content if isinstance(content, bytes) else content(key))
    return key


def stored_in(settings: Settings) -> list[Any]:
    with closing(Archive.open(settings)) as archive, archive.index.read() as tx:
        return [tuple(row) for row in tx.core.execute(select(tables.instance.c.blob, tables.instance.c.partition))]


def test_files_come_into_the_partitions_that_their_keys_say(settings: Settings) -> None:
    same = data.file()
    with closing(Archive.open(settings)) as archive:
        archive.blobs.write_note("partitions", b'{"Microsoft.Default": 1, "research": 7}')
        first, second, unknown = (put(archive, same, number) for number in (1, 7, 9))
    assert rebuilt(settings) == {"instances": 2, "replaced": 0, "failed": 1}
    assert sorted(stored_in(settings)) == sorted([(first, 1), (second, 7)])
    with closing(Archive.open(settings)) as archive:
        [done] = operations.newest(archive)
        [failure] = operations.failures(archive, done.id, 10, 0)
        assert (failure.item, "no name for its data partition" in failure.message) == (unknown, True)
        with archive.index.read() as tx:
            names = {row.key: row.name for row in tx.core.execute(select(tables.partition))}
    assert names == {1: "Microsoft.Default", 7: "research"}


def updated(made: Any, original: str) -> Callable[[str], bytes]:
    """What makes a file that names its first version, and its own key."""
    made = copy.deepcopy(made)

    def content(key: str) -> bytes:
        read = dcmread(io.BytesIO(data.file(made)))
        read.file_meta.PrivateInformationCreatorUID = UID(rewrite.ORIGINAL_CREATOR_UID)
        read.file_meta.PrivateInformation = (original + key).encode()
        written = io.BytesIO()
        read.save_as(written, enforce_file_format=True)
        return written.getvalue()

    return content


@pytest.mark.parametrize("same_uids", [True, False])
@pytest.mark.parametrize("batch", [1, 500])
def test_the_first_version_of_an_updated_file_is_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, same_uids: bool, batch: int
) -> None:
    monkeypatch.setattr(service, "BATCH", batch)
    made = data.image()
    with closing(Archive.open(settings)) as archive:
        first = put(archive, data.file(made))
        made.PatientName = "Second^Version"
        if not same_uids:
            made.StudyInstanceUID = data.uid()
        second = put(archive, updated(made, first))
        made.PatientName = "Third^Version"
        third = put(archive, updated(made, first))
    rebuilt(settings)
    assert stored_in(settings) == [(third, 1)]
    with closing(Archive.open(settings)) as archive:
        with archive.index.read() as tx:
            kept = tx.core.execute(select(tables.original)).one()
            deleted = list(tx.core.scalars(select(tables.deleted_blob.c.blob)))
        assert (kept.blob, kept.version, kept.frames) == (first, 1, 1)
        assert deleted == [second]


@pytest.mark.parametrize("swept", [True, False])
def test_what_was_updated_comes_back_with_its_first_version(settings: Settings, swept: bool) -> None:
    made, new = [data.image() for _ in range(3)], data.uid()
    name = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Second^Version"}]}}
    with closing(Archive.open(settings)) as archive:
        keep(archive, *made)
        for uid, changes in (
            (str(made[0].StudyInstanceUID), name),
            (str(made[0].StudyInstanceUID), {"0020000D": {"vr": "UI", "Value": [new]}}),
            (str(made[1].StudyInstanceUID), name),
        ):
            updates.start(archive, Update((uid,), changes), 1)
            assert Worker(archive, "worker").run_next() is not None
        if swept:
            delete.sweep(archive, -1, orphan_age=-1)
    before, firsts = answers(settings), first_versions(settings)
    emptied(settings)
    rebuilt(settings)
    assert (answers(settings), first_versions(settings)) == (before, firsts)
    with closing(Archive.open(settings)) as archive:
        assert list(check.check(archive, check.Asked())) == []
        delete.sweep(archive, -1, orphan_age=-1)
        assert keys(archive) == 5
    assert first_versions(settings) == firsts


def test_a_copy_of_an_updated_file_is_the_new_version_of_nothing(settings: Settings) -> None:
    made, elsewhere = data.image(), data.uid()
    name = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Second^Version"}]}}
    with closing(Archive.open(settings)) as archive:
        keep(archive, made)
        updates.start(archive, Update((str(made.StudyInstanceUID),), name), 1)
        assert Worker(archive, "worker").run_next() is not None
        with archive.index.read() as tx:
            [found] = instances.fetch(tx, Resource(str(made.StudyInstanceUID)))
        copied = dcmread(io.BytesIO(archive.blobs.get(found.key)))
        copied.SOPInstanceUID = copied.file_meta.MediaStorageSOPInstanceUID = UID(elsewhere)
        copied.save_as(written := io.BytesIO(), enforce_file_format=True)
        store(archive, DICOMWEB, Resource(), [part(written.getvalue())], replace=False)
    before, firsts = answers(settings), first_versions(settings)
    emptied(settings)
    rebuilt(settings)
    assert (answers(settings), first_versions(settings)) == (before, firsts)


def first_versions(settings: Settings) -> list[Any]:
    with closing(Archive.open(settings)) as archive, archive.index.read() as tx:
        found = tx.core.execute(select(tables.original, tables.instance.c.blob.label("newest")).join(tables.instance))
        # Of the order of one millisecond nothing is known, nor of times.
        rows = [dict(row._mapping) for row in found]
    return sorted(repr({k: v for k, v in row.items() if k not in {"watermark", "version", "created"}}) for row in rows)


def test_a_file_that_names_nonsense_is_an_ordinary_one(settings: Settings) -> None:
    with closing(Archive.open(settings)) as archive:
        put(archive, updated(data.dataset(), "../../etc/passwd"))
        put(archive, updated(data.dataset(), new_keys(1)[0]))
    assert rebuilt(settings) == {"instances": 2, "replaced": 0, "failed": 0}
