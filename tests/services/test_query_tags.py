"""Extended query tags through their life: declared, indexed by an operation that may be killed, disabled, deleted."""

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.config import disable_value_validation

from filmroom.archive import Archive
from filmroom.dicom.query_tags import QueryTag, Status
from filmroom.dicom.resources import Level, Resource
from filmroom.errors import AtWork, Conflict, NotFound, Unavailable
from filmroom.index import query_tags
from filmroom.protocol import queries
from filmroom.protocol.dialects import DICOMWEB
from filmroom.services import operations
from filmroom.services import query_tags as service
from filmroom.services import search as search_service
from filmroom.services.examination import part
from filmroom.services.operations import Worker
from filmroom.services.store import store
from filmroom.settings import Settings
from tests import data

NUMBER = QueryTag(0, "00200012", "IS", Level.INSTANCE)
AGE = QueryTag(0, "00101010", "AS", Level.STUDY)
ALERTS = QueryTag(0, "00102000", "LO", Level.STUDY)


def work(archive: Archive) -> None:
    """Do what operations there are."""
    while Worker(archive, "test").run_next() is not None:
        pass


def keep(archive: Archive, **attributes: object) -> str:
    with disable_value_validation():
        made = data.dataset(**attributes)
    store(archive, DICOMWEB, Resource(), [part(data.file(made))], replace=False)
    return str(made.SOPInstanceUID)


def found(archive: Archive, level: Level = Level.INSTANCE, **keys: str) -> list[str]:
    tags = search_service.known_tags(archive)
    query, warnings = queries.parse(DICOMWEB, level, Resource(), list(keys.items()), lambda: tags)
    assert not warnings
    return [one["00080018"]["Value"][0] for one in search_service.search(archive, DICOMWEB, query, "").matches]


def test_an_operation_indexes_what_is_stored(archive: Archive) -> None:
    uids = [keep(archive, AcquisitionNumber=number) for number in (1, 2, 1)]
    operation = service.declare(archive, [NUMBER])
    assert service.fetch(archive, NUMBER.path).tag.operation == operation
    work(archive)
    ended = operations.status(archive, operation)
    assert (ended.state, ended.percent) == ("succeeded", 100)
    assert operations.resources(ended) == ["/extendedquerytags/00200012"]
    assert found(archive, AcquisitionNumber="1") == [uids[2], uids[0]]
    assert service.fetch(archive, NUMBER.path).tag.operation is None


def test_another_process_declares_a_tag_and_no_store_misses_it(archive: Archive) -> None:
    keep(archive, AcquisitionNumber=1)  # so that this process knows the tags
    other = Archive.open(Settings(data=archive.spool.parent, codec_processes=1))
    service.declare(other, [NUMBER])
    uid = keep(archive, AcquisitionNumber=7)
    work(other)
    other.close()
    assert found(archive, AcquisitionNumber="7") == [uid]


def test_one_operation_at_a_time(archive: Archive) -> None:
    operation = service.declare(archive, [NUMBER])
    with pytest.raises(AtWork) as caught:
        service.declare(archive, [AGE])
    assert caught.value.operation == operation
    work(archive)
    service.declare(archive, [AGE])


def test_a_tag_whose_operation_ended_early_is_declared_again(archive: Archive) -> None:
    uid = keep(archive, AcquisitionNumber=1)
    operations.cancel(archive, service.declare(archive, [NUMBER]))
    with pytest.raises(Conflict):
        service.declare(archive, [replace(NUMBER, level=Level.STUDY)])
    service.declare(archive, [NUMBER, AGE])
    work(archive)
    assert found(archive, AcquisitionNumber="1") == [uid]


def test_there_are_128_tags_at_most(archive: Archive) -> None:
    tags = [QueryTag(0, f"0011{number:04X}", "LO", Level.STUDY, "MAKER") for number in range(0x1000, 0x1081)]
    with pytest.raises(Unavailable, match="max allowed count '128'"):
        service.declare(archive, tags)
    assert service.fetch_all(archive, -1, 0) == []
    service.declare(archive, tags[:128])


def test_a_tag_is_declared_once(archive: Archive) -> None:
    service.declare(archive, [NUMBER])
    work(archive)
    with pytest.raises(Conflict, match="already exist"):
        service.declare(archive, [AGE, NUMBER])
    assert [tag.path for tag, _ in service.fetch_all(archive, -1, 0)] == [NUMBER.path]


def test_a_deleted_tag_leaves_nothing_and_can_be_declared_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "REMOVED", 2)
    service.declare(archive, [NUMBER])
    uids = [keep(archive, AcquisitionNumber=1) for _ in range(5)]
    work(archive)
    service.delete(archive, NUMBER.path)
    with pytest.raises(NotFound):
        service.fetch(archive, NUMBER.path)
    service.declare(archive, [NUMBER])
    work(archive)
    assert found(archive, AcquisitionNumber="1") == uids[::-1]


def once_more(archive: Archive) -> None:
    service.delete(archive, NUMBER.path)


@pytest.mark.parametrize("goes_on", [once_more, service.finish_deleting])
def test_a_delete_that_broke_off_is_gone_on_with(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, goes_on: Callable[[Archive], None]
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> int:
        raise Killed

    service.declare(archive, [NUMBER])
    keep(archive, AcquisitionNumber=1)
    with monkeypatch.context() as broken:
        broken.setattr(query_tags, "remove_values", killed)
        with pytest.raises(Killed):
            service.delete(archive, NUMBER.path)
    assert service.fetch(archive, NUMBER.path).tag.status is Status.DELETING
    keep(archive, AcquisitionNumber=1)  # is not indexed any more
    work(archive)
    goes_on(archive)
    assert service.fetch_all(archive, -1, 0) == []


def test_searches_by_a_tag_are_enabled_again(archive: Archive) -> None:
    keep(archive, PatientAge="34")
    service.declare(archive, [AGE])
    work(archive)
    assert not service.fetch(archive, AGE.path).tag.enabled
    assert service.update(archive, AGE.path, enabled=True).tag.enabled
    assert [tag.enabled for tag in search_service.known_tags(archive) if tag.path == AGE.path] == [True]


def test_who_stores_while_a_tag_is_declared_is_found(archive: Archive) -> None:
    before = [keep(archive, AcquisitionNumber=1) for _ in range(3)]
    with ThreadPoolExecutor(4) as threads:
        stores = [threads.submit(keep, archive, AcquisitionNumber=1) for _ in range(12)]
        service.declare(archive, [NUMBER])
        stores += [threads.submit(keep, archive, AcquisitionNumber=1) for _ in range(12)]
        work(archive)
    uids = {*before, *(store.result() for store in stores)}
    matches = found(archive, AcquisitionNumber="1")
    assert (set(matches), len(matches)) == (uids, 27)


CHILD = """
import sys
from pathlib import Path
from filmroom.archive import Archive
from filmroom.services import query_tags
from filmroom.settings import Settings
query_tags.REINDEXED = 2
archive = Archive.open(Settings(data=Path(sys.argv[1]), codec_processes=1))
query_tags.reindex(archive, [int(key) for key in sys.argv[2:]], progress=lambda tx, percent: print(percent, flush=True))
archive.close()
"""


def index_and_die(folder: Path, keys: list[int], batches: int) -> None:
    """Index in a process that is killed while it is at the batch after so many."""
    command = [sys.executable, "-c", CHILD, str(folder), *map(str, keys)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(batches):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)


def test_indexing_that_is_killed_again_and_again_finds_everything_once(archive: Archive) -> None:
    chance = random.Random(4711)
    uids = [keep(archive, AcquisitionNumber=1, PatientAge="34", MedicalAlerts="A") for _ in range(24)]
    service.declare(archive, [NUMBER, AGE, ALERTS])
    keys = [tag.key for tag, _ in service.fetch_all(archive, -1, 0)]
    for _ in range(4):
        index_and_die(archive.spool.parent, keys, chance.randrange(1, 5))
        uids.append(keep(archive, AcquisitionNumber=1, PatientAge="34", MedicalAlerts="A"))
    service.reindex(archive, keys)
    assert found(archive, AcquisitionNumber="1") == uids[::-1]
    assert found(archive, MedicalAlerts="A") == uids[::-1]
    assert service.fetch(archive, AGE.path).errors == 24
