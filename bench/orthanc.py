"""Orthanc as a peer: Debian's packages orthanc and orthanc-dicomweb, as durable as they can be configured.

SyncStorageArea (fsync of each file before the answer) is on by default, and said here so that nobody wonders.
Its SQLite index is in WAL mode with synchronous=NORMAL, which can't be changed: a power failure may undo the
last transactions. Filmroom commits durably before it answers, so it pays for something that Orthanc does not.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.postgresql import Database
from bench.servers import NEAR, Server, free_port, started

PLUGINS = (
    Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so"),
    Path("/usr/local/share/orthanc/plugins/libOrthancDicomWeb.so"),
)
POSTGRESQL = tuple(path.with_name("libOrthancPostgreSQLIndex.so") for path in PLUGINS)


def installed() -> tuple[Path, Path] | None:
    """The program and its DICOMweb plugin."""
    program = Path(shutil.which("Orthanc") or "/usr/sbin/Orthanc")
    plugin = next((path for path in PLUGINS if path.exists()), None)
    return (program, plugin) if plugin and program.exists() else None


@contextmanager
def orthanc(folder: Path, database: Database | None = None) -> Iterator[Server]:
    """Orthanc with its DICOMweb plugin, and SQLite or PostgreSQL; only this machine may ask it."""
    found = installed()
    if found is None:
        raise SystemExit("Orthanc is not installed: apt-get install orthanc orthanc-dicomweb")
    program, plugin = found
    port = free_port()
    data = folder / ("orthanc-postgresql" if database else "orthanc")
    data.mkdir()
    told = configuration(data, port, plugin) | (indexed(database, plugin) if database else {})
    file = folder / f"{data.name}.json"
    file.write_text(json.dumps(told))
    root = f"http://127.0.0.1:{port}"
    with started([str(program), str(file)], folder / f"{data.name}.log", f"{root}/system") as pid:
        name = f"Orthanc {_version(f'{root}/system')}, DICOMweb {_version(f'{root}/plugins/dicom-web')}"
        yield Server(name + (", PostgreSQL" if database else ""), f"{root}/dicom-web", pid, _beside(database))


def configuration(data: Path, port: int, plugin: Path) -> dict[str, object]:
    """What Orthanc is told; the rest are its defaults."""
    return {
        "Name": "Bench",
        "StorageDirectory": str(data),
        "IndexDirectory": str(data),
        "SyncStorageArea": True,
        "StorageCompression": False,
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "Plugins": [str(plugin)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }


def indexed(database: Database, dicomweb: Path) -> dict[str, object]:
    """What it is told beside, to have its index in PostgreSQL; its files stay in a folder."""
    plugin = next((path for path in POSTGRESQL if path.exists()), None)
    if plugin is None:
        raise SystemExit("Orthanc's plugin is not installed: apt-get install orthanc-postgresql")
    index = {"EnableIndex": True, "EnableStorage": False, "ConnectionUri": database.url}
    return {"Plugins": [str(dicomweb), str(plugin)], "PostgreSQL": index}


def _beside(database: Database | None) -> tuple[int, ...]:
    return (database.pid,) if database else ()


def _version(url: str) -> str:
    with NEAR.open(url, timeout=5) as answer:
        return str(json.load(answer)["Version"])
