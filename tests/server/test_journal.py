"""One line for each request, without a name, a UID or a query in it."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from filmroom.errors import Lost, Unavailable
from filmroom.pixels import render
from filmroom.server import app, journal
from filmroom.server.traffic import Traffic
from filmroom.services import retrieve
from filmroom.settings import Settings
from tests import data, service
from tests.messages import JSON, sent, store
from tests.service import wait_until


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError("No space left on device")


def test_a_line_for_each_request(http: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    http.get("/dicomweb/studies?PatientName=Secret")
    http.get("/v2/studies/1.2.3.4/metadata", headers=JSON)
    http.get("/nothing")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    found = [(line["method"], line["handler"], line["status"]) for line in lines]
    assert found == [("GET", "search", 200), ("GET", "retrieve_metadata", 404), ("GET", "none", 404)]
    assert [line["route"] for line in lines] == ["/dicomweb/studies", "/v2/studies/{study}/metadata", "none"]
    assert all(line["milliseconds"] >= 0 and line["level"] == "info" for line in lines)
    assert {line["client"] for line in lines} == {"testclient"}


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()], ids=["terminal", "file"])
@pytest.mark.parametrize("log_format", ["auto", "pretty", "json"])
def test_formats(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, log_format: str) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    journal.configure(log_format)
    structlog.get_logger().info("request", status=200)
    is_json = stream.getvalue().splitlines()[-1].startswith("{")
    assert is_json == (log_format == "json" or (log_format == "auto" and not stream.isatty()))
    structlog.reset_defaults()


@pytest.fixture
def libraries() -> Iterator[logging.Logger]:
    """A logger of some library, in the program's form."""
    journal.configure("json")
    logger = logging.Logger("library")
    logger.addHandler(journal.Library("json"))
    yield logger
    structlog.reset_defaults()


def _line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(capsys.readouterr().err)
    return line


def test_a_library_writes_lines_of_the_same_form(libraries: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    libraries.error("Cancel %s running task(s)", 3)
    line = _line(capsys)
    assert (line["logger"], line["text"], line["level"]) == ("library", "Cancel 3 running task(s)", "error")


def test_what_a_library_quotes_is_not_logged(libraries: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    libraries.warning("The value %s is odd.\nSecret", "Secret")
    assert _line(capsys)["text"] == "The value %s is odd."


def test_an_error_in_a_library_is_told_by_its_place(
    libraries: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        int("Secret")
    except ValueError as error:
        libraries.error("Exception in ASGI application\n", exc_info=error)
    line = _line(capsys)
    assert (line["event"], line["error"], "Secret" in str(line)) == ("unforeseen", "ValueError", False)
    assert "test_journal.py" in line["at"][0]


def test_a_start_that_fails_is_told_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(Unavailable), TestClient(app.create(Settings(data=tmp_path / "data", log_format="json"))):
        pass
    line = _line(capsys)
    assert (line["error"], line["reason"]) == ("Unavailable", "It is a file; name a folder.")
    structlog.reset_defaults()


def test_what_failed_in_a_worker_is_told_by_its_place(
    http: TestClient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sent(data.image())
    store(http, "/dicomweb", made.content)
    monkeypatch.setattr(render, "render", json.loads)  # which fails on what it is given
    answer = http.get(f"/dicomweb{made.instance}/rendered")
    line = next(one for one in map(json.loads, capsys.readouterr().err.splitlines()) if one["event"] == "unforeseen")
    assert (answer.status_code, line["error"]) == (500, "Unforeseen")
    assert line["reason"].startswith("TypeError at ")


def test_a_line_that_cannot_be_written_is_no_error(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", FullDisk())
    assert http.get("/dicomweb/studies").status_code == 200
    assert http.get("/v3/studies").status_code == 400


def test_no_name_no_uid_and_no_query_of_a_whole_walk(tmp_path: Path) -> None:
    made = sent(data.image(PatientName="Secret^Name", PatientID="SecretID", AccessionNumber="SecretAN"))
    bad = sent(data.image(PatientName="Secret^Name", StudyInstanceUID=None))
    paths = [made.study, made.series, made.instance, f"{made.instance}/frames/1", f"{made.instance}/frames/9"]
    with service.running(tmp_path / "data") as running, httpx2.Client(base_url=running.url, timeout=60) as http:
        for root in ("/dicomweb", "/v2"):
            store(http, root, made.content, bad.content, b"Secret, but no DICOM")
            for path in (*paths, f"{made.study}/metadata", "/studies?PatientName=Secret*&Secret=1", "/studies/Secret"):
                http.get(root + path)
                http.get(root + path, headers={"Accept": "*/*", "Authorization": "Bearer Secret"})
            http.delete(root + made.study)
        wait_until(lambda: running.logged().count('"event": "request"') == 2 * 18)
        logged = running.logged()
    assert not [
        word for word in ("Secret", made.dataset.StudyInstanceUID, made.dataset.SOPInstanceUID) if word in logged
    ]


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_the_id_of_a_request_is_on_its_lines_and_in_its_answer(
    http: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = [http.get("/dicomweb/studies", headers={"X-Request-ID": "mine"}), http.get("/nothing")]
    ids = [answer.headers["X-Request-ID"] for answer in answers]
    assert [line["request_id"] for line in _lines(capsys)] == ids
    assert (ids[0], len(ids[1])) == ("mine", 32)


def test_an_error_in_a_thread_is_of_its_request(
    http: TestClient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        structlog.get_logger().warning("in a thread")
        raise Lost("It is lost.")

    monkeypatch.setattr(retrieve, "metadata", fails)
    answer = http.get("/dicomweb/studies/1.2/metadata", headers={"X-Request-ID": "mine"})
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (500, "mine")
    assert [(line["event"], line["request_id"]) for line in _lines(capsys)] == [
        ("in a thread", "mine"),
        ("lost", "mine"),
        ("request", "mine"),
    ]


@pytest.mark.parametrize(("root", "told"), [("/dicomweb", True), ("/v2", False)])
def test_people_are_told_the_id_of_what_nobody_foresaw(
    http: TestClient, root: str, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieve, "metadata", json.loads)  # which fails on what it is given
    answer = http.get(f"{root}/studies/1.2/metadata", headers={"X-Request-ID": "mine"} | JSON)
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (500, "mine")
    assert answer.text.endswith("The id of this request is mine.") == told


def test_bytes_are_on_the_line(http: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    made = sent()
    answer = store(http, "/dicomweb", made.content)
    (line,) = _lines(capsys)
    assert line["received"] > len(made.content)
    assert line["sent"] == len(answer.content)


def test_who_asked_is_on_the_line_if_the_application_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await Response()(scope, receive, send)

    journal.configure("json")
    TestClient(journal.Journal(answer, Traffic(), lambda scope: "doctor")).get("/")
    TestClient(journal.Journal(answer, Traffic())).get("/")
    named, nameless = _lines(capsys)
    assert (named["who"], "who" in nameless) == ("doctor", False)
    structlog.reset_defaults()


def test_a_level_leaves_out_what_is_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    journal.configure("json", "warning")
    structlog.get_logger().info("request")
    structlog.get_logger().warning("odd")
    assert [line["event"] for line in _lines(capsys)] == ["odd"]
    structlog.reset_defaults()
