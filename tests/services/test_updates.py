"""Studies updated step by step as a worker does it: what changes, what stays, and whatever comes between."""

import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import orjson
import pydicom
import pytest
from pydicom.dataset import Dataset

from filmroom.archive import Archive
from filmroom.dicom import part10, rewrite
from filmroom.dicom.json_model import azure
from filmroom.dicom.query_tags import QueryTag
from filmroom.dicom.resources import DEFAULT_PARTITION, Level, Resource
from filmroom.errors import AtWork, NotFound
from filmroom.index import changes, instances, originals
from filmroom.index import updates as rows
from filmroom.index.instances import StoredInstance
from filmroom.index.operations import State
from filmroom.protocol.dialects import DICOMWEB, V2
from filmroom.protocol.negotiation import STORED, Selected
from filmroom.protocol.updates import Update
from filmroom.services import check, crew, delete, operations, query_tags, retrieve, updates
from filmroom.services.examination import part
from filmroom.services.operations import Operation, Worker
from filmroom.services.store import store
from filmroom.services.updates import operation as module
from filmroom.services.updates import versions
from filmroom.settings import Settings
from filmroom.task import Task
from tests import data
from tests.audit import given
from tests.conftest import Elsewhere
from tests.postgresql import EACH
from tests.service import DEADLINE
from tests.services.test_operations import Killed
from tests.services.test_query_tags import found

NAME = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "New^Name"}]}}


@pytest.fixture(params=EACH)
def archive(request: pytest.FixtureRequest, tmp_path: Path, elsewhere: Elsewhere) -> Iterator[Archive]:
    """An archive with its index in each of the databases."""
    with elsewhere(request.param) as index:
        opened = Archive.open(
            Settings.model_validate({"data": tmp_path / "data", "codec_processes": 1, "index": index})
        )
        yield opened
        opened.close()


def keep(archive: Archive, *made: Dataset, replace: bool = False) -> None:
    store(archive, DICOMWEB, Resource(), [part(data.file(one)) for one in made], replace=replace)


def study(archive: Archive, count: int = 3, **attributes: Any) -> list[Dataset]:
    uids = {"StudyInstanceUID": data.uid(), "SeriesInstanceUID": data.uid()}
    made = [data.image(**(uids | attributes)) for _ in range(count)]
    keep(archive, *made)
    return made


def start(archive: Archive, *made: Dataset, changes: dict[str, Any] = NAME, **scope: str) -> str:
    uids = tuple(dict.fromkeys(str(one.StudyInstanceUID) for one in made))
    return updates.start(archive, Update(uids, changes, **scope), DEFAULT_PARTITION)


def work(archive: Archive, operation: str) -> Operation:
    while Worker(archive, "test").run_next() is not None:
        pass
    return operations.status(archive, operation)


def update(archive: Archive, *made: Dataset, changes: dict[str, Any] = NAME, **scope: str) -> Operation:
    return work(archive, start(archive, *made, changes=changes, **scope))


def stored(archive: Archive, made: Dataset | str) -> list[StoredInstance]:
    with archive.index.read() as tx:
        return instances.fetch(tx, Resource(made if isinstance(made, str) else str(made.StudyInstanceUID)))


def firsts(archive: Archive, made: Dataset) -> list[StoredInstance]:
    with archive.index.read() as tx:
        return originals.fetch(tx, Resource(str(made.StudyInstanceUID)))


def read(archive: Archive, one: StoredInstance) -> Dataset:
    return pydicom.dcmread(io.BytesIO(archive.blobs.get(one.key)))


def names(archive: Archive, made: Dataset) -> list[str]:
    return [str(read(archive, one).PatientName) for one in stored(archive, made)]


def feed(archive: Archive) -> list[tuple[str, str, str]]:
    with archive.index.read() as tx:
        found = changes.fetch_after(tx, 0, 10**9, 1000, metadata=False)
    return [(one.action, str(one.resource.instance), str(one.state)) for one in found]


def blobs(archive: Archive) -> set[str]:
    return {key for key, _ in archive.blobs.list()}


def sweep(archive: Archive) -> None:
    delete.sweep(archive, -1, orphan_age=-1)


RESULTS = {"studyProcessed": 1, "studyUpdated": 1, "studyFailed": 0, "instanceUpdated": 3}


def test_all_instances_have_the_new_value_and_their_pixels(archive: Archive) -> None:
    made = study(archive)
    before = stored(archive, made[0])
    ended = update(archive, *made)
    assert (ended.state, ended.percent, ended.results) == (State.SUCCEEDED, 100, RESULTS)
    after = stored(archive, made[0])
    for old, new, one in zip(before, after, made, strict=True):
        found = read(archive, new)
        assert (found.PatientName, found.PixelData) == ("New^Name", one.PixelData)
        assert new.watermark > old.watermark
        assert rewrite.original_of(part10.read_head(archive.blobs.get(new.key)).meta) == old.key + new.key
    assert [one.key for one in firsts(archive, made[0])] == [one.key for one in before]


def test_searches_metadata_and_the_change_feed_follow(archive: Archive) -> None:
    [made] = study(archive, 1)
    update(archive, made)
    assert found(archive, Level.INSTANCE, PatientName="New^Name")
    assert not found(archive, Level.INSTANCE, PatientName="Anony^Mous")
    uid = str(made.SOPInstanceUID)
    assert feed(archive) == [("create", uid, "Replaced"), ("update", uid, "Current")]
    with archive.index.read() as tx:
        [(_, new)] = instances.fetch_metadata(tx, Resource(str(made.StudyInstanceUID)))
        [(_, old)] = originals.fetch_metadata(tx, Resource(str(made.StudyInstanceUID)))
    assert [orjson.loads(azure(text))["00100010"]["Value"] for text in (old, new)] == [
        [{"Alphabetic": "Anony^Mous"}],
        [{"Alphabetic": "New^Name"}],
    ]


def test_updated_twice_it_keeps_the_first(archive: Archive) -> None:
    made = study(archive)
    before = stored(archive, made[0])
    update(archive, *made)
    between = stored(archive, made[0])
    update(archive, *made, changes={"00100020": {"vr": "LO", "Value": ["2"]}})
    sweep(archive)
    after = stored(archive, made[0])
    assert blobs(archive) == {one.key for one in (*before, *after)}
    assert not blobs(archive) & {one.key for one in between}
    assert [one.key for one in firsts(archive, made[0])] == [one.key for one in before]
    found = read(archive, after[0])
    assert (found.PatientName, found.PatientID) == ("New^Name", "2")


def test_an_unknown_study_is_no_failure(archive: Archive) -> None:
    ended = update(archive, data.dataset())
    none = {"studyProcessed": 1, "studyUpdated": 0, "studyFailed": 0, "instanceUpdated": 0}
    assert (ended.state, ended.results) == (State.SUCCEEDED, none)


def test_an_empty_value_leaves_what_the_study_is_found_by(archive: Archive) -> None:
    [made] = study(archive, 1)
    update(archive, made, changes={"00100020": {"vr": "LO"}})
    assert read(archive, stored(archive, made)[0]).PatientID == ""
    assert found(archive, Level.INSTANCE, PatientID="ID1")


def test_values_of_query_tags_follow(archive: Archive) -> None:
    query_tags.declare(archive, [QueryTag(0, "00101010", "AS", Level.STUDY)])
    [made] = study(archive, 1, PatientAge="030Y")
    update(archive, made, changes={"00101010": {"vr": "AS", "Value": ["031Y"]}})
    assert found(archive, Level.INSTANCE, PatientAge="031Y")
    assert not found(archive, Level.INSTANCE, PatientAge="030Y")


def test_what_a_dialect_left_out_stays_out_unless_it_is_changed(archive: Archive) -> None:
    made = data.dataset()
    content = data.file(made).replace(b"20240229", b"20249929").replace(b"19700101", b"19709901")
    store(archive, V2, Resource(), [part(content)], replace=False)
    update(archive, made, changes={"00100030": {"vr": "DA", "Value": ["19800101"]}})
    with archive.index.read() as tx:
        [(_, text)] = instances.fetch_metadata(tx, Resource(str(made.StudyInstanceUID)))
    told = orjson.loads(azure(text))
    assert ("00080020" in told, told["00100030"]["Value"]) == (False, ["19800101"])


def test_one_update_at_a_time_for_a_study(archive: Archive) -> None:
    one, two = study(archive, 1), study(archive, 1)
    operation = start(archive, *one)
    with pytest.raises(AtWork, match=f"There is already an active update operation with ID '{operation}'"):
        start(archive, *two, *one)
    start(archive, *two)
    work(archive, operation)
    start(archive, *one)


def test_of_many_who_start_at_once_one_does(archive: Archive) -> None:
    made = study(archive, 1)

    def attempt(_: int) -> bool:
        try:
            start(archive, *made)
        except AtWork:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


# --- Delete, PUT


def test_a_delete_takes_the_first_version_too(archive: Archive) -> None:
    made = study(archive)
    update(archive, *made)
    delete.delete(archive, Resource(str(made[0].StudyInstanceUID)))
    sweep(archive)
    assert blobs(archive) == set()


def test_a_put_takes_the_first_version_too(archive: Archive) -> None:
    [made] = study(archive, 1)
    update(archive, made)
    keep(archive, made, replace=True)
    sweep(archive)
    [one] = stored(archive, made)
    assert blobs(archive) == {one.key}
    assert firsts(archive, made) == [one]


# --- What goes wrong


def test_a_failed_instance_is_told_and_the_others_go_on(archive: Archive) -> None:
    made = study(archive)
    lost = stored(archive, made[0])[1]
    archive.blobs.delete([lost.key])
    ended = update(archive, *made)
    assert ended.state is State.FAILED
    uid = made[0].StudyInstanceUID
    assert (ended.results["studyFailed"], ended.results["studyUpdated"], ended.results["instanceUpdated"]) == (1, 0, 2)
    assert ended.results["errors"][0] == f"Failed to update instances for study {uid}"
    assert lost.resource.path in ended.results["errors"][1]
    [failure] = operations.failures(archive, ended.id, 10, 0)
    assert failure.item == lost.resource.path


def kill_at(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, turn: int, *, after: bool) -> None:
    done, original = [0], getattr(place, name)

    def killed(*given: Any, **named: Any) -> Any:
        done[0] += 1
        if done[0] == turn and not after:
            raise Killed
        answer = original(*given, **named)
        if done[0] == turn:
            raise Killed
        return answer

    monkeypatch.setattr(place, name, killed)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("step", "turn"),
    [*product(["put_all", "settle", "replace", "_replace"], [1, 2]), ("_begin", 1)],
)
def test_killed_anywhere_it_goes_on(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, step: str, turn: int, after: bool
) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 2)
    made = study(archive, 5)
    before = stored(archive, made[0])
    operation = start(archive, *made)
    with monkeypatch.context() as hurt:
        place = {"put_all": archive.blobs, "settle": archive.blobs, "replace": rows}.get(step, module)
        kill_at(hurt, place, step, turn, after=after)
        with pytest.raises(Killed):
            Worker(archive, "test").run_next()
    ended = work(archive, operation)
    assert (ended.state, ended.results["instanceUpdated"]) == (State.SUCCEEDED, 5)
    assert names(archive, made[0]) == ["New^Name"] * 5
    assert [action for action, _, _ in feed(archive)] == ["create"] * 5 + ["update"] * 5
    sweep(archive)
    assert blobs(archive) == {one.key for one in (*before, *stored(archive, made[0]))}


def test_while_files_are_put_the_lease_is_kept(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    renewed = threading.Event()
    renew, put_all = Task.renew, archive.blobs.put_all
    monkeypatch.setattr(crew, "PULSE", 0.01)
    monkeypatch.setattr(versions, "RENEWED", 1e9)  # nothing else renews it

    def renewing(task: Task) -> None:
        renew(task)
        renewed.set()

    monkeypatch.setattr(Task, "renew", renewing)
    monkeypatch.setattr(archive.blobs, "put_all", lambda blobs: [put_all(blobs), renewed.wait(DEADLINE)])
    assert update(archive, *study(archive)).state is State.SUCCEEDED
    assert renewed.is_set()


def between(monkeypatch: pytest.MonkeyPatch, archive: Archive, act: Callable[[], object]) -> None:
    """Do something after files were made, and before rows are."""
    settle = archive.blobs.settle
    left = [act]

    def acted(keys: Any) -> None:
        if left:
            left.pop()()
        settle(keys)

    monkeypatch.setattr(archive.blobs, "settle", acted)


def test_a_put_that_comes_between_wins(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    made = study(archive)
    operation = start(archive, *made)
    newer = data.image(
        PatientName="Put^Between",
        **{name: made[1].get(name) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")},
    )
    between(monkeypatch, archive, lambda: keep(archive, newer, replace=True))
    ended = work(archive, operation)
    assert (ended.state, ended.results["instanceUpdated"]) == (State.SUCCEEDED, 2)
    assert sorted(names(archive, made[0])) == ["New^Name", "New^Name", "Put^Between"]
    sweep(archive)
    assert blobs(archive) == {one.key for one in (*stored(archive, made[0]), *firsts(archive, made[0]))}


def test_a_delete_that_comes_between_wins(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    made = study(archive)
    uid = str(made[0].StudyInstanceUID)
    operation = start(archive, *made)
    between(monkeypatch, archive, lambda: delete.delete(archive, Resource(uid)))
    ended = work(archive, operation)
    assert (ended.state, ended.results["instanceUpdated"]) == (State.SUCCEEDED, 0)
    assert (stored(archive, made[0]), found(archive, Level.INSTANCE, StudyInstanceUID=uid)) == ([], [])
    sweep(archive)
    assert blobs(archive) == set()


def test_what_is_stored_after_the_request_is_not_its_business(archive: Archive) -> None:
    made = study(archive, 1)
    operation = start(archive, *made)
    keep(archive, data.image(StudyInstanceUID=made[0].StudyInstanceUID))
    work(archive, operation)
    assert sorted(names(archive, made[0])) == ["Anony^Mous", "New^Name"]


def test_canceled_it_leaves_no_files(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    made = study(archive)
    operation = start(archive, *made)
    before = blobs(archive)

    def canceling() -> None:
        operations.cancel(archive, operation)

    between(monkeypatch, archive, canceling)
    assert work(archive, operation).state is State.CANCELED
    assert (blobs(archive), names(archive, made[0])) == (before, ["Anony^Mous"] * 3)


def test_a_large_file_goes_through_the_spool(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "IN_MEMORY", 0)
    made = study(archive)
    assert update(archive, *made).state is State.SUCCEEDED
    assert names(archive, made[0]) == ["New^Name"] * 3
    assert list(archive.spool.iterdir()) == []


# --- Side by side


def retrieved(archive: Archive, made: Dataset, *, original: bool) -> list[bytes]:
    target = Resource(str(made.StudyInstanceUID))
    selected = Selected("application/dicom", STORED, multipart=True)
    contents = retrieve.instances_of(archive, DICOMWEB, target, selected, original=original)
    return [b"".join(one.chunks) for one in contents]


def test_updates_retrieves_stores_and_deletes_at_once(archive: Archive) -> None:
    updated, stored_to, deleted = study(archive), study(archive), study(archive)
    everything = {data.file(one) for one in (*updated, *stored_to, *deleted)}
    first = {data.file(one) for one in updated}

    def update_all(owner: str) -> None:
        for turn in range(5):
            name = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": f"{owner}^{turn}"}]}}
            with suppress(AtWork):
                start(archive, *updated, *stored_to, *deleted, changes=name)
            ran = Worker(archive, owner).run_next()
            assert ran is None or ran.error is None

    def read_both() -> None:
        for _ in range(15):
            assert set(retrieved(archive, updated[0], original=True)) == first
            found = [pydicom.dcmread(io.BytesIO(one)) for one in retrieved(archive, updated[0], original=False)]
            assert len({str(one.PatientName) for one in found}) == 1  # a Study changes in one moment
            with suppress(NotFound):
                assert set(retrieved(archive, deleted[0], original=True)) <= everything

    def store_more() -> None:
        for _ in range(5):
            keep(archive, data.image(StudyInstanceUID=stored_to[0].StudyInstanceUID))
            keep(archive, stored_to[0], replace=True)

    def delete_and_store() -> None:
        for _ in range(5):
            with suppress(NotFound):
                delete.delete(archive, Resource(str(deleted[0].StudyInstanceUID)))
            keep(archive, *deleted)

    with ThreadPoolExecutor(6) as pool:
        works = [pool.submit(update_all, "one"), pool.submit(update_all, "two")]
        works += [pool.submit(act) for act in (read_both, read_both, store_more, delete_and_store)]
        for one in works:
            one.result()
    while (ran := Worker(archive, "last").run_next()) is not None:
        assert ran.error is None
    sweep(archive)
    assert list(check.check(archive, check.Asked(orphan_age=0))) == []
    assert [len(stored(archive, one[0])) for one in (updated, stored_to, deleted)] == [3, 8, 3]
    assert {archive.blobs.get(one.key) for one in firsts(archive, updated[0])} == first
    kept = {
        one.key for made in (updated, stored_to, deleted) for of in (stored, firsts) for one in of(archive, made[0])
    }
    assert blobs(archive) == kept


# --- Other UIDs


def uids(study: str | None = None, series: str | None = None, instance: str | None = None) -> dict[str, Any]:
    given = {"0020000D": study, "0020000E": series, "00080018": instance}
    return {key: {"vr": "UI", "Value": [uid]} for key, uid in given.items() if uid}


def test_a_study_gets_another_uid(archive: Archive) -> None:
    made, new = study(archive), data.uid()
    old = str(made[0].StudyInstanceUID)
    before = stored(archive, old)
    ended = update(archive, *made, changes=uids(new))
    assert (ended.state, ended.results) == (State.SUCCEEDED, RESULTS)
    assert (stored(archive, old), len(stored(archive, new))) == ([], 3)
    assert [read(archive, one).StudyInstanceUID for one in stored(archive, new)] == [new] * 3
    assert found(archive, Level.INSTANCE, StudyInstanceUID=old) == []
    with archive.index.read() as tx:
        assert [one.key for one in originals.fetch(tx, Resource(new))] == [one.key for one in before]
    assert [action for action, _, _ in feed(archive)] == ["create"] * 3 + ["delete"] * 3 + ["create"] * 3


def test_a_study_of_many_batches_gets_another_uid(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 2)
    made, new = study(archive, 5), data.uid()
    assert update(archive, *made, changes=uids(new)).state is State.SUCCEEDED
    assert len(stored(archive, new)) == 5
    update(archive, data.dataset(StudyInstanceUID=new))
    sweep(archive)
    assert len(blobs(archive)) == 10


def test_one_series_gets_another_uid(archive: Archive) -> None:
    made = study(archive, 2)
    keep(archive, data.image(StudyInstanceUID=made[0].StudyInstanceUID))
    new = data.uid()
    refused = update(archive, *made, changes=uids(series=new))
    assert (refused.state, "several Series" in str(refused.results)) == (State.FAILED, True)
    done = update(archive, *made, changes=uids(series=new), series=str(made[0].SeriesInstanceUID))
    assert done.results["instanceUpdated"] == 2
    with archive.index.read() as tx:
        assert len(instances.fetch(tx, Resource(str(made[0].StudyInstanceUID), new))) == 2


def test_one_instance_gets_another_uid(archive: Archive) -> None:
    made, new = study(archive, 2), data.uid()
    series = str(made[0].SeriesInstanceUID)
    assert update(archive, *made, changes=uids(instance=new), series=series).state is State.FAILED
    scope = {"series": series, "instance": str(made[0].SOPInstanceUID)}
    assert update(archive, *made, changes=uids(instance=new), **scope).state is State.SUCCEEDED
    [one] = [one for one in stored(archive, made[0]) if one.resource.instance == new]
    assert read(archive, one).file_meta.MediaStorageSOPInstanceUID == new


def test_uids_that_are_taken_are_refused(archive: Archive) -> None:
    one, two = study(archive, 1), study(archive, 1)
    ended = update(archive, *one, changes=uids(str(two[0].StudyInstanceUID)))
    assert (ended.state, len(stored(archive, one[0]))) == (State.FAILED, 1)
    assert ended.results["errors"][1] == "A Study of the new UID is stored already."


def test_the_audit_says_whose_a_study_was_and_whose_it_became(archive: Archive) -> None:
    [made] = study(archive, 1, PatientID="ID1")
    moved = data.uid()
    changes = {"00100020": {"vr": "LO", "Value": ["ID2"]}, "0020000D": {"vr": "UI", "Value": [moved]}}
    update(archive, made, changes=changes)
    archive.audit.close()
    begun, ended = given.lines(archive.spool.parent)
    assert begun["action"] == ended["action"] == "update-study-operation"
    assert dict(zip(begun["studies"], begun["patients"], strict=True)) == {
        str(made.StudyInstanceUID): "ID1",
        moved: None,
    }
    assert dict(zip(ended["studies"], ended["patients"], strict=True)) == {
        str(made.StudyInstanceUID): None,
        moved: "ID2",
    }
