"""An answer that breaks off is gone on with, of the same version and where the service can do that, and else fails."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from filmroom import BadResponse, Client, ConnectionFailed, Progress
from filmroom.cli import launch
from tests import data
from tests.client.conftest import AT_ONCE
from tests.client.recorder import Recorder, Reply

S, E, I = "1.2.3", "1.2.3.4", "1.2.3.4.5"  # noqa: E741
FILE = data.file(data.dataset(StudyInstanceUID=S, SeriesInstanceUID=E, SOPInstanceUID=I, ImageComments="." * 9000))
LENGTH = len(FILE)
ONE_PART = 'multipart/related; type="application/dicom"; transfer-syntax=*; q=0.5, application/dicom; transfer-syntax=*'
DICOM = {"Content-Type": "application/dicom", "ETag": '"7"', "Accept-Ranges": "bytes"}
PLAIN: Mapping[str, str] = {}


def _begun(size: int = 300, headers: Mapping[str, str] = PLAIN) -> Reply:
    """The beginning of the file, and then no more."""
    return Reply(200, {**DICOM, **headers}, FILE[:size], breaks=True)


def _rest(start: int = 300, end: int = LENGTH, headers: Mapping[str, str] = PLAIN) -> Reply:
    place = {"Content-Range": f"bytes {start}-{LENGTH - 1}/{LENGTH}"}
    return Reply(206, {**DICOM, **place, **headers}, FILE[start:end], breaks=end < LENGTH)


def _downloaded(client: Any, folder: Path, **options: Any) -> Path:
    [path] = client.download(S, E, I, folder=folder, **options)
    assert isinstance(path, Path)
    return path


def test_the_rest_is_asked_for_where_the_answer_broke_off(client: Any, service: Recorder, tmp_path: Path) -> None:
    service.replies = [_begun(), _rest(300, 600), Reply(0), Reply(503), _rest(600)]
    steps: list[Progress] = []
    path = _downloaded(client, tmp_path, progress=steps.append)
    assert path.read_bytes() == FILE
    assert [request.headers["range"] for request in service.requests[1:]] == ["bytes=300-"] + ["bytes=600-"] * 3
    assert {request.headers["if-range"] for request in service.requests[1:]} == {'"7"'}
    assert {request.headers["accept"] for request in service.requests} == {ONE_PART}
    assert steps[-1].bytes == LENGTH
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [f"{I}.dcm"]


def test_retries_count_from_the_last_byte_that_came(client: Any, service: Recorder, tmp_path: Path) -> None:
    service.replies = [_begun(100), *(_rest(start, start + 100) for start in range(100, 900, 100)), _rest(900)]
    assert _downloaded(client, tmp_path).read_bytes() == FILE


def test_after_the_last_retry_nothing_is_left(client: Any, service: Recorder, tmp_path: Path) -> None:
    service.replies = [_begun(), _rest(300, 300)]
    with pytest.raises(ConnectionFailed):
        _downloaded(client, tmp_path)
    assert len(service.requests) == 4
    assert list(tmp_path.iterdir()) == []


NO_PIECES: dict[str, Mapping[str, str]] = {
    "no ranges": {"Accept-Ranges": "none"},
    "no version": {"ETag": ""},
    "a weak version": {"ETag": 'W/"7"'},
    "multipart": {"Content-Type": "multipart/related; boundary=b"},
}


@pytest.mark.parametrize("headers", NO_PIECES.values(), ids=NO_PIECES)
def test_what_cannot_be_had_in_pieces_is_not_gone_on_with(
    client: Any, service: Recorder, tmp_path: Path, headers: Mapping[str, str]
) -> None:
    service.replies = [_begun(headers=headers)]
    with pytest.raises((ConnectionFailed, BadResponse)):
        _downloaded(client, tmp_path)
    assert len(service.requests) == 1


NOT_THE_REST = {
    "all of another version": Reply(200, DICOM | {"ETag": '"8"'}, FILE),
    "a piece of another version": _rest(headers={"ETag": '"8"'}),
    "another piece": _rest(301),
    "compressed": _rest(headers={"Content-Encoding": "br"}),
    "gone": Reply(404),
}


@pytest.mark.parametrize("reply", NOT_THE_REST.values(), ids=NOT_THE_REST)
def test_nothing_but_the_rest_is_put_behind_the_beginning(
    client: Any, service: Recorder, tmp_path: Path, reply: Reply
) -> None:
    service.replies = [_begun(), reply]
    with pytest.raises(ConnectionFailed):
        _downloaded(client, tmp_path)
    assert len(service.requests) == 2
    assert list(tmp_path.iterdir()) == []


def test_who_wants_no_retries_gets_none(connect: Callable[..., Any], service: Recorder, tmp_path: Path) -> None:
    service.replies = [_begun()]
    with pytest.raises(ConnectionFailed):
        _downloaded(connect(service.url, retries=0), tmp_path)
    assert len(service.requests) == 1


def test_any_content_of_one_part_is_gone_on_with(client: Any, service: Recorder) -> None:
    service.replies = [_begun(), _rest(), _begun(), _rest()]
    assert client.retrieve_instance_bytes(S, E, I) == FILE
    [file] = client.iter_files(S, E, I)
    assert file.read() == FILE


class Breaking(httpx2.HTTPTransport):
    """A connection that breaks off after 10,000 bytes of each answer."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = super().handle_request(request)
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = Broken(response.stream)
        return response


class Broken(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        left = 10_000
        for chunk in self._stream:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                raise httpx2.ReadError("broken")

    def close(self) -> None:
        self._stream.close()


def test_a_real_service_sends_the_rest(tmp_path: Path) -> None:
    made = data.image(rows=128, columns=128)
    uids = made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID
    with (
        launch.service(tmp_path / "service") as url,
        httpx2.Client(transport=Breaking()) as http,
        Client(f"{url}/dicomweb", http=http, retries=AT_ONCE) as client,
    ):
        client.store_instances([data.file(made)])
        [path] = client.download(*uids, folder=tmp_path / "new")
    assert path.read_bytes() == data.file(made)
