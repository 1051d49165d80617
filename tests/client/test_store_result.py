"""Each Outcome of a store has its source, also where the answer does not say whose it is."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from filmroom import Client, ClientError, ConnectionFailed, Outcome, StoreFailed
from filmroom.client import _sources, _store
from filmroom.client.exceptions import Interrupted, MissingFile
from tests import data
from tests.client import recorder
from tests.client.recorder import Recorder, Reply

GARBAGE = [b"garbage %d" % number for number in range(3)]
FILE = data.file(data.dataset(SOPInstanceUID="1.2.3"))


def _item(code: int | None = None, uid: str | None = None, comment: str | None = None) -> dict[str, Any]:
    item: dict[str, Any] = {} if code is None else {"00081197": {"vr": "US", "Value": [code]}}
    if uid is not None:
        item["00081155"] = {"vr": "UI", "Value": [uid]}
    if comment is not None:
        item["00741048"] = {"vr": "SQ", "Value": [{"00000902": {"vr": "LO", "Value": [comment]}}]}
    return item


def _answer(status: int = 409, **sequences: list[Any]) -> Reply:
    tags = {"failed": "00081198", "stored": "00081199", "others": "0008119A"}
    return recorder.json({tags[name]: {"vr": "SQ", "Value": items} for name, items in sequences.items()}, status)


def _outcomes(client: Any, given: list[bytes], **options: Any) -> list[tuple[int | None, str, int | None]]:
    try:
        result = client.store_instances(given, **options)
    except ClientError as error:
        result = error.result
    return [(outcome.number, outcome.status, outcome.code) for outcome in result.outcomes]


@pytest.mark.parametrize("sequence", ["failed", "others"])
def test_failures_of_one_sequence_are_those_of_the_request_in_order(
    client: Any, service: Recorder, sequence: str
) -> None:
    service.replies = [_answer(409, **{sequence: [_item(272), _item(43264), _item(49152)]})]
    assert _outcomes(client, GARBAGE) == [(0, "failed", 272), (1, "failed", 43264), (2, "failed", 49152)]
    assert len(service.requests) == 1


def test_failures_of_two_sequences_are_told_by_sending_one_by_one(client: Any, service: Recorder) -> None:
    both = _answer(failed=[_item(272)], others=[_item(43264)])
    service.replies = [both, _answer(others=[_item(43264)]), _answer(failed=[_item(272)])]
    assert _outcomes(client, GARBAGE[:2]) == [(0, "failed", 43264), (1, "failed", 272)]
    assert list(map(recorder.parts_of, service.requests[1:])) == [[GARBAGE[0]], [GARBAGE[1]]]


def test_an_answer_that_tells_of_fewer_is_asked_again(client: Any, service: Recorder) -> None:
    one = _answer(others=[_item(43264)])
    service.replies = [one]
    assert _outcomes(client, GARBAGE) == [(0, "failed", 43264), (1, "failed", 43264), (2, "failed", 43264)]
    assert len(service.requests) == 4


def test_what_the_first_request_had_stored_counts_as_stored(client: Any, service: Recorder) -> None:
    first = _answer(202, stored=[_item(uid="1.9")], failed=[_item(43264)])
    there = _answer(failed=[_item(45070, "1.9")])
    service.replies = [first, _answer(failed=[_item(43264)]), there]
    assert _outcomes(client, GARBAGE[:2]) == [(0, "failed", 43264), (1, "stored", None)]


def test_what_can_be_read_only_once_is_not_sent_again(client: Any, service: Recorder) -> None:
    class OneWay:
        def __init__(self, content: bytes) -> None:
            self.content = [content, b""]

        def read(self, size: int) -> bytes:
            return self.content.pop(0)

        def seekable(self) -> bool:
            return False

    service.replies = [_answer(failed=[_item(272)], others=[_item(43264)])]
    given: Any = [GARBAGE[0], OneWay(GARBAGE[1])]
    assert _outcomes(client, given) == [(None, "failed", 272), (None, "failed", 43264)]
    assert len(service.requests) == 1


def test_sending_again_ends_when_the_service_goes_away(client: Any, service: Recorder) -> None:
    service.replies = [_answer(others=[_item(43264)]), Reply(401)]
    assert _outcomes(client, GARBAGE) == [(number, "failed", None) for number in range(3)]
    assert len(service.requests) == 2


def test_sending_again_does_not_count_bytes_twice(client: Any, service: Recorder) -> None:
    service.replies = [_answer(others=[_item(43264)])]
    steps: list[Any] = []
    with pytest.raises(StoreFailed):
        client.store_instances(GARBAGE, progress=steps.append)
    assert (steps[-1].bytes, steps[-1].instances) == (sum(map(len, GARBAGE)), 3)


def test_a_file_without_meta_information_is_known_by_its_data_set(client: Any, service: Recorder) -> None:
    bare = FILE[FILE.index(b"\x08\0\x16\0UI") :]
    service.replies = [_answer(202, stored=[_item(uid="1.2.3")], others=[_item(43264)])]
    assert _outcomes(client, [GARBAGE[0], bare]) == [(0, "failed", 43264), (1, "stored", None)]
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("comments", "said"),
    [
        ((), "it can't be understood"),
        (("DICOM100: (0020,000d) - Not a UID.", "DICOM100: (0020,000d) - Not a UID."), "Not a UID."),
        (("It is cut off.", "", "DICOM7: It is late."), "It is cut off.; It is late."),
    ],
)
def test_the_services_own_words_explain_best(comments: tuple[str, ...], said: str) -> None:
    assert Outcome("failed", reason="it can't be understood", comments=comments).explanation == said


def test_the_services_own_words_are_in_the_exception(client: Any, service: Recorder) -> None:
    service.replies = [_answer(others=[_item(43264, comment="DICOM100: (0020,000d) - Not a UID.")])]
    with pytest.raises(StoreFailed, match="of the first: Not a UID"):
        client.store_instances(GARBAGE[0])


def test_a_pipe_is_never_opened(client: Any, service: Recorder, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "one.dcm").write_bytes(FILE)
    service.replies = [_answer(200, stored=[_item(uid="1.2.3")])]
    assert len(client.store_instances(tmp_path).outcomes) == 1
    [failed] = client.store_instances([tmp_path / "pipe", tmp_path / "one.dcm"]).failed
    assert (failed.path, failed.reason) == (tmp_path / "pipe", "it is not a regular file")


def test_only_missing_files_are_file_not_found(client: Any, service: Recorder, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="Nothing could be sent") as raised:
        client.store_instances([tmp_path / "none", tmp_path / "neither"])
    assert isinstance(raised.value, MissingFile)
    assert len(raised.value.result.failed) == 2


def test_why_a_file_can_not_be_read_is_said_without_names_of_classes() -> None:
    assert _sources.source(0, "/not/there") == _sources.Unreadable(
        0, Path("/not/there"), "it can't be read: No such file or directory", missing=True
    )


def test_an_interrupt_knows_what_is_stored(service: Recorder) -> None:
    def work(upload: _store.Upload) -> None:
        upload._record([Outcome("stored", number=0)])
        raise KeyboardInterrupt

    upload = _store.Upload(Client(service.url)._service, [FILE])
    with pytest.raises(Interrupted) as raised:
        upload.run(work)
    assert len(raised.value.result.stored) == 1


def test_an_interrupt_does_not_wait_for_ever(service: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nobody is told that the service was late: it was given up."""
    ended, failures = threading.Event(), list[str]()

    def work(upload: _store.Upload) -> None:
        if not failures:
            failures.append("begun")
            raise KeyboardInterrupt
        ended.wait(10)

    monkeypatch.setattr(_store, "GRACE", 0.0)
    upload = _store.Upload(Client(service.url)._service, [FILE, FILE], per_request=1)
    with pytest.raises(Interrupted):
        upload.run(work)
    ended.set()
    [outcome] = upload._fail([_sources.Source(0, None, 1, True, None, lambda: iter([]))], ConnectionFailed("timed out"))
    assert outcome.reason == "the store was interrupted before the service answered; it may be stored"
