"""The trail reaches the receiver in order, also what was written while that was away."""

import os
from pathlib import Path

import orjson
import pytest

from bench.servers import free_port
from filmroom import metrics
from filmroom.audit import sender, syslog
from filmroom.audit.messages import Reporter
from filmroom.audit.sender import Sender
from filmroom.audit.syslog import Receiver
from tests.audit import given
from tests.audit.receiver import Heard, certificates, receiving
from tests.service import DEADLINE, wait_until


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POLL", "REST", "LONGEST_REST", "TRY", "HOLD"):
        monkeypatch.setattr(sender, name, 0.05 if name == "HOLD" else 0.01)


def _sender(folder: Path, url: str, ca: Path | None = None) -> Sender:
    return Sender(folder / "audit", Receiver(url, ca), Reporter("pacs1"))


def _append(folder: Path, *numbers: int) -> None:
    trail = given.open_trail(folder, largest=1000)
    trail.append([given.fact(number, study=f"1.{number}") for number in numbers])
    trail.close()


def _studies(heard: Heard) -> list[int]:
    """The Studies of the messages, each once, in the order in which they came first."""
    found = [int(one.partition(b'ParticipantObjectID="1.')[2].partition(b'"')[0]) for one in heard.messages]
    return list(dict.fromkeys(found))


def _sent(folder: Path) -> bool:
    """Whether the note says that all is sent."""
    last = given.files(folder)[-1]
    try:
        said = orjson.loads((folder / "audit/sent").read_bytes())
    except FileNotFoundError:
        return False
    return bool(said == {"file": last.name, "offset": last.stat().st_size})


def test_what_is_written_is_sent_over_tls(tmp_path: Path) -> None:
    secure = certificates(tmp_path)
    with receiving(given=secure) as heard, _sender(tmp_path, f"tls://127.0.0.1:{heard.port}", secure.ca):
        for number in range(1, 30):
            _append(tmp_path, number)
        wait_until(lambda: len(_studies(heard)) == 29)
    assert _studies(heard) == [*range(1, 30)]


def test_what_was_written_while_the_receiver_was_away_comes_later_in_order(tmp_path: Path) -> None:
    port = free_port()
    with _sender(tmp_path, f"tcp://127.0.0.1:{port}") as sending:
        _append(tmp_path, 1, 2, 3)
        wait_until(lambda: sending.trouble)
        wait_until(lambda: metrics.REGISTRY.get_sample_value("filmroom_audit_syslog_failing") == 1)
        assert sender.waiting_since(tmp_path / "audit") is not None
        _append(tmp_path, 4, 5)
        with receiving(port) as heard:
            wait_until(lambda: len(_studies(heard)) == 5)
            wait_until(lambda: sending.trouble is None)
            wait_until(lambda: _sent(tmp_path))
            assert metrics.REGISTRY.get_sample_value("filmroom_audit_syslog_failing") == 0
    assert sender.waiting_since(tmp_path / "audit") is None
    assert _studies(heard) == [1, 2, 3, 4, 5]


def test_what_waits_does_so_since_its_first_line_was_written(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    assert sender.waiting_since(folder) is None
    _append(tmp_path, 1)
    first = given.files(tmp_path)[-1]
    (folder / "sent").write_bytes(orjson.dumps({"file": first.name, "offset": first.stat().st_size}))
    assert sender.waiting_since(folder) is None
    for number in range(2, 12):  # in several files
        _append(tmp_path, number)
    assert len(given.files(tmp_path)) > 1
    assert sender.waiting_since(folder) == given.fact(2)["time"]


def test_the_next_process_goes_on_where_this_one_was(tmp_path: Path) -> None:
    with receiving() as heard:
        url = f"tcp://127.0.0.1:{heard.port}"
        _append(tmp_path, 1)
        with _sender(tmp_path, url):
            wait_until(lambda: _sent(tmp_path))
        for number in range(2, 20):
            _append(tmp_path, number)
        with _sender(tmp_path, url):
            heard.wait_for(19)
            wait_until(lambda: _sent(tmp_path))
    assert _studies(heard) == [*range(1, 20)]
    assert len(heard.messages) == 19


def test_a_receiver_that_closes_again_and_again_misses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "HOLD", 3600.0)  # however slow the receiver is to close
    with receiving(most=[3, 5]) as heard, _sender(tmp_path, f"tcp://127.0.0.1:{heard.port}"):
        for number in range(1, 20):
            _append(tmp_path, number)
        wait_until(lambda: len(_studies(heard)) == 19)
    assert sorted(_studies(heard)) == [*range(1, 20)]


def test_who_ends_in_good_order_has_nothing_to_send_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "HOLD", 3600.0)
    monkeypatch.setattr(syslog, "_FAREWELL", DEADLINE)
    secure = certificates(tmp_path)
    for given_, scheme in ((secure, "tls"), (None, "tcp")):
        with receiving(given=given_) as heard:
            with _sender(tmp_path, f"{scheme}://127.0.0.1:{heard.port}", secure.ca):
                _append(tmp_path, 1)
                heard.wait_for(1)
            wait_until(lambda: _sent(tmp_path))
        assert len(heard.messages) == 1


def test_of_several_senders_one_sends(tmp_path: Path) -> None:
    with receiving() as heard:
        url = f"tcp://127.0.0.1:{heard.port}"
        with _sender(tmp_path, url):
            _append(tmp_path, 1)
            heard.wait_for(1)
            with _sender(tmp_path, url):
                _append(tmp_path, 2)
                wait_until(lambda: _sent(tmp_path))
        with _sender(tmp_path, url):
            _append(tmp_path, 3)
            heard.wait_for(3)
    assert len(heard.messages) == 3


def test_what_is_no_line_is_passed_over(tmp_path: Path) -> None:
    _append(tmp_path, 1)
    with given.files(tmp_path)[-1].open("ab") as file:
        file.write(b"nothing\n")
    _append(tmp_path, 2)
    with receiving() as heard, _sender(tmp_path, f"tcp://127.0.0.1:{heard.port}"):
        heard.wait_for(2)
    assert _studies(heard) == [1, 2]


def test_how_far_it_is_outlives_a_loss_of_power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync, synced = os.fsync, set[int]()

    def note(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    _append(tmp_path, 1)
    monkeypatch.setattr(os, "fsync", note)
    with receiving() as heard, _sender(tmp_path, f"tcp://127.0.0.1:{heard.port}"):
        wait_until(lambda: _sent(tmp_path))
    assert {(tmp_path / "audit/sent").stat().st_ino, (tmp_path / "audit").stat().st_ino} <= synced
