"""Traces of requests as a receiver gets them: which spans, in which, and nothing of patients."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from starlette.testclient import TestClient

from filmroom import tracing
from filmroom.errors import Lost
from filmroom.server.app import create
from filmroom.services import retrieve
from filmroom.settings import Settings
from tests import data
from tests.messages import Sent, sent, store
from tests.service import DEADLINE
from tests.trace_receiver import Receiver, receiving

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr(tracing, "_PATIENCE", DEADLINE)
    with receiving() as receiver:
        yield receiver


def served(folder: Path, receiver: Receiver, made: Sent, *paths: str) -> list[Span]:
    """The spans of a store and of what is asked for after it."""
    settings = Settings(data=folder / "data", codec_processes=1, otlp_endpoint=receiver.url)
    with TestClient(create(settings), raise_server_exceptions=False, base_url="http://127.0.0.1:8080") as http:
        store(http, "/dicomweb", made.content)
        for path in paths:
            http.get(f"/dicomweb{path}", headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "mine"})
    assert not tracing.on()
    assert {*receiver.paths} == {"/v1/traces"}
    return receiver.spans()


def attributes(span: Span) -> dict[str, str | int]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


def test_a_request_is_a_span_with_its_parts_inside(tmp_path: Path, receiver: Receiver) -> None:
    spans = served(tmp_path, receiver, sent())
    (request,) = [span for span in spans if span.kind == Span.SPAN_KIND_SERVER]
    assert request.name == "POST /dicomweb/studies"
    told = attributes(request)
    assert (told["http.route"], told["http.response.status_code"]) == ("/dicomweb/studies", 200)
    inside = [span.name for span in spans if span.parent_span_id == request.span_id]
    assert inside.count("blobs") == 2
    assert "index write" in inside
    assert {one["service.name"] for one in receiver.resources()} == {"filmroom"}


def test_a_trace_goes_on_into_threads_and_codecs(tmp_path: Path, receiver: Receiver) -> None:
    made = sent(data.image())
    spans = served(tmp_path, receiver, made, f"{made.instance}/rendered")
    ours = [span for span in spans if span.trace_id.hex() == TRACE]
    (request,) = [span for span in ours if span.parent_span_id.hex() == PARENT]
    assert attributes(request)["filmroom.request_id"] == "mine"
    assert {span.name for span in ours if span is not request} == {"index read", "blobs", "codec"}


def test_spans_say_nothing_of_patients(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    made = sent(PatientName="Secret^Name", PatientID="SecretID")
    monkeypatch.setattr(retrieve, "frames", lambda *_: int("Secret"))
    served(
        tmp_path,
        receiver,
        made,
        f"{made.instance}/metadata",
        f"{made.instance}/frames/1",
        "/studies?PatientName=Secret",
    )
    told = "".join(map(str, receiver.messages))
    assert not [word for word in ("Secret", made.dataset.StudyInstanceUID) if word in told]


def test_what_fails_is_told_as_failed(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object, **__: object) -> None:
        raise Lost("It is lost.")

    monkeypatch.setattr(retrieve, "metadata", lost)
    spans = served(tmp_path, receiver, sent(), "/studies/1.2/metadata")
    (failed,) = [span for span in spans if span.status.code == Status.STATUS_CODE_ERROR]
    assert (failed.name, failed.status.message) == ("GET /dicomweb/studies/{study}/metadata", "")
