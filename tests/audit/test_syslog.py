"""Messages reach a real receiver, over TLS and without, framed as the RFCs want it."""

import re
import socket
import ssl
import threading
from pathlib import Path

import pytest

from filmroom.audit import syslog
from filmroom.audit.syslog import Receiver
from tests.audit.receiver import certificates, receiving
from tests.service import wait_until

HEAD = re.compile(rb"<(\d+)>1 (\S+) (\S+) (\S+) - DICOM\+RFC3881 - \xef\xbb\xbf(.*)", re.DOTALL)
TIME = "2026-01-02T03:04:05.000006Z"


def _one(number: int = 1) -> bytes:
    return syslog.message(f"<AuditMessage n='{number}'>ü</AuditMessage>", TIME, "pacs1", failed=False)


def _never(seconds: float) -> bool:
    return threading.Event().wait(seconds)


def _is_noticed(receiver: Receiver) -> bool:
    try:
        receiver.settle(_never)
    except OSError:
        return True
    return False


def test_a_message_is_of_rfc_5424() -> None:
    found = HEAD.fullmatch(_one())
    assert found is not None
    assert [part.decode() for part in found.groups()[:4]] == ["85", TIME, "pacs1", "filmroom"]
    assert found[5].decode().endswith("<AuditMessage n='1'>ü</AuditMessage>")
    assert syslog.message("<x/>", TIME, "", failed=True).startswith(b"<84>1 " + TIME.encode() + b" - filmroom")


@pytest.mark.parametrize("secure", [True, False])
def test_messages_come_over_a_connection(tmp_path: Path, secure: bool) -> None:
    given = certificates(tmp_path) if secure else None
    with receiving(given=given) as heard:
        receiver = Receiver(f"{'tls' if secure else 'tcp'}://127.0.0.1:{heard.port}", given.ca if given else None)
        receiver.send([_one(1), _one(2)])
        receiver.settle(_never)
        receiver.send([_one(3)])
        assert heard.wait_for(3) == [_one(1), _one(2), _one(3)]
        receiver.close()


def test_a_client_certificate_is_shown(tmp_path: Path) -> None:
    given = certificates(tmp_path)
    with receiving(given=given, clients=True) as heard:
        receiver = Receiver(f"tls://127.0.0.1:{heard.port}", given.ca, given.certificate)
        receiver.send([_one()])
        heard.wait_for(1)
        assert "subject" in str(heard.clients)
        receiver.close()


@pytest.mark.parametrize("problem", ["other authority", "other name"])
def test_a_receiver_that_is_somebody_else_gets_nothing(tmp_path: Path, problem: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    given = certificates(tmp_path, "127.0.0.1" if problem == "other authority" else "192.0.2.1")
    ca = certificates(other).ca if problem == "other authority" else given.ca
    with receiving(given=given) as heard:
        receiver = Receiver(f"tls://127.0.0.1:{heard.port}", ca)
        with pytest.raises(ssl.SSLCertVerificationError):
            receiver.send([_one()])
        assert heard.messages == []


def test_datagrams_are_one_message_each() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        receiver = Receiver(f"udp://127.0.0.1:{listening.getsockname()[1]}")
        receiver.send([_one(1), _one(2)])
        receiver.settle(_never)
        assert [listening.recv(65536) for _ in range(2)] == [_one(1), _one(2)]
        receiver.close()


def test_a_connection_that_was_closed_is_noticed_before_anything_is_sent() -> None:
    with receiving(most=[1]) as heard:
        receiver = Receiver(f"tcp://127.0.0.1:{heard.port}")
        receiver.send([_one()])
        heard.wait_for(1)
        wait_until(lambda: _is_noticed(receiver))
        receiver.close()


def test_who_is_not_there_is_an_error() -> None:
    with pytest.raises(ConnectionRefusedError):
        Receiver("tcp://127.0.0.1:1").send([_one()])
