"""Delete, and the sweep of files that no row names."""

from dataclasses import replace

import pytest
from pydicom.dataset import Dataset

from filmroom.archive import Archive
from filmroom.blobs import new_keys
from filmroom.dicom.resources import Resource
from filmroom.errors import NotFound
from filmroom.index import instances
from filmroom.protocol.dialects import DICOMWEB
from filmroom.services import delete as service
from filmroom.services.store import part, store
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
    assert service.sweep(either, delay=60) == 0
    assert service.sweep(either, delay=0) == 2
    assert keys(either) == 1
    assert service.sweep(either, delay=0) == 0


def test_files_of_replaced_instances_are_swept(either: Archive, study: list[Dataset]) -> None:
    study[0].PatientID = "ID2"
    keep(either, study[0], put=True)
    assert keys(either) == 4
    assert service.sweep(either, delay=0) == 1
    assert count(either, targets(study[0])[0]) == 3


def test_files_without_a_row_are_swept(either: Archive, study: list[Dataset]) -> None:
    either.blobs.put(new_keys(1)[0], b"left by a crash")
    assert service.sweep(either, delay=60) == 0
    assert service.sweep(either, delay=0) == 1
    assert keys(either) == 3


def test_more_than_a_batch(either: Archive, monkeypatch: pytest.MonkeyPatch, study: list[Dataset]) -> None:
    monkeypatch.setattr(service, "_BATCH", 2)
    either.blobs.put_all([(key, b"left by a crash") for key in new_keys(5)])
    service.delete(either, targets(study[0])[0])
    assert service.sweep(either, delay=0) == 3 + 5
    assert keys(either) == 0


def test_a_file_swept_twice_is_no_error(either: Archive, study: list[Dataset]) -> None:
    service.delete(either, targets(study[0])[0])
    either.blobs.delete([key for key, _ in either.blobs.list()])
    assert service.sweep(either, delay=0) == 3


def test_stored_again_after_the_delete(either: Archive, study: list[Dataset]) -> None:
    service.delete(either, targets(study[0])[0])
    keep(either, *study)
    service.sweep(either, delay=0)
    assert count(either, targets(study[0])[0]) == keys(either) == 3


class Crash(BaseException):
    """The process ends here."""


def test_a_crash_before_the_keys_are_forgotten_is_swept_up_next_time(either: Archive, study: list[Dataset]) -> None:
    service.delete(either, targets(study[0])[0])
    with pytest.raises(Crash):
        service.sweep(replace(either, blobs=_Crashing(either)), delay=0)
    assert service.sweep(either, delay=0) == 3
    assert keys(either) == 0


class _Crashing:
    """Deletes, and ends the process then."""

    def __init__(self, archive: Archive) -> None:
        self._blobs = archive.blobs

    def __getattr__(self, name: str) -> object:
        return getattr(self._blobs, name)

    def delete(self, keys: list[str]) -> None:
        self._blobs.delete(keys)
        raise Crash
