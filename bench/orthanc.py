"""Orthanc as a peer: Debian's packages orthanc and orthanc-dicomweb, as durable and as fast as they can be configured.

Its SQLite index is in WAL mode with synchronous=NORMAL, which can't be changed: a power failure may undo the
last transactions. Filmroom commits durably before it answers, so it pays for something that Orthanc does not.
"""

import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.commands import refuse
from bench.postgresql import Database
from bench.servers import NEAR, Server, free_port, started

PLUGINS = (
    Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so"),
    Path("/usr/local/share/orthanc/plugins/libOrthancDicomWeb.so"),
)
POSTGRESQL = tuple(path.with_name("libOrthancPostgreSQLIndex.so") for path in PLUGINS)


# A program reads what it knows of these; 1.10 passes over the rest.
FASTEST: dict[str, object] = {
    # Files read or written lately stay in memory, in MB; by default 128, which is less than one large object.
    "MaximumStorageCacheSize": 1024,
    # No answer is compressed: the bench's clients do not ask for it, and 1.10 would for those that do.
    "HttpCompressionEnabled": False,
    # A connection serves many requests, and small answers are not held back; by default so, and said here.
    "KeepAlive": True,
    "TcpNoDelay": True,
    # What a search for Instances answers is in the index and need not be read from the files (from 1.11 on). The
    # plugin's NEWS of 1.8 recommends more, for Series and Studies too, which no search of the bench returns.
    "ExtraMainDicomTags": {"Instance": ["SOPClassUID", "Rows", "Columns", "BitsAllocated"]},
    # Nothing is counted for /metrics.
    "MetricsEnabled": False,
}
FASTEST_DICOMWEB: dict[str, object] = {
    # Metadata is complete, as Filmroom's: MainDicomTags and Extrapolate are faster, and leave attributes out.
    "StudiesMetadata": "Full",
    "SeriesMetadata": "Full",
    # The Metadata of a Series is kept once no Instance came for a minute (from 1.15 on; by default so).
    "EnableMetadataCache": True,
    # Threads that parse, and that read files, for one answer (from 1.14 and 1.21 on). The plugin's NEWS says that more
    # than one reader is for storage in a network; a Series of CT was 10 to 25 % quicker with four all the same.
    "MetadataWorkerThreadsCount": max(4, os.cpu_count() or 1),
    "WadoRsLoaderThreadsCount": max(4, os.cpu_count() or 1),
}


@dataclass(frozen=True, slots=True)
class Program:
    """What starts an Orthanc, and its DICOMweb plugin."""

    command: tuple[str, ...]
    plugin: Path


def installed() -> Program | None:
    """The machine's own."""
    program = Path(shutil.which("Orthanc") or "/usr/sbin/Orthanc")
    plugin = next((path for path in PLUGINS if path.exists()), None)
    return Program((str(program),), plugin) if plugin and program.exists() else None


@contextmanager
def orthanc(folder: Path, program: Program | None = None, database: Database | None = None) -> Iterator[Server]:
    """Orthanc with its DICOMweb plugin, and SQLite or PostgreSQL; only this machine may ask it."""
    found = program or installed()
    if found is None:
        refuse("Orthanc is not installed: apt-get install orthanc orthanc-dicomweb")
    _named()
    port = free_port()
    data = folder / f"orthanc-{port}"
    data.mkdir()
    told = configuration(data, port, found.plugin) | (indexed(database, found.plugin) if database else {})
    file = folder / f"{data.name}.json"
    file.write_text(json.dumps(told))
    root = f"http://127.0.0.1:{port}"
    with started([*found.command, str(file)], folder / f"{data.name}.log", f"{root}/system") as pid:
        name = f"Orthanc {_version(f'{root}/system')}, DICOMweb {_version(f'{root}/plugins/dicom-web')}"
        name += ", PostgreSQL" if database else ""
        yield Server(name, f"{root}/dicom-web", pid, _beside(database), ours=True)


def configuration(data: Path, port: int, plugin: Path) -> dict[str, object]:
    """What Orthanc is told; the rest are its defaults."""
    return {
        **FASTEST,
        "Name": "Bench",
        "StorageDirectory": str(data),
        "IndexDirectory": str(data),
        "SyncStorageArea": True,  # fsync of each file before the answer; by default so
        "StorageCompression": False,
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "Plugins": [str(plugin)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", **FASTEST_DICOMWEB},
    }


def indexed(database: Database, dicomweb: Path) -> dict[str, object]:
    """What it is told beside, to have its index in PostgreSQL; its files stay in a folder."""
    plugin = next((path for path in POSTGRESQL if path.exists()), None)
    if plugin is None:
        refuse("Orthanc's plugin is not installed: apt-get install orthanc-postgresql")
    index = {"EnableIndex": True, "EnableStorage": False, "ConnectionUri": database.url}
    return {"Plugins": [str(dicomweb), str(plugin)], "PostgreSQL": index}


def _named() -> None:
    """Newer ones ask for the machine's own name at each call within, and wait five seconds if nobody knows it."""
    try:
        socket.gethostbyname(socket.gethostname())
    except OSError:
        refuse(f"{socket.gethostname()} is not in /etc/hosts, which would slow Orthanc down.")


def _beside(database: Database | None) -> tuple[int, ...]:
    return (database.pid,) if database else ()


def _version(url: str) -> str:
    with NEAR.open(url, timeout=5) as answer:
        return str(json.load(answer)["Version"])
