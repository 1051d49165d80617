"""The archive of a million, with three hundred Instances."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bench import bulk, million, population
from bench.questions import Asked
from bench.searches import ROWS
from filmroom.archive import Archive
from filmroom.index.packing import unpack
from filmroom.index.tables import TAG_VALUES, change_feed, instance, instance_data, series, study

SIZE = 300
_OWN = {"blob", "created", "timestamp", "key", "watermark"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Archive, Asked]]:
    """An archive of which a part was stored and the rest repeated."""
    folder = tmp_path_factory.mktemp("made")
    studies = bulk.made(folder, SIZE, stored=100)
    archive = bulk.opened(folder)
    yield archive, Asked(studies)
    archive.close()


def test_all_rows_are_answered_rightly(made: tuple[Archive, Asked]) -> None:
    found = million.of_index(*made, ROWS, seconds=0)
    assert {name: one.failure for name, one in found.items() if one.failure} == {}
    assert found.keys() == {row.name for row in ROWS}


def test_the_same_studies_are_made_each_time() -> None:
    studies = population.studies(SIZE)
    assert studies == population.studies(SIZE)
    assert sum(one.instances for study in studies for one in study.series) == SIZE


def rows(folder: Path, stored: int) -> dict[str, list[dict[str, Any]]]:
    """What the index holds that does not depend on when it came, and by which numbers it is known."""
    bulk.made(folder, SIZE, stored)
    archive = bulk.opened(folder)
    found: dict[str, list[dict[str, Any]]] = {}
    with archive.index.read() as tx:
        for table in (study, series, instance, instance_data, change_feed):
            columns = [column for column in table.c if column.name not in _OWN and "_key" not in column.name]
            found[table.name] = [dict(row._mapping) for row in tx.core.execute(select(*columns))]
        for table in TAG_VALUES.values():
            columns = [table.c.tag, table.c.value, table.c.words]
            found[table.name] = [dict(row._mapping) for row in tx.core.execute(select(*columns))]
    archive.close()
    for one in found["instance_data"]:
        one["metadata"] = unpack(one["metadata"])
    return {name: sorted(each, key=repr) for name, each in found.items()}


def test_repeated_rows_are_those_that_stores_make(tmp_path: Path) -> None:
    assert rows(tmp_path / "repeated", stored=0) == rows(tmp_path / "stored", stored=SIZE)


def test_repeated_instances_have_the_files_that_their_rows_name(made: tuple[Archive, Asked]) -> None:
    archive, _ = made
    with archive.index.read() as tx:
        named = {row.blob: row.digest for row in tx.core.execute(select(instance.c.blob, instance.c.digest))}
    assert len(named) == SIZE
    assert {key: hashlib.sha256(archive.blobs.get(key)).digest() for key in named} == named


def test_an_archive_is_used_again_and_no_other_taken_for_it(tmp_path: Path) -> None:
    assert bulk.made(tmp_path, 20) == bulk.made(tmp_path, 20)
    with pytest.raises(SystemExit, match="another archive"):
        bulk.made(tmp_path, 30)


def test_the_table_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--instances", "20", "--small", "20", "--seconds", "0.01", "--rows", "patient", "--folder"]
    assert million.main([*options, str(tmp_path)]) == 0
    assert "| PatientID |" in capsys.readouterr().out
