"""A real Ceph on loopback, of Debian's packages: a monitor, storage daemons and the RADOS Gateway, which speaks S3."""

import base64
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import httpx2

PROGRAMS = ("ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
INSTALL = "apt-get install --no-install-recommends ceph-common ceph-mon ceph-osd radosgw"
DEADLINE = 120  # seconds that it may take to start
ADMIN = "client.admin"
COLD = "STANDARD_IA"  # a storage class beside the usual one
PLACEMENT = ("--placement-id=default-placement", f"--storage-class={COLD}")
KMS_KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
ALL = ("mon", "osd", "mgr")
DISK = 16 << 30  # bytes of a storage daemon, in a sparse file

CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = {folder}/keyring
mon data = {folder}/mon
osd data = {folder}/osd$id
rgw data = {folder}
run dir = {folder}
crash dir = {folder}
admin socket = {folder}/$name.sock
log file = {folder}/$name.log
pid file = {folder}/$name.pid
osd pool default size = {replicas}
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
mon allow pool size one = true
mon data avail warn = 1
mon data avail crit = 0
bluestore block size = {disk}
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = {key}={secret}
"""


def missing() -> list[str]:
    """Which of its programs are not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


@contextmanager
def gateway(folder: Path, ports: Sequence[int], access_key: str, secret_key: str, replicas: int = 1) -> Iterator[str]:
    """Start a Ceph on three free ports, with so many storage daemons, each of which has all; gives its endpoint.

    `folder` has a short path, since sockets lie in it.
    """
    assert not missing(), f"{', '.join(missing())} not found: {INSTALL}"
    v2, v1, port = ports
    fsid = str(uuid.uuid4())
    configuration = folder / "ceph.conf"
    secret = base64.b64encode(bytes(32)).decode()  # neither this nor the keyring guards anything
    values = {"fsid": fsid, "v2": v2, "v1": v1, "port": port, "folder": folder, "replicas": replicas, "disk": DISK}
    configuration.write_text(CONFIGURATION.format(**values, key=KMS_KEY, secret=secret))
    for number in range(replicas):
        (folder / f"osd{number}").mkdir()
    _make_monitor(folder, fsid, f"[v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]", replicas)
    with ExitStack() as running, (folder / "output").open("wb") as output:

        def ask(*command: str) -> None:
            _ask(configuration, *command)

        def start(*command: str) -> None:
            running.enter_context(_started([command[0], "-c", str(configuration), *command[1:], "-f"], output))

        start("ceph-mon", "-i", "a")
        for number in range(replicas):
            identity = str(uuid.uuid4())
            ask("ceph", "osd", "new", identity)
            ask("ceph-osd", "-i", str(number), "--mkfs", "--osd-uuid", identity)
            start("ceph-osd", "-i", str(number))
        keys = f"--access-key={access_key}", f"--secret-key={secret_key}"
        ask("radosgw-admin", "user", "create", "--uid=ours", "--display-name=ours", *keys)
        for part in (("zonegroup",), ("zone", f"--data-pool={COLD}")):
            ask("radosgw-admin", part[0], "placement", "add", *PLACEMENT, *part[1:])
        start("radosgw", "-n", ADMIN)
        endpoint = f"http://127.0.0.1:{port}"
        _await(endpoint)
        yield endpoint


def _make_monitor(folder: Path, fsid: str, addresses: str, replicas: int) -> None:
    keyring, monitors, configuration = (folder / name for name in ("keyring", "monitors", "ceph.conf"))
    names = ["mon.", ADMIN, *(f"osd.{number}" for number in range(replicas))]
    keyring.touch()
    for name in names:
        grants = [word for one in ALL for word in ("--cap", one, "allow *")]
        _run("ceph-authtool", str(keyring), "--gen-key", "-n", name, *grants)
    _run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", addresses, str(monitors))
    (folder / "mon").mkdir()
    _ask(configuration, "ceph-mon", "--mkfs", "-i", "a", "--monmap", str(monitors), "--keyring", str(keyring))


def _ask(configuration: Path, program: str, *arguments: str) -> None:
    _run(program, "-c", str(configuration), *arguments)


def _run(*command: str) -> None:
    ran = subprocess.run(command, capture_output=True, check=False, timeout=DEADLINE, text=True)
    assert ran.returncode == 0, f"{command}: {ran.stderr}"


@contextmanager
def _started(command: list[str], output: IO[Any]) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | {"CEPH_ARGS": ""})
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _await(endpoint: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        try:
            if httpx2.get(endpoint).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError("Ceph's gateway does not answer")
