"""Exports: what is stored is copied, checked, and gone on with after any end."""

import errno
import json
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import update

from filmroom.archive import Archive
from filmroom.dicom.resources import Resource
from filmroom.errors import BadRequest
from filmroom.index import instances, service_tables
from filmroom.places.folder import FolderPlace
from filmroom.protocol.transfers import Asked
from filmroom.services import crew, exports, operations
from filmroom.services.delete import delete
from filmroom.services.operations import Worker
from tests import data
from tests.audit import given
from tests.services.test_delete import keep, targets
from tests.services.test_operations import Killed, set_lease


@pytest.fixture
def out(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


def start(archive: Archive, out: Path, *resources: Resource) -> str:
    asked = Asked(out.as_uri(), {}, resources or (Resource(),))
    return operations.start_export(archive, asked, [out.as_uri()])


def run(archive: Archive, owner: str = "worker") -> str | None:
    ran = Worker(archive, owner).run_next()
    return None if ran is None else ran.outcome


def results(archive: Archive, started: str) -> Any:
    return operations.status(archive, started).results


def copied(out: Path, started: str) -> dict[str, bytes]:
    root = out / started / "results"
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def name(made: Dataset) -> str:
    return f"{made.StudyInstanceUID}/{made.SeriesInstanceUID}/{made.SOPInstanceUID}.dcm"


def log(out: Path, started: str) -> list[Any]:
    return [json.loads(line) for line in (out / started / "errors.log").read_text().splitlines()]


def stored(archive: Archive, count: int = 3) -> list[Dataset]:
    made = [data.dataset() for _ in range(count)]
    keep(archive, *made)
    return made


def damage(archive: Archive, made: Dataset) -> None:
    """Other bytes, as many, in the file of an Instance."""
    with archive.index.read() as tx:
        (found,) = instances.fetch(tx, targets(made)[2])
    archive.blobs.delete([found.key])
    archive.blobs.put(found.key, bytes(found.length))


def test_everything(either: Archive, out: Path) -> None:
    made = stored(either)
    started = start(either, out)
    assert run(either) == "succeeded"
    href = f"{out.as_uri()}/{started}/errors.log"
    assert results(either, started) == {"exported": 3, "skipped": 0, "errorHref": href}
    assert copied(out, started) == {name(one): data.file(one) for one in made}
    assert log(out, started) == []


@pytest.mark.parametrize("profile", [None, "basic"])
def test_the_audit_names_what_each_batch_took_out_and_whose_it_is(
    archive: Archive, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str | None
) -> None:
    monkeypatch.setattr(exports, "BATCH", 2)
    made = stored(archive)
    damage(archive, made[2])
    asked = Asked(out.as_uri(), {}, (Resource(),), profile)
    operations.start_export(archive, asked, [out.as_uri()])
    assert run(archive) == "succeeded"
    archive.audit.close()
    found = given.lines(tmp_path / "data")
    assert [one["phase"] for one in found] == ["begin", "batch", "end"]
    batch = found[1]
    whose = {str(one.StudyInstanceUID): str(one.PatientID) for one in made[:2]}
    assert dict(zip(batch["studies"], batch["patients"], strict=True)) == whose
    assert (batch["instances"], batch["partition"], batch.get("deidentified")) == (2, "Microsoft.Default", profile)


def test_nothing_is_everything_of_an_empty_archive(archive: Archive, out: Path) -> None:
    started = start(archive, out)
    assert run(archive) == "succeeded"
    assert results(archive, started)["exported"] == 0


def test_what_is_named_at_any_level(archive: Archive, out: Path) -> None:
    one, two, three, _ = stored(archive, 4)
    started = start(archive, out, targets(one)[0], targets(two)[1], targets(three)[2])
    run(archive)
    assert copied(out, started).keys() == {name(made) for made in (one, two, three)}


def test_what_is_not_there_is_skipped_and_told(archive: Archive, out: Path) -> None:
    (made,) = stored(archive, 1)
    absent = data.uid()
    started = start(archive, out, Resource(absent), targets(made)[0], Resource(made.StudyInstanceUID, absent))
    assert run(archive) == "succeeded"
    assert (results(archive, started)["exported"], results(archive, started)["skipped"]) == (1, 2)
    first, second = log(out, started)
    assert (first["identifier"], first["error"]) == (absent, "The specified study cannot be found.")
    assert second["identifier"] == f"{made.StudyInstanceUID}/{absent}"
    assert first["timestamp"].endswith("Z")


def test_a_damaged_file_is_told_and_not_written(either: Archive, out: Path) -> None:
    bad, good = stored(either, 2)
    damage(either, bad)
    started = start(either, out)
    assert run(either) == "succeeded"
    assert copied(out, started).keys() == {name(good)}
    ((identifier, error),) = [(line["identifier"], line["error"]) for line in log(out, started)]
    assert (identifier, "damaged" in error) == (name(bad).removesuffix(".dcm"), True)


def test_a_large_file_that_is_damaged_leaves_nothing_behind(archive: Archive, out: Path) -> None:
    made = data.image(rows=1200, columns=1200)
    keep(archive, made)
    damage(archive, made)
    started = start(archive, out)
    run(archive)
    assert copied(out, started) == {}


def test_deleted_meanwhile_it_is_not_missed(archive: Archive, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, stays = stored(archive, 2)
    take = exports._next

    def then_delete(*given: Any) -> Any:
        taken = take(*given)
        delete(archive, targets(gone)[0])
        archive.blobs.delete(one.key for one in taken[0] if one.resource.study == gone.StudyInstanceUID)
        return taken

    monkeypatch.setattr(exports, "_next", then_delete)
    started = start(archive, out)
    assert run(archive) == "succeeded"
    assert (results(archive, started)["exported"], results(archive, started)["skipped"]) == (1, 0)
    assert copied(out, started).keys() == {name(stays)}


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "BATCH", 1)


def hurt(monkeypatch: pytest.MonkeyPatch, at: int, error: BaseException) -> None:
    """The file of that number can't be written."""
    write, numbers = FolderPlace.write, iter(range(100))

    def hurting(self: FolderPlace, name: str, content: Any) -> None:
        if next(numbers) == at:
            raise error
        write(self, name, content)

    monkeypatch.setattr(FolderPlace, "write", hurting)


@pytest.mark.parametrize("at", range(5))  # the first and the last are errors.log
def test_killed_anywhere_it_goes_on(
    archive: Archive, out: Path, monkeypatch: pytest.MonkeyPatch, one_by_one: None, at: int
) -> None:
    made = stored(archive)
    started = start(archive, out)
    with monkeypatch.context() as patched:
        hurt(patched, at, Killed())
        with pytest.raises(Killed):
            run(archive)
    assert run(archive) == "succeeded"
    assert (results(archive, started)["exported"], len(copied(out, started))) == (len(made), len(made))


def test_a_full_disk_is_waited_for(
    archive: Archive, out: Path, monkeypatch: pytest.MonkeyPatch, one_by_one: None
) -> None:
    stored(archive)
    started = start(archive, out)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", _full)
        assert run(archive) == "unavailable"
    set_lease(archive, 0)
    assert run(archive) == "succeeded"
    assert results(archive, started)["exported"] == 3


def _full(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_that_cant_be_written_is_told(archive: Archive, out: Path, one_by_one: None) -> None:
    bad, _ = stored(archive, 2)
    started = start(archive, out)
    (out / started / "results" / name(bad)).mkdir(parents=True)
    assert run(archive) == "succeeded"
    assert (len(copied(out, started)), log(out, started)[0]["error"]) == (
        1,
        "The file can't be written: Is a directory.",
    )


@pytest.mark.parametrize(
    ("meet", "outcome"),
    [
        (lambda archive, started: operations.cancel(archive, started), "canceled"),
        (lambda archive, started: _taken_over(archive), "lost"),
    ],
)
def test_in_the_middle_of_a_file_it_ends(
    archive: Archive,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    meet: Callable[[Archive, str], object],
    outcome: str,
) -> None:
    made = data.image(rows=1200, columns=1200)
    keep(archive, made)
    started = start(archive, out)
    monkeypatch.setattr(crew, "PULSE", 0.01)
    watched = crew.Crew.watched

    def met(self: crew.Crew, chunks: Any) -> Any:
        meet(archive, started)
        self._over.wait()
        yield from watched(self, chunks)

    monkeypatch.setattr(crew.Crew, "watched", met)
    assert run(archive) == outcome
    assert copied(out, started) == {}


def test_the_audit_names_a_batch_in_which_it_is_canceled(
    archive: Archive, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stored(archive, 2)
    cancel_at_the_second_file(archive, start(archive, out), monkeypatch)
    assert run(archive) == "canceled"
    archive.audit.close()
    begin, batch, end = given.lines(tmp_path / "data")
    assert (begin["phase"], batch["phase"], batch["state"], end["state"]) == ("begin", "batch", "failed", "canceled")
    whose = {str(one.StudyInstanceUID): str(one.PatientID) for one in made}
    assert dict(zip(batch["studies"], batch["patients"], strict=True)) == whose


def cancel_at_the_second_file(archive: Archive, started: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "PULSE", 0.01)
    watched, files = crew.Crew.watched, count()

    def met(self: crew.Crew, chunks: Any) -> Any:
        if next(files) == 1:
            operations.cancel(archive, started)
            self._over.wait()
            raise crew.GivenUp
        yield from watched(self, chunks)

    monkeypatch.setattr(crew.Crew, "watched", met)


def _taken_over(archive: Archive) -> None:
    with archive.index.begin() as tx:
        tx.core.execute(update(service_tables.operation).values(owner="another"))


def test_only_places_that_are_allowed(archive: Archive, out: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (out / "inside").mkdir()
    (out / "link").symlink_to(tmp_path / "outside")
    operations.start_export(archive, Asked((out / "inside").as_uri(), {}, (Resource(),)), [out.as_uri()])
    for path in (tmp_path / "outside", out / "link", out / ".." / "outside", Path(f"{out}side")):
        with pytest.raises(BadRequest, match="export_to"):
            operations.start_export(archive, Asked(f"file://{path}", {}, (Resource(),)), [out.as_uri()])


def test_the_place_must_be_there(archive: Archive, out: Path) -> None:
    with pytest.raises(BadRequest, match="does not exist"):
        operations.start_export(archive, Asked((out / "no").as_uri(), {}, (Resource(),)), [out.as_uri()])


@pytest.mark.parametrize("end", ["succeeded", "canceled"])
def test_credentials_are_forgotten_at_the_end(archive: Archive, out: Path, end: str) -> None:
    started = start(archive, out)
    assert "secret" in operations.status(archive, started).arguments
    if end == "canceled":
        operations.cancel(archive, started)
    else:
        run(archive)
    assert "secret" not in operations.status(archive, started).arguments
