"""Store: outcomes, and what is there after a failure at each of its steps."""

import errno
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from filmroom.archive import Archive
from filmroom.blobs import Content, Folder, Memory
from filmroom.dicom.resources import Resource
from filmroom.dicom.store_response import ALREADY_STORED, VALIDATION_FAILED, Outcome
from filmroom.errors import Unavailable
from filmroom.index import instances
from filmroom.index.additions import NewInstance, Status
from filmroom.index.group_commit import GroupCommit
from filmroom.protocol.dialects import DICOMWEB, V1, V2, Dialect
from filmroom.services.delete import sweep
from filmroom.services.examination import Part, part
from filmroom.services.store import store
from tests import data

ANY = Resource()
DEFLATED = "1.2.840.10008.1.2.1.99"


class Crash(BaseException):
    """The process ends here."""


def stored(archive: Archive, *contents: bytes, dialect: Dialect = DICOMWEB, put: bool = False) -> tuple[Outcome, ...]:
    return store(archive, dialect, ANY, [part(content) for content in contents], replace=put).outcomes


def resource(made: Dataset) -> Resource:
    return Resource(made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID)


def found(archive: Archive, made: Dataset) -> bytes | None:
    """The bytes that are stored under the UIDs of a data set."""
    with archive.index.read() as tx:
        rows = instances.fetch(tx, resource(made))
    return archive.blobs.get(rows[0].key) if rows else None


def keys(archive: Archive) -> set[str]:
    return {key for key, _ in archive.blobs.list()}


# --- Outcomes


@pytest.mark.parametrize(("vr", "value"), [("OB", b"1.20"), ("DS", "1.20")])
def test_a_uid_of_another_vr_is_refused_and_its_neighbour_stored(archive: Archive, vr: str, value: object) -> None:
    bad, good = data.dataset(), data.dataset()
    bad.add_new("SeriesInstanceUID", vr, value)
    outcomes = stored(archive, data.file(bad), data.file(good))
    assert [outcome.failure for outcome in outcomes] == [VALIDATION_FAILED, None]
    assert found(archive, good) == data.file(good)


class Turns:
    """Counts who came, and how many of them have gone."""

    came = gone = 0

    def __enter__(self) -> None:
        self.came += 1

    def __exit__(self, *_: object) -> None:
        self.gone += 1


def test_deflated_files_are_read_one_at_a_time(archive: Archive) -> None:
    turns = Turns()
    taking = replace(archive, inflating=turns)  # type: ignore[arg-type]
    made = data.dataset()
    stored(taking, data.file())
    assert turns.came == 0
    stored(taking, data.file(made, DEFLATED), data.file(syntax=DEFLATED)[:-20])
    assert found(taking, made) == data.file(made, DEFLATED)
    assert (turns.came, turns.gone) == (2, 2)


def test_a_sop_class_is_indexed_by_the_text_that_was_checked(archive: Archive) -> None:
    made = data.dataset(SOPClassUID="1.20")
    (outcome,) = stored(archive, data.with_vr(data.file(made), 0x00080016, "DS"))
    assert outcome.sop_class == "1.20"
    with archive.index.read() as tx:
        assert [one.sop_class for one in instances.fetch(tx, resource(made))] == ["1.20"]


def test_stored_byte_for_byte(either: Archive) -> None:
    made = data.dataset()
    (outcome,) = stored(either, data.file(made))
    assert (outcome.failure, outcome.warning, outcome.instance) == (None, None, made.SOPInstanceUID)
    assert found(either, made) == data.file(made)


def test_a_spooled_part_is_moved_into_the_archive(either: Archive, tmp_path: Path) -> None:
    made, spooled = data.image(), tmp_path / "spooled"
    spooled.write_bytes(data.file(made))
    whole = part(data.file(made))
    store(either, DICOMWEB, ANY, [Part(spooled, whole.length, whole.digest)], replace=False)
    assert found(either, made) == data.file(made)
    assert not spooled.exists()


def test_an_empty_spooled_part_is_no_dicom(either: Archive, tmp_path: Path) -> None:
    spooled = tmp_path / "spooled"
    spooled.touch()
    result = store(either, DICOMWEB, ANY, [Part(spooled, 0, part(b"").digest)], replace=False)
    assert [outcome.failure for outcome in result.outcomes] == [VALIDATION_FAILED]


def test_outcomes_are_in_the_order_of_the_parts(either: Archive) -> None:
    first, last = data.dataset(), data.dataset()
    outcomes = stored(either, data.file(first), b"not DICOM", data.file(last))
    assert [outcome.instance for outcome in outcomes] == [first.SOPInstanceUID, None, last.SOPInstanceUID]
    assert [outcome.failure for outcome in outcomes] == [None, VALIDATION_FAILED, None]


def test_nothing_is_written_for_what_is_refused(either: Archive) -> None:
    stored(either, b"not DICOM", data.file(data.dataset(StudyInstanceUID=None)))
    assert not keys(either)


def test_part_of_another_study(either: Archive) -> None:
    result = store(either, V2, Resource("1.2.3"), [part(data.file())], replace=False)
    assert [outcome.failure for outcome in result.outcomes] == [VALIDATION_FAILED]


@pytest.mark.parametrize(("dialect", "failure"), [(DICOMWEB, None), (V1, ALREADY_STORED), (V2, ALREADY_STORED)])
def test_identical_bytes_again(either: Archive, dialect: Dialect, failure: int | None) -> None:
    content = data.file()
    stored(either, content, dialect=dialect)
    (outcome,) = stored(either, content, dialect=dialect)
    assert outcome.failure == failure
    assert len(keys(either)) == 1


@pytest.mark.parametrize("dialect", [DICOMWEB, V1, V2], ids=lambda dialect: dialect.name)
def test_other_bytes_under_the_same_uids(either: Archive, dialect: Dialect) -> None:
    made = data.dataset()
    first = data.file(made)
    stored(either, first)
    made.PatientID = "ID2"
    (outcome,) = stored(either, data.file(made), dialect=dialect)
    assert (outcome.failure, outcome.warning) == (ALREADY_STORED, None)
    assert found(either, made) == first
    assert len(keys(either)) == 1


@pytest.mark.parametrize("dialect", [DICOMWEB, V1, V2], ids=lambda dialect: dialect.name)
def test_put_replaces(either: Archive, dialect: Dialect) -> None:
    made = data.dataset()
    stored(either, data.file(made))
    made.PatientID = "ID2"
    (outcome,) = stored(either, data.file(made), dialect=dialect, put=True)
    assert outcome.failure is None
    assert found(either, made) == data.file(made)


def test_several_values_of_a_searched_attribute_are_told(either: Archive) -> None:
    content = data.file(data.dataset(Modality=["CT", "MR"]))
    assert store(either, V1, ANY, [part(content)], replace=False).multiple_values


def test_no_parts(either: Archive) -> None:
    assert stored(either) == ()


@pytest.mark.parametrize("left", [None, b"short"], ids=["missing", "short"])
def test_identical_bytes_repair_a_file_that_is_lost(either: Archive, left: bytes | None) -> None:
    made = data.dataset()
    stored(either, data.file(made))
    (key,) = keys(either)
    either.blobs.delete([key])
    if left is not None:
        either.blobs.put(key, left)
    outcomes = stored(either, data.file(made), data.file(made), data.file(data.dataset()))
    assert [outcome.failure for outcome in outcomes] == [None] * 3
    assert found(either, made) == data.file(made)
    sweep(either, 0, orphan_age=0)
    assert len(keys(either)) == 2
    assert found(either, made) == data.file(made)


def test_other_bytes_do_not_repair_a_file_that_is_lost(either: Archive) -> None:
    made = data.dataset()
    stored(either, data.file(made))
    either.blobs.delete(keys(either))
    made.PatientID = "ID2"
    (outcome,) = stored(either, data.file(made))
    assert outcome.failure == ALREADY_STORED


# --- Failures. Each archive here fails or ends at one of the numbered steps.


class FailingBlobs(Memory):
    """Blobs that fail, or end the process, when they are put or deleted."""

    def __init__(self, *, put: BaseException | None = None, delete: BaseException | None = None) -> None:
        super().__init__()
        self._put, self._delete = put, delete

    def put_all(self, blobs: Iterable[tuple[str, Content]]) -> None:
        if self._put is not None:
            raise self._put
        super().put_all(blobs)

    def delete(self, keys: Iterable[str]) -> None:
        if self._delete is not None and list(keys):
            raise self._delete
        super().delete(keys)


class FailingAdditions(GroupCommit):
    """Rows that are not added."""

    def __init__(self, archive: Archive, failure: BaseException) -> None:
        super().__init__(archive.index, archive.blobs.settle)
        self._failure = failure

    def add(self, new: Sequence[NewInstance]) -> list[Status]:
        raise self._failure


def test_failure_at_2_leaves_nothing(archive: Archive) -> None:
    failing = replace(archive, blobs=FailingBlobs(put=Unavailable("full")))
    made = data.dataset()
    with pytest.raises(Unavailable, match="full"):
        stored(failing, data.file(made))
    assert found(failing, made) is None


def test_crash_at_2_leaves_no_row(archive: Archive) -> None:
    made = data.dataset()
    with pytest.raises(Crash):
        stored(replace(archive, blobs=FailingBlobs(put=Crash())), data.file(made))
    assert found(archive, made) is None


def test_failure_at_3_takes_the_files_back(either: Archive) -> None:
    failing = replace(either, additions=FailingAdditions(either, Unavailable("full")))
    made = data.dataset()
    with pytest.raises(Unavailable, match="full"):
        stored(failing, data.file(made))
    assert not keys(either)
    assert found(either, made) is None


def test_failure_at_3_is_told_even_if_the_files_stay(archive: Archive) -> None:
    blobs = FailingBlobs(delete=Unavailable("the blobs are gone"))
    failing = replace(archive, blobs=blobs, additions=FailingAdditions(archive, Unavailable("full")))
    with pytest.raises(Unavailable, match="full"):
        stored(failing, data.file())


def test_crash_at_3_leaves_files_that_a_sweep_removes(either: Archive) -> None:
    crashing = replace(either, additions=FailingAdditions(either, Crash()))
    made = data.dataset()
    with pytest.raises(Crash):
        stored(crashing, data.file(made), data.file())
    assert found(either, made) is None
    assert len(keys(either)) == 2
    assert sweep(either, 0, orphan_age=0) == 2
    assert not keys(either)


def test_after_a_crash_at_3_the_instance_can_be_stored(either: Archive) -> None:
    crashing = replace(either, additions=FailingAdditions(either, Crash()))
    made = data.dataset()
    with pytest.raises(Crash):
        stored(crashing, data.file(made))
    stored(either, data.file(made))
    sweep(either, 0, orphan_age=0)
    assert found(either, made) == data.file(made)


class Unrepairing(GroupCommit):
    """Rows that are added once; the second time it fails."""

    calls = 0

    def add(self, new: Sequence[NewInstance]) -> list[Status]:
        self.calls += 1
        if self.calls > 1:
            raise Unavailable("full")
        return super().add(new)


def test_failure_at_4_acknowledges_nothing_and_keeps_what_3_added(archive: Archive) -> None:
    made, other = data.dataset(), data.dataset()
    stored(archive, data.file(made))
    archive.blobs.delete(keys(archive))
    with pytest.raises(Unavailable, match="full"):
        stored(
            replace(archive, additions=Unrepairing(archive.index, archive.blobs.settle)),
            data.file(made),
            data.file(other),
        )
    assert found(archive, other) == data.file(other)
    assert len(keys(archive)) == 1


def test_what_is_stored_is_acknowledged_even_if_5_fails(archive: Archive) -> None:
    failing = replace(archive, blobs=FailingBlobs(delete=Unavailable("the blobs are gone")))
    content, other = data.file(), data.dataset()
    stored(failing, content)
    outcomes = stored(failing, content, data.file(other))
    assert [outcome.failure for outcome in outcomes] == [None, None]
    assert found(failing, other) == data.file(other)


def test_crash_at_5_leaves_a_file_that_a_sweep_removes(archive: Archive) -> None:
    blobs = FailingBlobs(delete=Crash())
    made = data.dataset()
    stored(replace(archive, blobs=blobs), data.file(made))
    with pytest.raises(Crash):
        stored(replace(archive, blobs=blobs), data.file(made))
    blobs._delete = None
    again = replace(archive, blobs=blobs)
    assert len(keys(again)) == 2
    assert sweep(again, 0, orphan_age=0) == 1
    assert found(again, made) == data.file(made)


# --- The disk is full, at the real seams


@pytest.fixture
def full_disk(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sync says that there is no space left."""

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)


@pytest.mark.usefixtures("full_disk")
def test_full_disk_at_2(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    made = data.dataset()
    with pytest.raises(Unavailable, match="the disk is full"):
        stored(archive, data.file(made), data.file())
    assert found(archive, made) is None
    assert not keys(archive)
    monkeypatch.undo()
    stored(archive, data.file(made))
    assert found(archive, made) == data.file(made)


@pytest.mark.usefixtures("full_disk")
def test_full_disk_at_2_for_a_spooled_part(archive: Archive) -> None:
    spooled, content = archive.spool / "spooled", data.file()
    spooled.write_bytes(content)
    with pytest.raises(Unavailable, match="the disk is full"):
        store(archive, DICOMWEB, ANY, [Part(spooled, len(content), part(content).digest)], replace=False)
    assert not keys(archive)


def test_full_index_at_3(archive: Archive) -> None:
    with archive.index.begin() as tx:
        pages = tx.core.exec_driver_sql("PRAGMA page_count").scalar_one()
        tx.core.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    sent = [data.dataset(StudyDescription=data.uid()) for _ in range(300)]
    with pytest.raises(Unavailable, match="the disk is full"):
        stored(archive, *(data.file(made) for made in sent))
    assert not keys(archive)
    assert all(found(archive, made) is None for made in sent[:3])
    with archive.index.begin() as tx:
        tx.core.exec_driver_sql(f"PRAGMA max_page_count = {pages + 10_000}")
    stored(archive, *(data.file(made) for made in sent))
    assert all(found(archive, made) == data.file(made) for made in sent[:3])


def test_a_folder_that_went_away(archive: Archive, tmp_path: Path) -> None:
    gone = replace(archive, blobs=Folder(tmp_path / "gone"))
    (tmp_path / "gone").rmdir()
    (tmp_path / "gone").touch()  # a file where the folder was
    with pytest.raises(Unavailable):
        stored(gone, data.file())
