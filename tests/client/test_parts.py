"""Streamed answers: cut into parts, spooled, handed out as Instances, Frames and files."""

import copy
import errno
import io
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread, dcmwrite
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from filmroom import BadResponse, Client, Progress
from filmroom.client import _parts
from filmroom.client._parts import Splitter, Spool
from filmroom.dicom import part10
from tests import data
from tests.client import recorder
from tests.client.recorder import Recorder, Reply
from tests.service import DEADLINE

S, E, I = "1.2", "1.3", "1.4"  # noqa: E741


def _splitter(reply: Reply, **options: Any) -> Splitter:
    return Splitter(httpx2.Headers(reply.headers), Spool, **options)


@given(st.lists(st.binary(max_size=60), max_size=5), st.lists(st.integers(1, 40), min_size=1, max_size=9))
def test_how_an_answer_arrives_makes_no_difference(parts: list[bytes], sizes: list[int]) -> None:
    reply = recorder.multipart(parts)
    assert isinstance(reply.body, bytes)
    found, position, step = [], 0, 0
    with _splitter(reply) as splitter:
        while position < len(reply.body):
            size = sizes[step % len(sizes)]
            found += [part.file.read() for part in splitter.feed(reply.body[position : position + size])]
            position, step = position + size, step + 1
        found += [part.file.read() for part in splitter.close()]
    assert found == parts


def test_each_part_has_its_own_headers() -> None:
    body = b"--b\r\nContent-Type: image/jp2; transfer-syntax=1.2\r\n\r\nA\r\n--b\r\n\r\nB\r\n--b--"
    with _splitter(Reply(200, {"Content-Type": "multipart/related; boundary=b"})) as splitter:
        contents = [_parts.content(part) for part in splitter.feed(body)]
    assert [(c, c.media_type, c.transfer_syntax) for c in contents] == [(b"A", "image/jp2", "1.2"), (b"B", "", None)]


@pytest.mark.parametrize("implicit", [False, True])
def test_a_data_set_without_preamble_is_read(client: Any, service: Recorder, implicit: bool) -> None:
    made, bare = data.image(), io.BytesIO()
    made.save_as(bare, implicit_vr=implicit, little_endian=True)
    service.replies = [recorder.multipart([bare.getvalue()])]
    assert client.retrieve_instance(S, E, I) == made


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x08\0\x05\0CS\xff"])
def test_what_is_no_data_set_is_a_bad_response(client: Any, service: Recorder, content: bytes) -> None:
    service.replies = [recorder.multipart([content])]
    with pytest.raises(BadResponse):
        client.retrieve_instance(S, E, I)


def test_an_answer_in_one_part_is_taken_too(client: Any, service: Recorder) -> None:
    made = data.dataset()
    service.replies = [
        Reply(200, {"Content-Type": "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"}, data.file(made))
    ]
    assert client.retrieve_instance(S, E, I) == made
    service.replies = [Reply(200, {"Content-Type": "application/octet-stream; transfer-syntax=1.2"}, b"frame")]
    [frame] = client.retrieve_instance_frames(S, E, I, [1])
    assert (frame, frame.media_type, frame.transfer_syntax) == (b"frame", "application/octet-stream", "1.2")


@pytest.mark.parametrize("reply", [Reply(204), Reply(200), recorder.multipart([])])
def test_an_empty_answer_has_no_instances(client: Any, service: Recorder, reply: Reply) -> None:
    service.replies = [reply]
    assert client.retrieve_study(S) == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/related; boundary=b", b"--b\r\n\r\nnot the end"),
        ("multipart/related; boundary=b", b""),
        ("multipart/related", b"--b--"),
        ("multipart/related; boundary=b", b"--b\r\nno header\r\n\r\n\r\n--b--"),
    ],
)
def test_a_multipart_answer_that_is_not_whole_is_a_bad_response(
    client: Any, service: Recorder, content_type: str, body: bytes
) -> None:
    service.replies = [Reply(200, {"Content-Type": content_type}, body)]
    with pytest.raises(BadResponse, match="multipart answer can't be read"):
        client.retrieve_study(S)


@pytest.mark.parametrize("body", [b"<html>sorry</html>", b""])
def test_what_is_not_dicom_is_a_bad_response(client: Any, service: Recorder, body: bytes) -> None:
    service.replies = [recorder.multipart([body])]
    with pytest.raises(BadResponse, match=r"PS3\.10"):
        client.retrieve_study(S)


@pytest.mark.parametrize("count", [0, 2])
def test_one_instance_is_one(client: Any, service: Recorder, count: int) -> None:
    service.replies = [recorder.multipart([data.file()] * count)]
    with pytest.raises(BadResponse, match=f"has {count} parts; 1 were asked for"):
        client.retrieve_instance(S, E, I)


def test_as_many_frames_come_as_were_asked_for(client: Any, service: Recorder) -> None:
    service.replies = [recorder.multipart([b"1", b"2"], "application/octet-stream; transfer-syntax=1.2")]
    assert client.retrieve_instance_frames(S, E, I, [5, 2]) == [b"1", b"2"]
    with pytest.raises(BadResponse, match="has 2 parts; 3 were asked for"):
        client.retrieve_instance_frames(S, E, I, [1, 2, 3])


def test_instances_are_handed_out_before_the_rest_has_come(client: Any, service: Recorder) -> None:
    files, taken = [data.file(), data.file()], threading.Event()
    whole = recorder.multipart(files)

    def chunks() -> Iterator[bytes]:
        assert isinstance(whole.body, bytes)
        cut = whole.body.index(files[1]) + 10
        yield whole.body[:cut]
        assert taken.wait(DEADLINE)
        yield whole.body[cut:]

    service.replies = [Reply(200, whole.headers, chunks())]
    found = []
    for instance in client.iter_study(S):
        found.append(instance.SOPInstanceUID)
        taken.set()
    assert found == [dcmread(io.BytesIO(file)).SOPInstanceUID for file in files]


def test_leaving_an_iteration_early_closes_its_connection(connect: Callable[..., Any], service: Recorder) -> None:
    service.replies = [recorder.multipart([data.file()] * 3)]
    instances = connect(service.url).iter_study(S)
    next(instances)
    instances.close()
    assert len(service.requests) == 1


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """An Instance that does not stay in memory."""
    monkeypatch.setattr(_parts, "IN_MEMORY", 2000)
    monkeypatch.setattr(_parts, "DEFERRED", 1000)
    return data.file(data.image(frames=4, rows=32, columns=32))


def test_large_values_of_a_spooled_instance_are_read_when_asked_for(
    client: Any, service: Recorder, large: bytes
) -> None:
    service.replies = [recorder.multipart([large])]
    made = client.retrieve_instance(S, E, I)
    assert made._dict[Tag("PixelData")].value is None
    copied = copy.deepcopy(made)
    written = io.BytesIO()
    dcmwrite(written, made)
    assert written.getvalue() == large
    assert copied.PixelData == dcmread(io.BytesIO(large)).PixelData
    assert made.filename is None


def test_a_deflated_spooled_instance_is_read_like_any_other(client: Any, service: Recorder, large: bytes) -> None:
    deflated = data.file(data.image(frames=4, rows=64, columns=64), DeflatedExplicitVRLittleEndian)
    service.replies = [recorder.multipart([deflated])]
    assert client.retrieve_instance(S, E, I).PixelData == dcmread(io.BytesIO(deflated)).PixelData


def test_a_small_instance_holds_no_file(client: Any, service: Recorder) -> None:
    service.replies = [recorder.multipart([data.file(data.image())])]
    assert client.retrieve_instance(S, E, I).buffer is None


def test_instances_may_be_had_unread(client: Any, service: Recorder, large: bytes) -> None:
    service.replies = [recorder.multipart([large, data.file()])]
    assert [file.read()[128:132] for file in client.iter_files(S, E, I)] == [b"DICM", b"DICM"]


def _instance(study: str = S, series: str = E, name: str = I) -> bytes:
    return data.file(data.dataset(StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=name))


def test_a_download_names_files_by_their_uids(client: Any, service: Recorder, tmp_path: Path) -> None:
    files = [_instance(name="1.5"), _instance(series="1.4", name="1.6")]
    service.replies = [recorder.multipart(files)]
    paths = client.download(S, folder=tmp_path / "new")
    assert paths == [tmp_path / "new/1.2/1.3/1.5.dcm", tmp_path / "new/1.2/1.4/1.6.dcm"]
    assert [path.read_bytes() for path in paths] == files
    assert [name.name for name in (tmp_path / "new").iterdir()] == ["1.2"]


def test_a_download_tells_how_far_it_is(client: Any, service: Recorder, tmp_path: Path) -> None:
    reply = recorder.multipart([_instance(), _instance()])
    service.replies = [reply]
    steps: list[Progress] = []
    client.download(S, E, I, folder=tmp_path, progress=steps.append)
    assert isinstance(reply.body, bytes)
    assert steps[-1] == Progress(2, None, len(reply.body), len(reply.body))


def test_a_download_replaces_an_older_one_but_nothing_of_its_own(
    client: Any, service: Recorder, tmp_path: Path
) -> None:
    service.replies = [recorder.multipart([_instance(), _instance()])]
    for _ in range(2):
        client.download(S, folder=str(tmp_path))
    assert sorted(path.name for path in tmp_path.rglob("*.dcm")) == ["1.4-2.dcm", "1.4.dcm"]


def test_each_path_of_a_download_is_had_when_its_file_is_whole(client: Any, service: Recorder, tmp_path: Path) -> None:
    body = recorder.multipart([_instance(), _instance(name="1.5")]).body
    assert isinstance(body, bytes)
    service.replies = [Reply(200, {"Content-Type": "multipart/related; boundary=b"}, body[:-100])]
    paths = client.iter_download(S, folder=tmp_path)
    assert next(paths).read_bytes() == _instance()
    with pytest.raises(BadResponse):
        next(paths)


def test_a_download_that_breaks_off_leaves_only_whole_files(client: Any, service: Recorder, tmp_path: Path) -> None:
    body = recorder.multipart([_instance(), _instance(name="1.5")]).body
    assert isinstance(body, bytes)
    service.replies = [Reply(200, {"Content-Type": "multipart/related; boundary=b"}, body[:-100])]
    with pytest.raises(BadResponse):
        client.download(S, folder=tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["1.4.dcm"]


def test_a_download_to_a_full_disk_leaves_nothing(
    client: Any, service: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(splitter: Splitter, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Splitter, "_write", full)
    service.replies = [recorder.multipart([_instance()])]
    with pytest.raises(OSError, match="No space"):
        client.download(S, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def _deep(depth: int) -> bytes:
    """Sequences in one another, each without a length."""
    begin = struct.pack("<HH2sHIHHI", 8, 0x1110, b"SQ", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF)
    return data.file() + begin * depth + struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0) * depth


def _deflated(data_set: bytes) -> bytes:
    content = data.file(syntax=DeflatedExplicitVRLittleEndian)
    return content[: part10.read_head(content).end] + data_set


HOSTILE = {
    "not DICOM": b"<html>",
    "empty": b"\r\n",
    "damaged": _deflated(b"\xff" * 100),
    "too deep": _deep(3000),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_what_cannot_be_read_is_a_bad_response_and_leaves_nothing(
    client: Any, service: Recorder, tmp_path: Path, content: bytes
) -> None:
    service.replies = [Reply(200, {"Content-Type": "application/dicom"}, content)]
    with pytest.raises(BadResponse):
        client.download(S, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BadResponse):
        client.retrieve_study(S)


def test_a_download_that_is_interrupted_leaves_nothing(
    client: Any, service: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyError("whatever it is")

    monkeypatch.setattr(_parts.Folder, "_free", interrupted)
    service.replies = [recorder.multipart([_instance()])]
    with pytest.raises(KeyError):
        client.download(S, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_deflated_download_is_inflated_no_further_than_its_names_need(
    client: Any, service: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows is zeros without end: whoever inflates it all takes a thousand times its bytes."""
    made = data.file()
    data_set = made[part10.read_head(made).end :] + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 1 << 30)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = deflater.compress(data_set) + b"".join(deflater.compress(bytes(1 << 20)) for _ in range(80))
    sent = _deflated(deflated)
    service.replies = [recorder.multipart([sent])]
    monkeypatch.setattr(_parts, "dcmread", None)
    (path,) = client.download(S, folder=tmp_path)
    assert path.name == f"{dcmread(io.BytesIO(made)).SOPInstanceUID}.dcm"
    assert path.read_bytes() == sent


@pytest.mark.parametrize(
    ("uid", "name"),
    [
        ("1.2.3", "1.2.3"), ("../../etc/passwd", "_.._etc_passwd"), ("..", "unknown"), ("", "unknown"),
        ("1.2\0 ", "1.2"), ("a\\b:c", "a_b_c"), ("1" * 99, "1" * 64), (".1", "1"),
    ],
)  # fmt: skip
def test_names_of_files_are_harmless(uid: str, name: str) -> None:
    assert _parts.safe_name(uid) == name


def test_the_length_of_a_compressed_answer_is_not_its_total() -> None:
    headers = httpx2.Headers({"Content-Length": "7", "Content-Encoding": "gzip"})
    steps: list[Progress] = []
    list(Splitter(headers, Spool, progress=steps.append).feed(b"abc"))
    assert steps == [Progress(0, None, 3, None)]


MEMORY = """
import resource, sys
from filmroom import Client
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
with Client(sys.argv[1]) as client:
    next(client.iter_study("1.1")).PatientID
    idle, size = peak(), 0
    for instance in client.iter_study("1.2"):
        size += instance.NumberOfFrames * instance.Rows * instance.Columns * 2 >> 20
    print(size, peak() - idle)
"""


def test_a_study_of_300_mb_passes_through_constant_memory(service: Recorder) -> None:
    reply = recorder.multipart([data.file(data.image(frames=3, rows=1024, columns=2048))])
    assert isinstance(reply.body, bytes)
    one = reply.body.removesuffix(b"--b--\r\n")
    service.replies = [reply, Reply(200, reply.headers, [one] * 25 + [b"--b--\r\n"])]
    run = [sys.executable, "-c", MEMORY, service.url]
    size, grown = map(int, subprocess.run(run, check=True, capture_output=True, text=True).stdout.split())
    assert size == 300
    assert grown < 20


def test_a_client_may_be_used_by_hand(service: Recorder) -> None:
    service.replies = [recorder.multipart([data.file()])]
    client = Client(service.url)
    assert len(client.retrieve_series(S, E)) == 1
    client.close()
