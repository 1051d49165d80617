"""Whatever ends in the middle, a process, a client or the disk: nothing acknowledged is lost, nothing half listed."""

import os
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests import data, service
from tests.messages import DICOM, Sent, body, related, sent, store, values
from tests.service import Service, check_index, needs_proc, wait_until

pytestmark = needs_proc

ROOT = "/dicomweb"
STORED = {"Accept": "application/dicom; transfer-syntax=*"}
RAW = {"Accept": "application/octet-stream; transfer-syntax=*"}
CLIENTS = 8


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service.running(tmp_path_factory.mktemp("crash") / "data", "--codec-processes", "1") as running:
        running.begun()
        yield running


@pytest.fixture
def http(running: Service) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=running.url, timeout=60) as client:
        yield client


# --- Every process is killed while eight clients store


class Sender(threading.Thread):
    """A client that stores until the service is gone, and remembers what it sent and what was acknowledged."""

    def __init__(self, url: str, acknowledged: list[Sent]) -> None:
        super().__init__()
        self.url, self.acknowledged = url, acknowledged
        self.begun: list[Sent] = []
        self.failed: list[httpx2.Response] = []

    def run(self) -> None:
        study, turn = data.uid(), 0
        with httpx2.Client(base_url=self.url, timeout=60) as http:
            try:
                while True:
                    turn += 1
                    self._store(http, study, turn)
            except httpx2.TransportError:
                return

    def _store(self, http: httpx2.Client, study: str, turn: int) -> None:
        side = 1600 if turn % 8 == 0 else 64  # 5 MB go through the spool
        made = [sent(data.image(rows=side, columns=side, StudyInstanceUID=study)) for _ in range(turn % 3 + 1)]
        self.begun += made
        answer = store(http, ROOT, *(one.content for one in made))
        if answer.status_code == 200:
            self.acknowledged += made
        else:
            self.failed.append(answer)


def stores_until_killed(running: Service) -> tuple[list[Sent], list[Sent]]:
    """Everything that eight clients began to store, and of that what was acknowledged before the kill."""
    acknowledged: list[Sent] = []
    senders = [Sender(running.url, acknowledged) for _ in range(CLIENTS)]
    for sender in senders:
        sender.start()
    wait_until(lambda: len(acknowledged) > 120)
    running.kill()
    for sender in senders:
        sender.join()
    assert [answer.text for sender in senders for answer in sender.failed] == []
    return [one for sender in senders for one in sender.begun], acknowledged


def listed(http: httpx2.Client) -> Iterator[str]:
    """The SOP Instance UIDs that searches find, page by page."""
    offset = 0
    while page := http.get(f"{ROOT}/instances", params={"offset": offset, "limit": 500}).json():
        yield from (values(match, "00080018")[0] for match in page)
        offset += len(page)


def check_readable(http: httpx2.Client, made: Sent) -> None:
    """Instance, Metadata and Frame are there and are what was sent."""
    assert http.get(ROOT + made.instance, headers=STORED).content == made.content
    (metadata,) = http.get(f"{ROOT}{made.instance}/metadata").json()
    assert values(metadata, "00080018") == [made.dataset.SOPInstanceUID]
    assert http.get(f"{ROOT}{made.instance}/frames/1", headers=RAW).content == made.dataset.PixelData


def test_kill_while_eight_clients_store(tmp_path: Path) -> None:
    begun: dict[str, Sent] = {}
    acknowledged: set[str] = set()
    for _ in range(2):
        with service.running(tmp_path / "data", "--workers", "2") as running:
            sent_now, acknowledged_now = stores_until_killed(running)
        begun |= {one.dataset.SOPInstanceUID: one for one in sent_now}
        acknowledged |= {one.dataset.SOPInstanceUID for one in acknowledged_now}
        check_index(tmp_path / "data")
    with service.running(tmp_path / "data") as running, httpx2.Client(base_url=running.url, timeout=60) as http:
        found = list(listed(http))
        assert len(found) == len(set(found))
        assert acknowledged <= set(found) <= begun.keys()
        for uid in found:
            check_readable(http, begun[uid])
        assert store(http, ROOT, sent().content).status_code == 200
        assert running.stop() in {0, -signal.SIGTERM}


# --- The client goes away


def connect(running: Service) -> socket.socket:
    host, _, port = running.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)))


def spooled(running: Service) -> list[Path]:
    return list((running.data / "spool").rglob("*"))


def head(made: Sent, headers: dict[str, str]) -> bytes:
    fields = (f"{name}: {value}" for name, value in headers.items())
    lines = [f"POST {ROOT}{made.study} HTTP/1.1", "Host: localhost", *fields]
    return "\r\n".join([*lines, "", ""]).encode()


FIVE_GIGABYTES = {"Content-Length": str(5 * 1024**3)}
CHUNKED = {"Transfer-Encoding": "chunked"}


@pytest.mark.parametrize(
    ("headers", "frame"),
    [
        (DICOM | FIVE_GIGABYTES, lambda content: content),
        (related() | FIVE_GIGABYTES, lambda content: body(content)[:-20]),
        (DICOM | CHUNKED, lambda content: b"%x\r\n%b\r\n" % (len(content), content)),
    ],
    ids=["single", "multipart", "chunked"],
)
def test_client_goes_away_in_mid_body(
    running: Service, http: httpx2.Client, headers: dict[str, str], frame: Callable[[bytes], bytes]
) -> None:
    made = sent(data.image(rows=2048, columns=2048))
    with connect(running) as connection:
        connection.sendall(head(made, headers) + frame(made.content))
        wait_until(lambda: spooled(running))
    wait_until(lambda: not spooled(running))
    assert http.get(ROOT + made.study).status_code == 404
    assert not running.mishaps()


def test_client_goes_away_before_the_body(running: Service, http: httpx2.Client) -> None:
    made = sent()
    with connect(running) as connection:
        connection.sendall(head(made, DICOM | FIVE_GIGABYTES))
    with connect(running) as connection:
        connection.sendall(head(made, DICOM)[:20])
    assert http.get(ROOT + made.study).status_code == 404
    assert not running.mishaps()


def test_a_request_that_is_no_http(running: Service, http: httpx2.Client) -> None:
    with connect(running) as connection:
        connection.sendall(b"\x16\x03\x01 not HTTP at all\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert http.get("/health/check").status_code == 200


def opened_blobs(running: Service) -> list[str]:
    """The files of the blob store and of the spool that any process has open."""
    found = []
    for pid in running.processes():
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = os.readlink(descriptor)
            except FileNotFoundError:
                continue
            if target.startswith((str(running.data / "blobs"), str(running.data / "spool"))):
                found.append(target)
    return found


@pytest.mark.parametrize("syntax", ["*", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.2"])
def test_client_goes_away_in_mid_answer(running: Service, http: httpx2.Client, syntax: str) -> None:
    made = sent(data.image(frames=4, rows=2048, columns=2048))
    assert store(http, ROOT, made.content).status_code == 200
    accept = f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'
    with connect(running) as connection:
        connection.sendall(f"GET {ROOT}{made.study} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    wait_until(lambda: not opened_blobs(running) and not spooled(running))
    assert http.get(ROOT + made.instance, headers=STORED).content == made.content
    assert not running.mishaps()


# --- The disk is full: the operating system refuses to let any file of the service grow


def limit_files(running: Service, size: int) -> None:
    for pid in running.processes():
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


@pytest.fixture
def limited(running: Service) -> Iterator[Callable[[int], None]]:
    yield lambda size: limit_files(running, size)
    limit_files(running, resource.RLIM_INFINITY)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit")
@pytest.mark.parametrize(
    ("size", "side"),
    [(3_000_000, 1600), (20_000, 128), (40_000, 8), (0, 8)],
    ids=["while spooling", "while writing the file", "while writing the index", "while writing anything"],
)
def test_disk_full_while_storing(
    running: Service, http: httpx2.Client, limited: Callable[[int], None], size: int, side: int
) -> None:
    made, before = sent(data.image(rows=side, columns=side)), blobs(running)
    limited(size)
    answer = store(http, ROOT, made.content)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert made.dataset.PatientID not in answer.text
    limited(resource.RLIM_INFINITY)
    assert http.get(ROOT + made.study).status_code == 404
    assert (blobs(running), spooled(running)) == (before, [])
    assert store(http, ROOT, made.content).status_code == 200
    check_readable(http, made)


def blobs(running: Service) -> set[str]:
    return {path.name for path in (running.data / "blobs").rglob("*") if path.is_file()}


def test_a_worker_for_pixels_that_is_killed_costs_one_request(running: Service, http: httpx2.Client) -> None:
    made = sent(data.image())
    store(http, ROOT, made.content)
    accept = {"Accept": "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90"}
    assert http.get(ROOT + made.instance, headers=accept).status_code == 200
    [pid] = codec_workers(running)
    os.kill(pid, signal.SIGKILL)
    answers = [http.get(ROOT + made.instance, headers=accept).status_code for _ in range(2)]
    assert answers in ([503, 200], [200, 200])  # it may have been replaced by then
    assert pid not in codec_workers(running)


def codec_workers(running: Service) -> list[int]:
    """The processes that are forked from the one that has imported what they need."""
    forked = [pid for pid in running.processes() if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return [pid for pid in forked if parent(pid) in forked]


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])  # proc_pid_stat(5)
