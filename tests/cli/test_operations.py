"""`filmroom operations`."""

import json as parser
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from filmroom.cli import operations
from tests.cli.program import Program
from tests.client.recorder import Recorder, Reply, json
from tests.client.test_operations import FAILED, ID, TOLD


@pytest.fixture(autouse=True)
def timezone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two hours before UTC."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "XXX-2")
        time.tzset()
        yield
    time.tzset()


def test_nothing_to_list_is_said(recorder: Recorder, run: Program) -> None:
    ran = run("operations")
    assert (ran.code, ran.out, ran.err) == (0, "", "filmroom: no operations\n")
    assert run("operations", "--json").out == "[]\n"


def test_list(recorder: Recorder, run: Program) -> None:
    recorder.replies = [json([{**TOLD, "status": "succeeded", "percentComplete": 100}, TOLD])]
    ran = run("operations")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        f"{ID}  2026-01-31 16:30:05  succeeded   100 %  reindex",
        f"{ID}  2026-01-31 16:30:05  running      50 %  reindex",
    ]


def test_show(recorder: Recorder, run: Program) -> None:
    recorder.replies = [json({**TOLD, "results": {"filesRemoved": 3}}, 202)]
    assert run("operations", "show", ID).out.splitlines() == [
        "reindex: running 50 %",
        "started 2026-01-31 16:30:05, last at work 2026-01-31 16:31:00",
        "http://host/v2/extendedquerytags/00101002",
        "filesRemoved: 3",
    ]


def test_json_is_the_answer(recorder: Recorder, run: Program) -> None:
    recorder.replies = [json(TOLD, 202), json([TOLD])]
    assert parser.loads(run("operations", "show", ID, "--json").out) == TOLD
    assert parser.loads(run("operations", "list", "--json").out) == [TOLD]


@pytest.mark.parametrize(("status", "code"), [("succeeded", 0), ("failed", 1), ("canceled", 1)])
def test_the_exit_code_says_how_it_ended(recorder: Recorder, run: Program, status: str, code: int) -> None:
    recorder.replies = [json({**TOLD, "status": status, "error": "It is\x1b full."})]
    ran = run("operations", "wait", ID)
    assert (ran.code, "\x1b" in ran.out) == (code, False)


def test_patience_has_an_end(recorder: Recorder, run: Program) -> None:
    recorder.replies = [json(TOLD, 202)]
    ran = run("operations", "wait", ID, "--for", "0")
    assert (ran.code, ran.err) == (1, "filmroom: The operation has not ended in time: it is running.\n")


def test_who_waits_for_long_is_told_that_there_may_be_no_worker(
    recorder: Recorder, run: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "LOOK", 0.0)
    monkeypatch.setattr(operations, "IMPATIENCE", 0.0)
    begun = json({**TOLD, "status": "notStarted"}, 202)
    recorder.replies = [begun, begun, begun, begun, json({**TOLD, "status": "succeeded"})]
    ran = run("operations", "wait", ID)
    assert (ran.code, ran.err.count("is an operations worker running?")) == (0, 1)


def test_cancel(recorder: Recorder, run: Program) -> None:
    recorder.replies = [json({**TOLD, "status": "canceled"}, 202), Reply(409, body=b"It has ended already.")]
    assert run("operations", "cancel", ID).out.startswith("reindex: canceled")
    ran = run("operations", "cancel", ID)
    assert (ran.code, ran.err) == (1, "filmroom: It has ended already.\n")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("succeeded", "it has succeeded"),
        ("failed", "it has failed"),
        ("canceled", "it was ended before"),
    ],
)
def test_what_has_ended_is_told_in_words(recorder: Recorder, run: Program, state: str, said: str) -> None:
    recorder.replies = [Reply(409, body=f"The operation has ended already: it is {state}.".encode())]
    assert run("operations", "cancel", ID).err == f"filmroom: The operation has ended already: {said}.\n"


def test_what_there_is_not(recorder: Recorder, run: Program) -> None:
    recorder.replies = [Reply(404, body=b"There is no operation of this id.")]
    ran = run("operations", "show", ID)
    assert (ran.code, f"there is no operation {ID}" in ran.err) == (1, True)


def test_ctrl_c_says_how_to_go_on(recorder: Recorder, run: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(
        "filmroom.client._operations.time", SimpleNamespace(sleep=interrupted, monotonic=time.monotonic)
    )
    recorder.replies = [json(TOLD, 202)]
    ran = run("operations", "wait", ID)
    assert (ran.code, ran.err) == (
        130,
        f"filmroom: stopped; the operation goes on: filmroom operations wait {ID}\n",
    )


@pytest.mark.parametrize("arguments", [["list"], ["cancel", ID]])
def test_what_only_the_root_of_the_standard_has(service: str, run: Program, arguments: list[str]) -> None:
    ran = run("operations", *arguments, "--url", service.replace("/dicomweb", "/v2"))
    assert (ran.code, f"{service} does" in ran.err) == (1, True)


@pytest.mark.parametrize("arguments", [["list", ID], ["show", ID, "--for", "3"]])
def test_what_has_no_effect_is_refused(recorder: Recorder, run: Program, arguments: list[str]) -> None:
    assert run("operations", *arguments).code == 2
    assert recorder.requests == []


def test_an_id_is_needed(recorder: Recorder, run: Program) -> None:
    ran = run("operations", "wait")
    assert (ran.code, "name the id of the operation to wait" in ran.said) == (2, True)


def test_errors_page_by_page(recorder: Recorder, run: Program) -> None:
    recorder.replies = [json([FAILED]), json([])] * 2
    ran = run("operations", "errors", ID)
    assert (ran.code, ran.out) == (0, "/studies/1: It is gone.\n")
    assert recorder.targets[1].endswith("errors?limit=200&offset=1")
    assert parser.loads(run("operations", "errors", ID, "--json").out) == [FAILED]


def test_no_errors(recorder: Recorder, run: Program) -> None:
    recorder.replies = [json([])]
    assert run("operations", "errors", ID).err == "filmroom: no errors\n"
