"""A command that ends early says what it has saved, and leaves nothing that is not whole."""

import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from filmroom.cli.saving import write
from tests import data
from tests.cli.program import Program
from tests.client import recorder as replies
from tests.client.recorder import Recorder, Reply
from tests.service import DEADLINE, wait_until

UIDS = ("1.2", "1.3", "1.4")
BOUNDARY = {"Content-Type": "multipart/related; boundary=b"}


def _two(content_type: str = "application/dicom") -> bytes:
    """Two parts; those that are instances have their UIDs."""
    uids = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3"}
    made = [data.dataset(**uids, SOPInstanceUID=name) for name in ("1.4", "1.5")]
    body = replies.multipart([data.file(one) for one in made], content_type).body
    assert isinstance(body, bytes)
    return body


def _ctrl_c(body: bytes, over: threading.Event, first: Path | None = None) -> Iterator[bytes]:
    """Ctrl-C when the client has saved a `first` file of this and waits for more, which does not come."""
    main = threading.main_thread().ident
    assert main is not None
    yield body
    wait_until(lambda: (first is None or first.exists()) and sys._current_frames()[main].f_code.co_name == "read")
    signal.pthread_kill(main, signal.SIGINT)
    over.wait(DEADLINE)


def _files(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("arguments", "content_type", "kept"),
    [
        ("retrieve 1.2", "application/dicom", ["1.2/1.3/1.4.dcm"]),
        ("retrieve 1.2 --zip study.zip", "", []),
        ("retrieve 1.2 1.3 1.4 --frames 1,2", "application/octet-stream", ["1.2/1.3/1.4-1.raw"]),
        ("render 1.2", "image/jpeg", ["1.2/image-1.jpg"]),
    ],
)
def test_ctrl_c_keeps_what_is_whole(
    run: Program, recorder: Recorder, tmp_path: Path, arguments: str, content_type: str, kept: list[str]
) -> None:
    over = threading.Event()
    headers = BOUNDARY if content_type else {"Content-Type": "application/zip"}
    body = _ctrl_c(_two(content_type)[:-100], over, tmp_path / kept[0] if kept else None)
    recorder.replies = [Reply(200, headers, body, breaks=True)]
    ran = run(*arguments.split())
    over.set()
    assert (ran.code, _files(tmp_path)) == (130, kept)
    counted = "1 file was saved until then, whole" if kept else "no files were saved until then"
    assert ran.err == f"filmroom: stopped; {counted}; what was under way is not kept\n"
    assert ran.out.splitlines() == kept


def test_ctrl_c_in_a_bulk_value_leaves_nothing(run: Program, recorder: Recorder, tmp_path: Path) -> None:
    over = threading.Event()
    half = Reply(200, {"Content-Type": "application/pdf"}, _ctrl_c(b"%PDF", over), breaks=True)
    recorder.replies = [replies.json([{"00420011": {"vr": "OB", "BulkDataURI": "x"}}]), half]
    ran = run("retrieve", *UIDS, "--bulkdata", "EncapsulatedDocument")
    over.set()
    assert (ran.code, _files(tmp_path)) == (130, [])


def test_ctrl_c_in_a_search_shows_nothing(run: Program, recorder: Recorder) -> None:
    over = threading.Event()
    recorder.replies = [Reply(200, {"Content-Type": "application/dicom+json"}, _ctrl_c(b"[", over), breaks=True)]
    ran = run("search", "studies")
    over.set()
    assert (ran.code, ran.out) == (130, "")
    assert ran.err == "filmroom: stopped; the answer was not whole yet, so nothing is shown\n"


def test_a_study_that_breaks_off_says_how_far_it_came_and_how_to_go_on(
    run: Program, recorder: Recorder, tmp_path: Path
) -> None:
    recorder.replies = [Reply(200, BOUNDARY, _two()[:-100])]
    ran = run("retrieve", "1.2")
    assert (ran.code, ran.out, _files(tmp_path)) == (3, "1.2/1.3/1.4.dcm\n", ["1.2/1.3/1.4.dcm"])
    assert "; 1 file was saved until then, whole: the same command begins anew and replaces it; with" in ran.err


def test_where_nothing_was_saved_nothing_is_said_of_it(run: Program, recorder: Recorder) -> None:
    recorder.replies = [Reply(200, BOUNDARY, _two()[:100])]
    ran = run("retrieve", "1.2")
    assert (ran.code, ran.out, "saved until then" in ran.err) == (3, "", False)


def test_a_file_that_can_not_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(b"old")

    def full(path: Path, content: bytes) -> int:
        path.touch()
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write(b"new", tmp_path / "x")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x", b"old")]
