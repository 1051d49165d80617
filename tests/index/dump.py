"""Fill a service, and write down what its data folder holds: what tests of migrations begin with.

    .venv/bin/python -m tests.index.dump > tests/index/schema_0001.json

Run it, or a copy of it, with the last version of a schema. It asks SQLite itself, whatever the tables are.
"""

import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from filmroom import Client
from filmroom.cli import launch
from filmroom.client import NewQueryTag
from tests import data

STUDIES = {"1.2.826.1": ("1.2.826.1.1.1", "1.2.826.1.1.2", "1.2.826.1.2.3"), "1.2.826.2": ("1.2.826.2.1.1",)}
DELETED = "1.2.826.3"
TAG = "ProtocolName"


def fill(url: str) -> None:
    """Store some Instances, replace one, delete one, and make an attribute searchable."""
    with Client(f"{url}/v2") as client:
        client.wait_for_operation(client.add_query_tags(NewQueryTag(TAG, "instance")))
        for study, instances in STUDIES.items():
            client.store_instances([_dataset(study, instance) for instance in instances])
        client.store_instances([_dataset(DELETED, f"{DELETED}.1.1")])
        client.delete_study(DELETED)


def _dataset(study: str, instance: str) -> Any:
    series = instance.rpartition(".")[0]
    return data.image(
        frames=2,
        rows=2,
        StudyInstanceUID=study,
        SeriesInstanceUID=series,
        SOPInstanceUID=instance,
        PatientName=f"Müller^{study}",
        OtherPatientNames=["One^A", "Two^B"],
        ProtocolName="Knee",
    )


def dump(folder: Path) -> dict[str, Any]:
    """Rows by table, in the order that references allow, and files by name; bytes as {"hex": ...}."""
    with closing(sqlite3.connect(folder / "index.sqlite")) as connection:
        connection.row_factory = sqlite3.Row
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        rows = {name: _rows(connection, name) for (name,) in tables.fetchall()}
    files = {path.name: path.read_bytes().hex() for path in (folder / "blobs").rglob("*") if path.is_file()}
    return {"rows": {name: found for name, found in rows.items() if found}, "files": files}


def _rows(connection: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    return [
        {name: {"hex": value.hex()} if isinstance(value, bytes) else value for name, value in dict(row).items()}
        for row in connection.execute(f"SELECT * FROM {table}")
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        with launch.service(Path(name)) as url:
            fill(url)
        json.dump(dump(Path(name) / "data"), sys.stdout, indent=1, ensure_ascii=False)
