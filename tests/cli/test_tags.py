"""`filmroom tags`."""

import json as parser

import pytest

from tests.cli.program import Program
from tests.client.recorder import Recorder, Reply, json
from tests.client.test_operations import TOLD
from tests.client.test_query_tags import ERROR, ID, PLAIN, TAG

STARTED = json({"id": ID, "href": "http://host"}, 202)


def test_list(recorder: Recorder, run: Program) -> None:
    recorder.replies = [json([TAG, PLAIN, {**PLAIN, "path": "00400275.00400009", "vr": "SH"}])]
    assert run("tags").out.splitlines() == [
        '00111003           LO  series    adding, disabled  2 errors  00111003  "MAKER"',
        "00200012           IS  instance  ready  AcquisitionNumber",
        "00400275.00400009  SH  instance  ready  RequestAttributesSequence.ScheduledProcedureStepID",
    ]
    assert parser.loads(run("tags", "list", "--json").out)[0] == TAG


def test_nothing_to_list_is_said(recorder: Recorder, run: Program) -> None:
    ran = run("tags")
    assert (ran.code, ran.out, ran.err) == (0, "", "filmroom: no query tags\n")
    assert run("tags", "errors", "PatientAge").err == "filmroom: no errors\n"
    ran = run("tags", "--json")
    assert (ran.out, ran.err) == ("[]\n", "")


@pytest.mark.parametrize("typed", ["0010,1020", "(0010,1020)", "00101020"])
@pytest.mark.parametrize("level", ["study", "Study", "STUDY"])
def test_a_tag_is_typed_as_in_a_search_and_a_level_in_any_case(
    recorder: Recorder, run: Program, typed: str, level: str
) -> None:
    recorder.replies = [STARTED]
    ran = run("tags", "add", typed, "--level", level)
    assert parser.loads(recorder.last.body) == [{"path": "00101020", "level": "study"}]
    assert ran.err == f"filmroom: it is done in the background: filmroom operations wait {ID}\n"


def test_a_path_is_typed_with_dots(recorder: Recorder, run: Program) -> None:
    recorder.replies = [json(PLAIN)]
    assert run("tags", "enable", "(0040,0275).ScheduledProcedureStepID").code == 0
    assert recorder.targets == ["/extendedquerytags/00400275.ScheduledProcedureStepID"]


def test_add(recorder: Recorder, run: Program) -> None:
    recorder.replies = [STARTED]
    ran = run("tags", "add", "00111003", "--level", "series", "--vr", "LO", "--creator", "MAKER")
    assert (ran.code, ran.out) == (0, f"{ID}\n")
    assert parser.loads(recorder.last.body) == [
        {"path": "00111003", "vr": "LO", "level": "series", "privateCreator": "MAKER"}
    ]


@pytest.mark.parametrize(("status", "code"), [("succeeded", 0), ("failed", 1)])
def test_add_and_wait(recorder: Recorder, run: Program, status: str, code: int) -> None:
    recorder.replies = [STARTED, json({**TOLD, "status": status, "error": "The disk is full."}), json(PLAIN)]
    ran = run("tags", "add", "AcquisitionNumber", "--level", "instance", "--wait")
    assert ran.code == code
    assert "00200012  IS" in ran.out if code == 0 else "failed: The disk is full." in ran.err


def test_what_the_service_refuses(recorder: Recorder, run: Program) -> None:
    recorder.replies = [Reply(409, body=b"One or more extended query tags already exist.")]
    ran = run("tags", "add", "PatientAge", "--level", "study")
    assert (ran.code, ran.err) == (1, "filmroom: One or more extended query tags already exist.\n")


@pytest.mark.parametrize("what", ["enable", "disable"])
def test_enable_and_disable(recorder: Recorder, run: Program, what: str) -> None:
    recorder.replies = [json(PLAIN)]
    assert run("tags", what, "AcquisitionNumber").out == "00200012  IS  instance  ready  AcquisitionNumber\n"
    assert parser.loads(recorder.last.body) == {"queryStatus": f"{what.title()}d"}


def test_delete(recorder: Recorder, run: Program) -> None:
    recorder.replies = [Reply(204), Reply(404)]
    assert run("tags", "delete", "PatientAge").code == 0
    ran = run("tags", "delete", "PatientAge")
    assert ran.code == 1
    assert "there is no query tag PatientAge at " in ran.err


def test_errors_are_listed_page_by_page(recorder: Recorder, run: Program) -> None:
    recorder.replies = [json([ERROR, ERROR]), json([ERROR]), json([])]
    lines = run("tags", "errors", "PatientAge").out.splitlines()
    assert lines == ["/studies/1/series/2/instances/3  Value length is not 4."] * 3
    assert [target.partition("offset=")[2] for target in recorder.targets] == ["0", "2", "3"]


def test_errors_are_one_array_of_json(recorder: Recorder, run: Program) -> None:
    recorder.replies = [json([ERROR]), json([ERROR]), json([]), json([])]
    assert parser.loads(run("tags", "errors", "PatientAge", "--json").out) == [ERROR, ERROR]
    assert parser.loads(run("tags", "errors", "PatientAge", "--json").out) == []


@pytest.mark.parametrize("what", ["enable", "delete", "errors"])
def test_what_can_not_be_done_to_a_tag_is_the_services_reason(recorder: Recorder, run: Program, what: str) -> None:
    recorder.replies = [Reply(400, body=b"It is being deleted.")]
    ran = run("tags", what, "PatientAge")
    assert (ran.code, ran.err) == (1, "filmroom: It is being deleted.\n")


def test_who_waits_knows_the_operation_when_the_connection_is_lost(recorder: Recorder, run: Program) -> None:
    recorder.replies = [STARTED, Reply(500)]
    ran = run("tags", "add", "PatientAge", "--level", "study", "--wait")
    assert (ran.code, f"filmroom: operation {ID}\n" in ran.err) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "PatientAge"], "the list is of all attributes"),
        (["delete", "PatientAge", "--wait"], "only `add` takes it"),
        (["enable", "PatientAge", "--vr", "LO"], "only `add` takes it"),
        (["delete", "PatientAge", "--json"], "`delete` has no answer to print"),
        (["delete"], "name the attribute to delete"),
        (["add", "PatientAge"], "say the level: study, series or instance"),
        (["add", "PatientAge", "--level", "patient"], "'patient'"),
        (["add", "PatientAgo", "--level", "study"], "do you mean PatientAge?"),
        (["enable", "patientage"], "do you mean PatientAge?"),
        (["delete", "RequestAttributesSequence.Xyzzy"], "neither the keyword of an attribute"),
        (["remove", "PatientAge"], "'remove'"),
    ],
)
def test_what_is_not_understood(recorder: Recorder, run: Program, arguments: list[str], message: str) -> None:
    ran = run("tags", *arguments)
    assert ran.code == 2
    assert message in ran.said
    assert recorder.requests == []
