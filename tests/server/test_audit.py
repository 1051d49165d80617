"""Every request under the roots leaves a record: who, what, whose, from where, with which result."""

import asyncio
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from contextvars import Context, copy_context
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from filmroom.audit.gathered import note
from filmroom.audit.trail import Trail
from filmroom.protocol import dialects
from filmroom.server import table
from filmroom.server.app import create
from filmroom.server.audit import Audited, action_of
from filmroom.settings import Settings
from tests import data, messages
from tests.audit import given
from tests.messages import DICOM, sent
from tests.service import wait_until

# Azure §12, as far as we have it; then ours.
OF_AZURE = {
    "partition", "change-feed", "delete", "query", "retrieve", "retrieve-metadata", "retrieve-rendered", "store",
    "export", "operation", "add-extended-query-tag", "remove-extended-query-tag", "get-all-extended-query-tag",
    "get-extended-query-tag", "get-extended-query-tag-errors", "update-extended-query-tag", "update-study",
}  # fmt: skip
OF_OURS = {"capabilities", "import", "sweep", "cancel-operation", "listen-to-changes"}


@pytest.fixture
def http(settings: Settings) -> Iterator[TestClient]:
    with _client(create(settings)) as client:
        yield client


def _client(app: ASGIApp) -> TestClient:
    return TestClient(app, raise_server_exceptions=False, base_url="http://127.0.0.1:8080")


def _recorded(http: TestClient, settings: Settings) -> list[dict[str, Any]]:
    """All that is written until now."""
    http.app_state["archive"].audit.settled({"time": 0.0, "action": "mark"}).result(30)
    return [line for line in given.lines(settings.data) if line["action"] != "mark"]


def test_every_method_has_an_action() -> None:
    for dialect in dialects.ALL:
        for partitions in (False, True):
            assert {action_of(one) for one in table.methods(dialect, partitions=partitions)} <= OF_AZURE | OF_OURS


def test_all_that_is_done_to_a_study_is_written_down(http: TestClient, settings: Settings) -> None:
    one = sent(PatientID="ID7")
    study = one.dataset.StudyInstanceUID
    http.post("/dicomweb/studies", content=one.content, headers=DICOM)
    http.get(f"/dicomweb{one.study}", headers={"Accept": 'multipart/related; type="application/dicom"'})
    http.get(f"/v2{one.instance}/metadata")
    http.delete(f"/v1{one.study}")
    found = _recorded(http, settings)
    assert [line["action"] for line in found] == ["store", "retrieve", "retrieve-metadata", "delete"]
    assert {(line["study"], line["patient"], line["who"]) for line in found} == {(study, "ID7", "anonymous")}
    assert [line["status"] for line in found] == [200, 200, 200, 204]
    assert [line.get("instances") for line in found] == [1, 1, None, 1]
    assert found[0]["named"] == [found[2]["instance"]] == [one.dataset.SOPInstanceUID]
    assert found[0]["classes"] == {one.dataset.SOPClassUID: 1}
    assert all(line["client"] == "testclient" and line["ms"] >= 0 for line in found)
    assert given.check(settings.data).broken is None


def test_a_store_of_several_studies_is_told_by_study(http: TestClient, settings: Settings) -> None:
    ones, other = [sent(StudyInstanceUID="1.2.3") for _ in range(2)], sent(PatientID="ID2")
    messages.store(http, "/dicomweb", *(one.content for one in ones), other.content, b"no DICOM")
    first, second = _recorded(http, settings)
    assert (first["study"], first["instances"], first["refused"]) == ("1.2.3", 2, 1)
    assert (second["patient"], second["instances"]) == ("ID2", 1)


def test_a_search_is_written_down_as_it_was_asked(http: TestClient, settings: Settings) -> None:
    for _ in range(3):
        http.post("/dicomweb/studies", content=data.file(), headers=DICOM)
    http.get("/dicomweb/studies?PatientName=Anony*&access_token=secret&token=t&Code=1&limit=2")
    found = _recorded(http, settings)[3]
    assert found["query"] == "PatientName=Anony*&access_token=...&token=...&Code=...&limit=2"
    assert (found["action"], found["results"]) == ("query", 2)


def test_the_uri_service_names_its_study_in_the_query(http: TestClient, settings: Settings) -> None:
    uids = "studyUID=1.2&seriesUID=1.3&objectUID=1.4"
    http.get(f"/dicomweb/wado?requestType=WADO&{uids}&contentType=application/dicom")
    (found,) = _recorded(http, settings)
    assert (found["study"], found["series"], found["instance"], found["status"]) == ("1.2", "1.3", "1.4", 404)


AZURE = ["/v1.0-prerelease", "/v1", "/v2"]


@pytest.mark.parametrize("root", AZURE)
def test_what_a_client_of_the_azure_service_wants_written_down_is(
    http: TestClient, settings: Settings, root: str
) -> None:
    given = {"X-MS-AzureDicom-Audit-User": "Dr. Who", "x-ms-azuredicom-audit-site": "x" * 2048, "X-MS-Other": "no"}
    assert http.get(f"{root}/changefeed", headers=given).status_code == 200
    (found,) = _recorded(http, settings)
    assert found["custom"] == {"X-MS-AZUREDICOM-AUDIT-USER": "Dr. Who", "X-MS-AZUREDICOM-AUDIT-SITE": "x" * 2048}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {f"X-MS-AZUREDICOM-AUDIT-{number}": "x" for number in range(11)},
            "The maximum number of custom audit headers allowed is 10. "
            "The number of custom audit headers supplied is 11.",
        ),
        (
            {"X-MS-AZUREDICOM-AUDIT-SITE": "x" * 2049},
            "The maximum length of a custom audit header value is 2048. The supplied custom audit header "
            "'X-MS-AZUREDICOM-AUDIT-SITE' has length of 2049.",
        ),
    ],
)
def test_more_than_that_service_takes_is_refused(
    http: TestClient, settings: Settings, given: dict[str, str], said: str
) -> None:
    for root in AZURE:
        answer = http.delete(f"{root}/studies/1.2.3", headers=given)
        assert (answer.status_code, answer.text) == (400, said)
    assert http.get("/dicomweb/changefeed", headers=given).status_code == 200
    assert not any("custom" in line for line in _recorded(http, settings))


@pytest.mark.parametrize("root", ["/dicomweb", "/v1", "/v2"])
@pytest.mark.parametrize("path", ["", "/latest"])
def test_whose_metadata_the_change_feed_told_is_written_down(
    http: TestClient, settings: Settings, root: str, path: str
) -> None:
    one, gone = sent(PatientID="ID7"), sent()
    for each in (gone, one):
        http.post("/dicomweb/studies", content=each.content, headers=DICOM)
    http.delete(f"/dicomweb{gone.study}")
    http.post("/dicomweb/studies", content=one.content, headers=DICOM)
    http.get(f"{root}/changefeed{path}?includeMetadata=false")
    http.get(f"{root}/changefeed{path}")
    alone, whole = [line for line in _recorded(http, settings) if line["action"] == "change-feed"]
    assert "studies" not in alone
    if not path:
        assert (whole["studies"], whole["patients"]) == ([one.dataset.StudyInstanceUID], ["ID7"])


def test_whose_studies_an_update_is_asked_for_is_written_down(http: TestClient, settings: Settings) -> None:
    one = sent(PatientID="ID7")
    http.post("/dicomweb/studies", content=one.content, headers=DICOM)
    studies = [one.dataset.StudyInstanceUID, "1.2.3"]
    change = {"studyInstanceUids": studies, "changeDataset": {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "X"}]}}}
    http.post("/v2/studies/$bulkUpdate", json=change)
    found = _recorded(http, settings)[-1]
    assert (found["action"], found["studies"], found["patients"]) == ("update-study", studies, ["ID7", None])


@pytest.mark.parametrize("path", ["/dicomweb/nothing", "/v2/studies/1.2/nothing", "/dicomweb/studies/x/series"])
def test_what_failed_is_written_down_too(http: TestClient, settings: Settings, path: str) -> None:
    status = http.get(path).status_code
    (found,) = _recorded(http, settings)
    assert (found["status"], status >= 400) == (status, True)


@pytest.mark.parametrize("path", ["/", "/health/check", "/openapi.json", "/favicon.ico"])
def test_what_is_no_data_is_not(http: TestClient, settings: Settings, path: str) -> None:
    http.get(path)
    assert _recorded(http, settings) == []


def test_an_operation_is_named_by_who_asked_and_by_who_did_it(http: TestClient, settings: Settings) -> None:
    operation = http.post("/dicomweb/sweep").json()["id"]
    (found,) = _recorded(http, settings)
    assert (found["action"], found["operation"]) == ("sweep", operation)


def test_the_subject_is_known_afterwards_and_refusals_are_written_down(http: TestClient, settings: Settings) -> None:
    class Access:
        name, roles, id = "Dr. Who", ("reader",), "token:5b1c22f0"

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        known = dict(scope["headers"]).get(b"authorization") == b"Bearer good"
        if known:
            scope["access"], scope["audited"] = Access, "query"
        await send({"type": "http.response.start", "status": 200 if known else 401, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * 5})

    state = http.app_state
    with _client(_within(Audited(guarded), state)) as inside:
        inside.get("/dicomweb/studies", headers={"Authorization": "Bearer good"})
        inside.get("/elsewhere", headers={"Authorization": "Bearer secret"})
    good, bad = _recorded(http, settings)
    assert (good["who"], good["who_id"], good["roles"], good["bytes"]) == ("Dr. Who", Access.id, ["reader"], 5)
    assert (bad["who"], bad["status"], bad["action"]) == ("anonymous", 401, "unknown")
    assert "secret" not in "".join(path.read_text() for path in given.files(settings.data))


def _within(app: ASGIApp, state: Any) -> ASGIApp:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                kind = (await receive())["type"]
                await send({"type": f"{kind}.complete"})
            return
        scope["state"] = state
        await app(scope, receive, send)

    return inner


def _fail(trail: Trail, facts: object) -> None:
    raise OSError(28, "No space left on device")


def test_requests_go_on_while_the_trail_can_t_be_written_and_health_says_so(
    http: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = http.app_state["archive"]
    monkeypatch.setattr(Trail, "append", _fail)
    with pytest.raises(Exception, match="No space"):
        archive.audit.settled({"time": 0.0, "action": "mark"}).result(30)
    assert http.get("/dicomweb/studies").status_code == 200
    parts = {part["name"]: part["description"] for part in http.get("/health/check").json()["details"]}
    assert parts["audit"] == "The audit trail can't be written: No space left on device."


def test_nothing_is_done_that_can_t_be_written_down_where_that_is_required(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = sent()
    with _client(create(settings.model_copy(update={"audit_required": True}))) as http:
        assert http.post("/dicomweb/studies", content=one.content, headers=DICOM).status_code == 200
        assert len(given.lines(settings.data)) == 1  # before the answer came
        with monkeypatch.context() as patched:
            patched.setattr(Trail, "append", _fail)
            refused = http.delete(f"/dicomweb{one.study}")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            assert "can't be written down" in refused.text
            for path in ("/dicomweb/studies", "/v2.0/studies", "/V01/studies", "/shared/x/dicomweb/studies"):
                assert "Nothing is done without it" in http.get(path).text
            assert http.delete(f"/v2.0{one.study}").status_code == 503
            assert http.get("/").status_code == http.get("/health/live").status_code == 200
    assert [line["action"] for line in given.lines(settings.data)] == ["store", "delete"]


def test_nothing_is_done_while_the_trail_that_is_required_has_no_thread(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, one = threading.Thread.start, sent()

    def no_more(thread: threading.Thread) -> None:
        if thread.name == "audit":
            raise RuntimeError("can't start new thread")
        start(thread)

    with _client(create(settings.model_copy(update={"audit_required": True}))) as http:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", no_more)
            refused = http.post("/dicomweb/studies", content=one.content, headers=DICOM)
            assert (refused.status_code, "Nothing is done without it" in refused.text) == (503, True)
            assert http.get("/health/check").status_code == 503
        assert http.get(f"/dicomweb{one.study}").status_code == 404
        assert http.post("/dicomweb/studies", content=one.content, headers=DICOM).status_code == 200
        wait_until(lambda: http.get("/health/check").status_code == 200)  # what was found is known for a second
    assert [line["action"] for line in given.lines(settings.data)] == ["retrieve", "store"]


def test_the_trail_can_be_turned_off(settings: Settings) -> None:
    with _client(create(settings.model_copy(update={"audit": False}))) as http:
        http.get("/dicomweb/studies")
    assert not os.path.exists(settings.data / "audit")


def test_what_a_limit_refuses_is_written_down_and_a_flood_is_counted(settings: Settings) -> None:
    with _client(create(settings.model_copy(update={"requests_per_second": 0.001, "request_limit": 10}))) as http:
        assert http.post("/dicomweb/studies", content=b"x" * 11, headers=DICOM).status_code == 413
        assert [http.get("/dicomweb/studies").status_code for _ in range(30)] == [429] * 30
        assert http.get("/health/live").status_code == 200
    found = given.lines(settings.data)
    assert [line["status"] for line in found] == [413, *[429] * 10]
    assert {(line["action"], line["client"]) for line in found} == {("limited", "testclient")}
    assert found[0]["why"] == "The request exceeded the allowed limit of 10 bytes."
    assert found[-1]["refused"] == 21


def test_who_is_refused_by_a_limit_does_not_wait_for_the_trail_where_it_is_required(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    let, append = threading.Event(), Trail.append

    def slow(trail: Trail, facts: Any) -> None:
        let.wait()
        append(trail, facts)

    monkeypatch.setattr(Trail, "append", slow)
    required = settings.model_copy(update={"audit_required": True, "request_limit": 10})
    with _client(create(required)) as http:
        assert http.post("/dicomweb/studies", content=b"x" * 11, headers=DICOM).status_code == 413
        let.set()
    assert [line["status"] for line in given.lines(settings.data)] == [413]


def test_the_query_of_who_is_not_known_is_not_written(settings: Settings) -> None:
    with _client(create(settings.model_copy(update={"tokens": settings.data / "tokens.json"}))) as http:
        assert http.get("/dicomweb/studies?PatientName=x").status_code == 401
    (found,) = given.lines(settings.data)
    assert (found["status"], "query" in found) == (401, False)


def test_a_long_query_is_cut(http: TestClient, settings: Settings) -> None:
    http.get("/dicomweb/studies", params={"PatientName": "x" * 60_000})
    (found,) = _recorded(http, settings)
    assert found["query"] == f"PatientName={'x' * 1012}..."


@pytest.mark.parametrize("required", [False, True])
def test_what_a_thread_does_for_a_request_that_was_ended_is_written_down(settings: Settings, *, required: bool) -> None:
    """As a store that is committed while the service ends."""
    known: Future[Context] = Future()

    async def storing(scope: Scope, receive: Receive, send: Send) -> None:
        scope["audited"] = "store"
        known.set_result(copy_context())
        await asyncio.Event().wait()

    async def ended(state: Any) -> None:
        scope = {"type": "http", "method": "POST", "path": "/dicomweb/studies", "query_string": b"", "state": state}
        task = asyncio.create_task(Audited(storing)(scope, _unused, _unused))
        await asyncio.wrap_future(known)
        task.cancel()
        await asyncio.wait([task])

    with _client(create(settings.model_copy(update={"audit_required": required}))) as http:
        asyncio.run(ended(http.app_state))
        known.result().run(note, study="1.2.3", instances=1)
    first, late = given.lines(settings.data)
    assert (first["action"], first["status"], first["broken_off"]) == ("store", 0, True)
    assert (late["action"], late["study"], late["instances"]) == ("store", "1.2.3", 1)


def test_an_answer_that_broke_off_is_one_line_whenever_its_results_are_let_go(
    settings: Settings,
) -> None:
    known: Future[Context] = Future()

    async def searching(scope: Scope, receive: Receive, send: Send) -> None:
        scope["audited"] = "query"
        known.set_result(copy_context())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ConnectionError

    async def taken(_: object) -> None:
        return

    with _client(create(settings)) as http:
        scope = {"type": "http", "method": "GET", "path": "/x", "query_string": b"", "state": http.app_state}
        with suppress(ConnectionError):
            asyncio.run(Audited(searching)(scope, _unused, taken))
        known.result().run(note, results=3)
    [line] = given.lines(settings.data)
    assert (line["action"], line["status"], line["broken_off"]) == ("query", 200, True)


async def _unused(*_: object) -> Any:
    raise AssertionError
