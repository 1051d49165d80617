"""Delete, and the sweep of files that no row names."""

import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pydicom.dataset import Dataset

from filmroom.archive import Archive
from filmroom.blobs import Memory, new_keys
from filmroom.dicom.resources import Resource
from filmroom.errors import NotFound
from filmroom.index import instances, rows
from filmroom.index.changes import fetch_after
from filmroom.index.transaction import Transaction
from filmroom.protocol.dialects import DICOMWEB
from filmroom.services import delete as service
from filmroom.services.examination import part
from filmroom.services.store import store
from tests import data
from tests.audit import given


def keep(archive: Archive, *made: Dataset, put: bool = False, lifetime: float | None = None) -> None:
    parts = [part(data.file(one)) for one in made]
    store(archive, DICOMWEB, Resource(), parts, replace=put, lifetime=lifetime)


def count(archive: Archive, target: Resource) -> int:
    with archive.index.read() as tx:
        return len(instances.fetch(tx, target))


def keys(archive: Archive) -> int:
    return len(list(archive.blobs.list()))


@pytest.fixture
def study(either: Archive) -> list[Dataset]:
    """Two Series of one Study, of two Instances and of one."""
    study, series = data.uid(), data.uid()
    made = [data.dataset(StudyInstanceUID=study, SeriesInstanceUID=series) for _ in range(2)]
    made.append(data.dataset(StudyInstanceUID=study))
    keep(either, *made)
    return made


def targets(made: Dataset) -> list[Resource]:
    uids = (made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID)
    return [Resource(*uids[:level]) for level in (1, 2, 3)]


@pytest.mark.parametrize(("level", "left"), [(1, 0), (2, 1), (3, 2)])
def test_what_is_named_goes_and_the_rest_stays(either: Archive, study: list[Dataset], level: int, left: int) -> None:
    service.delete(either, targets(study[0])[level - 1])
    assert count(either, targets(study[0])[0]) == left


@pytest.mark.parametrize("level", [1, 2, 3])
def test_nothing_to_delete_is_not_found(either: Archive, study: list[Dataset], level: int) -> None:
    name = ("study", "series", "instance")[level - 1]
    target = targets(study[0])[level - 1]
    service.delete(either, target)
    with pytest.raises(NotFound, match=f"The specified {name} cannot be found."):
        service.delete(either, target)


def test_files_stay_until_they_are_swept(either: Archive, study: list[Dataset]) -> None:
    service.delete(either, targets(study[0])[1])
    assert keys(either) == 3
    assert service.sweep(either, 60, orphan_age=60) == 0
    assert service.sweep(either, 0, orphan_age=0) == 2
    assert keys(either) == 1
    assert service.sweep(either, 0, orphan_age=0) == 0


def test_files_of_any_age_stay_for_the_delay(either: Archive, study: list[Dataset]) -> None:
    """A retrieve that has begun, and a backup that has copied the index, need them."""
    service.delete(either, targets(study[0])[2])
    study[1].PatientID = "ID2"
    keep(either, study[1], put=True)
    assert service.sweep(either, 60, orphan_age=0) == 0
    assert keys(either) == 4
    assert service.sweep(either, 0, orphan_age=0) == 2


def test_files_of_replaced_instances_are_swept(either: Archive, study: list[Dataset]) -> None:
    study[0].PatientID = "ID2"
    keep(either, study[0], put=True)
    assert keys(either) == 4
    assert service.sweep(either, 0, orphan_age=0) == 1
    assert count(either, targets(study[0])[0]) == 3


def test_files_without_a_row_are_swept(either: Archive, study: list[Dataset]) -> None:
    either.blobs.put(new_keys(1)[0], b"left by a crash")
    assert service.sweep(either, 60, orphan_age=60) == 0
    assert service.sweep(either, 0, orphan_age=0) == 1
    assert keys(either) == 3


def test_a_file_that_was_spooled_long_ago_is_young_when_it_is_put(archive: Archive) -> None:
    """A slow client takes hours; between the file and its row there must be no sweep."""
    spooled = archive.spool / "spooled"
    spooled.write_bytes(b"received long ago")
    os.utime(spooled, (0, 0))
    archive.blobs.put(new_keys(1)[0], spooled)
    assert service.sweep(archive, 60, orphan_age=60) == 0


def test_more_than_a_batch(either: Archive, monkeypatch: pytest.MonkeyPatch, study: list[Dataset]) -> None:
    monkeypatch.setattr(service, "_BATCH", 2)
    either.blobs.put_all([(key, b"left by a crash") for key in new_keys(5)])
    service.delete(either, targets(study[0])[0])
    assert service.sweep(either, 0, orphan_age=0) == 3 + 5
    assert keys(either) == 0


def test_a_file_swept_twice_is_no_error(either: Archive, study: list[Dataset]) -> None:
    service.delete(either, targets(study[0])[0])
    either.blobs.delete([key for key, _ in either.blobs.list()])
    assert service.sweep(either, 0, orphan_age=0) == 3


def test_stored_again_after_the_delete(either: Archive, study: list[Dataset]) -> None:
    service.delete(either, targets(study[0])[0])
    keep(either, *study)
    service.sweep(either, 0, orphan_age=0)
    assert count(either, targets(study[0])[0]) == keys(either) == 3


class Crash(BaseException):
    """The process ends here."""


def test_a_crash_before_the_keys_are_forgotten_is_made_up_for(archive: Archive) -> None:
    crashing, made = replace(archive, blobs=Crashing()), data.dataset()
    keep(crashing, made)
    service.delete(crashing, targets(made)[0])
    with pytest.raises(Crash):
        service.sweep(crashing, 0, orphan_age=0)
    assert keys(crashing) == 0
    assert service.sweep(replace(archive, blobs=Memory()), 0, orphan_age=0) == 1


class Crashing(Memory):
    """Deletes, and ends the process then."""

    def delete(self, keys: Iterable[str]) -> None:
        if keys := list(keys):
            super().delete(keys)
            raise Crash


def test_a_sweep_spares_what_is_being_stored(archive: Archive) -> None:
    """Its file is there before its row is; not even a sweep without delay may take it."""
    archive.blobs.put(new_keys(1)[0], b"stored in a moment")
    assert service.sweep(archive, 0) == 0


# --- Studies that expire

LATER = 100.0


def changes(archive: Archive) -> list[str]:
    with archive.index.read() as tx:
        return [one.action for one in fetch_after(tx, 0, 1000, 1000, metadata=False)]


def test_what_has_expired_is_deleted_with_its_changes(either: Archive, study: list[Dataset]) -> None:
    other = data.dataset()
    keep(either, data.dataset(StudyInstanceUID=study[0].StudyInstanceUID), lifetime=LATER)
    keep(either, other, lifetime=3 * LATER)
    assert service.expire(either, time.time()) == 0
    assert service.expire(either, time.time() + 2 * LATER) == 1
    either.audit.close()
    (record,) = given.lines(either.spool.parent)
    assert (record["action"], record["why"], record["study"]) == ("delete", "expired", study[0].StudyInstanceUID)
    assert (record["instances"], record["patient"]) == (4, study[0].PatientID)
    assert record["partition"] == "Microsoft.Default"
    assert (count(either, targets(study[0])[0]), count(either, targets(other)[0])) == (0, 1)
    assert changes(either) == ["create"] * 5 + ["delete"] * 4
    assert service.sweep(either, 0, orphan_age=0) == 4


def test_identical_bytes_without_a_time_keep_a_study(either: Archive, study: list[Dataset]) -> None:
    keep(either, data.dataset(StudyInstanceUID=study[0].StudyInstanceUID), lifetime=LATER)
    keep(either, study[0])
    assert service.expire(either, time.time() + 2 * LATER) == 0


def test_a_store_that_comes_meanwhile_is_honoured(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, study: list[Dataset]
) -> None:
    """Between the look and the lock; then the Study is found expired no more, and is left alone."""
    keep(archive, data.dataset(StudyInstanceUID=study[0].StudyInstanceUID), lifetime=LATER)
    remove = instances.remove

    def store_first(tx: Transaction, resource: Resource, expired_by: float | None) -> int:
        with monkeypatch.context() as undone:
            undone.setattr(instances, "remove", remove)
            rows.write_expiry(tx, 1, None)
        return remove(tx, resource, expired_by)

    monkeypatch.setattr(instances, "remove", store_first)
    assert service.expire(archive, time.time() + 2 * LATER) == 0
    assert count(archive, targets(study[0])[0]) == 4


def test_several_workers_delete_each_study_once(archive: Archive) -> None:
    made = [data.dataset() for _ in range(20)]
    keep(archive, *made, lifetime=LATER)
    with ThreadPoolExecutor(4) as pool:
        expired = list(pool.map(lambda _: service.expire(archive, time.time() + 2 * LATER), range(4)))
    assert sum(expired) == len(made)
    assert changes(archive) == ["create"] * len(made) + ["delete"] * len(made)


def test_who_is_asked_to_end_leaves_the_rest(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_BATCH", 2)
    keep(archive, *(data.dataset() for _ in range(5)), lifetime=LATER)
    asked = iter([False, False, False, True, True])
    assert service.expire(archive, time.time() + 2 * LATER, lambda: next(asked)) == 2
    assert service.expire(archive, time.time() + 2 * LATER) == 3


def test_killed_between_two_studies_it_goes_on(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(archive, *(data.dataset() for _ in range(3)), lifetime=LATER)
    remove, calls = instances.remove, iter(range(9))

    def crashing(tx: Transaction, resource: Resource, expired_by: float | None) -> int:
        removed = remove(tx, resource, expired_by)
        if next(calls) == 1:
            raise Crash
        return removed

    with monkeypatch.context() as patched:
        patched.setattr(instances, "remove", crashing)
        with pytest.raises(Crash):
            service.expire(archive, time.time() + 2 * LATER)
    assert changes(archive) == ["create"] * 3 + ["delete"]
    assert service.expire(archive, time.time() + 2 * LATER) == 2
