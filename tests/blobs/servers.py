"""Object stores on loopback, as processes of their own: started on a free port, ended by their id."""

import base64
import hmac
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import httpx2

from bench.servers import free_port
from tests.blobs import ceph

S3_KINDS = ("moto", "ceph")
SERVERS = Path(__file__).parents[1] / "servers"
NODE = shutil.which("node")
S3_OPTIONS = {"access_key_id": "ours", "secret_access_key": "guessed", "region": "us-east-1", "allow_http": "true"}
ACCOUNT = "devstoreaccount1"  # the one that every emulator of Azure's knows, with its key
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def has(name: str) -> bool:
    """Whether a server of tests/servers/package.json is installed."""
    return NODE is not None and (SERVERS / "node_modules" / ".bin" / name).exists()


@contextmanager
def moto(port: int) -> Iterator[str]:
    """An S3 that checks nothing, of Python's."""
    with _running([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def s3(kind: str, parent: Path | None = None) -> Iterator[str]:
    """An S3 of a kind of `S3_KINDS`, whose files lie in a folder of its own in `parent`; gives its endpoint."""
    if kind == "moto":
        with moto(free_port()) as endpoint:
            yield endpoint
        return
    with TemporaryDirectory(prefix="ceph-", dir=parent) as folder:
        keys = S3_OPTIONS["access_key_id"], S3_OPTIONS["secret_access_key"]
        with ceph.gateway(Path(folder), [free_port() for _ in range(3)], *keys) as endpoint:
            yield endpoint


@contextmanager
def azurite(port: int) -> Iterator[str]:
    """Microsoft's own emulator of Azure Blob Storage."""
    program = str(SERVERS / "node_modules" / ".bin" / "azurite-blob")
    options = ["--silent", "--skipApiVersionCheck", "--inMemoryPersistence", "--disableTelemetry"]
    with _running([str(NODE), program, *options, "--blobHost", "127.0.0.1", "--blobPort", str(port)], port):
        yield f"http://127.0.0.1:{port}/{ACCOUNT}"


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _await(port, process)
            yield
        finally:
            process.kill()


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{process.args!r} ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"{process.args!r} does not answer")


def make_bucket(endpoint: str, name: str) -> Any:
    """Make a bucket of an S3; gives Amazon's own library, to look at it."""
    client = boto3.client(  # type: ignore[no-untyped-call]
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=S3_OPTIONS["access_key_id"],
        aws_secret_access_key=S3_OPTIONS["secret_access_key"],
        region_name=S3_OPTIONS["region"],
    )
    client.create_bucket(Bucket=name)
    return client


def make_container(endpoint: str, container: str) -> None:
    """Make a container of Azurite, by a request signed as Azure's Shared Key has it."""
    date = formatdate(usegmt=True)
    resource = f"/{ACCOUNT}/{ACCOUNT}/{container}\nrestype:container"
    text = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:2021-08-06\n{resource}"
    signed = hmac.digest(base64.b64decode(ACCOUNT_KEY), text.encode(), "sha256")
    signature = f"SharedKey {ACCOUNT}:{base64.b64encode(signed).decode()}"
    headers = {"x-ms-date": date, "x-ms-version": "2021-08-06", "Authorization": signature}
    made = httpx2.put(f"{endpoint}/{container}?restype=container", headers=headers, timeout=60)
    assert made.status_code == 201, made.text
