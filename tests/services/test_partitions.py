"""Data partitions: made by stores that store something, found again, and never lost."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import orjson
import pytest

from filmroom.archive import Archive
from filmroom.blobs import LARGEST_PARTITION, partition_of
from filmroom.dicom.resources import NO_PARTITION, Resource
from filmroom.errors import BadRequest, Unavailable
from filmroom.index import instances
from filmroom.protocol.dialects import DICOMWEB
from filmroom.services import partitions
from filmroom.services.examination import part
from filmroom.services.partitions import NOTE
from filmroom.services.store import store
from tests import data


def names(archive: Archive) -> list[str]:
    return [one.name for one in partitions.fetch_all(archive)]


def noted(archive: Archive) -> dict[str, int]:
    note = archive.blobs.read_note(NOTE)
    return {} if note is None else orjson.loads(note)


def test_a_store_makes_its_partition(archive: Archive) -> None:
    made = data.dataset()
    new = Resource(partition=NO_PARTITION)
    assert not store(archive, DICOMWEB, new, [part(data.file(made))], replace=False, into="clinic").outcomes[0].failure
    key = partitions.find(archive, "clinic")
    assert key is not None
    with archive.index.read() as tx:
        [stored] = instances.fetch(tx, Resource(made.StudyInstanceUID, partition=key))
        assert not instances.fetch(tx, Resource(made.StudyInstanceUID))
    assert partition_of(stored.key) == key
    assert archive.blobs.size(stored.key) == stored.length


def test_a_store_of_which_nothing_is_stored_makes_none(archive: Archive) -> None:
    new = Resource(partition=NO_PARTITION)
    assert store(archive, DICOMWEB, new, [part(b"no file")], replace=False, into="clinic").outcomes[0].failure
    assert names(archive) == ["Microsoft.Default"]


def test_partitions_are_noted_beside_the_files(archive: Archive) -> None:
    keys = {name: partitions.make(archive, name) for name in ("one", "two", "one")}
    assert noted(archive) == {"Microsoft.Default": 1, **keys}


def test_a_partition_that_cannot_be_noted_is_not_made(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise Unavailable("The blob store can't be written: the disk is full.")

    monkeypatch.setattr(type(archive.blobs), "write_note", full)
    with pytest.raises(Unavailable):
        partitions.make(archive, "clinic")
    assert partitions.find(archive, "clinic") is None


def test_several_that_make_partitions_at_once_lose_none(archive: Archive) -> None:
    wanted = [f"p{number % 10}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda name: partitions.make(archive, name), wanted))
    assert len(set(keys)) == 10
    assert noted(archive) == {one.name: one.key for one in partitions.fetch_all(archive)}
    assert noted(archive) | {"Microsoft.Default": 1} == {"Microsoft.Default": 1, **dict(zip(wanted, keys, strict=True))}


def test_what_another_process_made_is_found(archive: Archive) -> None:
    other = replace(archive, partitions={})
    assert partitions.find(other, "clinic") is None
    key = partitions.make(archive, "clinic")
    assert partitions.find(other, "clinic") == key
    assert other.partitions == {"clinic": key}


def test_more_partitions_than_keys_have_digits_for_are_refused(archive: Archive) -> None:
    with archive.index.begin() as tx:
        tx.core.exec_driver_sql(f"INSERT INTO partition (key, name, created) VALUES ({LARGEST_PARTITION}, 'last', 0)")
    with pytest.raises(BadRequest, match="1048575 are the most"):
        partitions.make(archive, "one more")
    assert names(archive) == ["Microsoft.Default", "last"]


@pytest.fixture
def several(archive: Archive) -> Archive:
    partitions.make(archive, "clinic")
    return archive


def test_several_partitions_are_not_served_without(several: Archive) -> None:
    partitions.check(several, in_use=True)
    with pytest.raises(Unavailable, match="2 data partitions"):
        partitions.check(several, in_use=False)


def test_one_is(archive: Archive) -> None:
    partitions.check(archive, in_use=False)
