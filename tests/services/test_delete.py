"""Delete, and the sweep of files that no row names."""

import os
from collections.abc import Iterable
from dataclasses import replace

import pytest
from pydicom.dataset import Dataset

from filmroom.archive import Archive
from filmroom.blobs import Memory, new_keys
from filmroom.dicom.resources import Resource
from filmroom.errors import NotFound
from filmroom.index import instances
from filmroom.protocol.dialects import DICOMWEB
from filmroom.services import delete as service
from filmroom.services.examination import part
from filmroom.services.store import store
from tests import data


def keep(archive: Archive, *made: Dataset, put: bool = False) -> None:
    store(archive, DICOMWEB, Resource(), [part(data.file(one)) for one in made], replace=put)


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
