"""`filmroom update`."""

import json as parser

import pytest

from tests.cli.program import Program
from tests.client.recorder import Recorder, json
from tests.client.test_operations import TOLD
from tests.client.test_updates import ID, STARTED

ENDED = {**TOLD, "status": "succeeded", "results": {"instanceUpdated": 3}}


def test_it_is_done_in_the_background(recorder: Recorder, run: Program) -> None:
    recorder.replies = [STARTED]
    ran = run("update", "1.2", "1.3", "--set", "PatientName=Doe^Jane", "--set", "PatientComments=")
    assert (ran.code, ran.out) == (0, f"{ID}\n")
    body = parser.loads(recorder.last.body)
    assert body["studyInstanceUids"] == ["1.2", "1.3"]
    assert body["changeDataset"]["00100010"]["Value"] == [{"Alphabetic": "Doe^Jane"}]
    assert body["changeDataset"]["00104000"]["Value"] == []


def test_who_waits_is_told_how_many(recorder: Recorder, run: Program) -> None:
    recorder.replies = [STARTED, json(ENDED)]
    ran = run("update", "1.2", "--set", "PatientID=1", "--wait")
    assert (ran.code, ran.out) == (0, "3 instances updated\n")


def test_uids_of_nothing_are_no_success(recorder: Recorder, run: Program) -> None:
    recorder.replies = [STARTED, json({**ENDED, "results": {"instanceUpdated": 0}})]
    ran = run("update", "1.2", "--set", "PatientID=1", "--wait")
    assert (ran.code, ran.out, "nothing is stored under these UIDs" in ran.err) == (1, "0 instances updated\n", True)


def test_failures_are_told(recorder: Recorder, run: Program) -> None:
    failed = {**TOLD, "status": "failed", "error": "1 of 1", "results": {"errors": ["Failed to update 1.2"]}}
    recorder.replies = [STARTED, json(failed)]
    ran = run("update", "1.2", "--set", "PatientID=1", "--wait")
    assert (ran.code, "Failed to update 1.2" in ran.err, "failed: 1 of 1" in ran.err) == (1, True, True)


@pytest.mark.parametrize(
    "wrong", [["--set", "PatientID"], ["--set", "Nonsense=1"], ["--set", "PatientID=1", "--instance", "3"]]
)
def test_what_can_not_be_meant(recorder: Recorder, run: Program, wrong: list[str]) -> None:
    assert run("update", "1.2", *wrong).code == 2
    assert recorder.requests == []
