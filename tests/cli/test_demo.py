"""`filmroom demo` walks the tutorial, says what it asks, and fails when a check does not hold."""

import pytest

from filmroom import Client
from filmroom.cli import launch
from filmroom.cli.demo import shorten
from filmroom.cli.tutorial import RED_TRIANGLE, STUDY, file
from filmroom.cli.walkthrough import STEPS
from tests.cli.program import Program
from tests.client.recorder import Recorder, Reply, json

# The tutorial's steps 2 to 21, each with the request that must be seen.
REQUESTS = [
    "POST /v2/studies → 200",
    "POST /v2/studies/…187420 → 200",
    "GET /v2/studies/…187420 → 200",
    "GET /v2/studies/…187420/metadata → 200",
    "GET /v2/studies/…187420/series/…632652 → 200",
    "GET /v2/studies/…187420/series/…632652/metadata → 200",
    "GET /v2/studies/…187420/series/…632652/instances/…905395 → 200",
    "GET /v2/studies/…187420/series/…632652/instances/…905395/metadata → 200",
    "GET /v2/studies/…187420/series/…632652/instances/…905395/frames/1 → 200",
    "GET /v2/studies?StudyInstanceUID=…187420 → 200",
    "GET /v2/series?SeriesInstanceUID=…632652 → 200",
    "GET /v2/studies/…187420/series?SeriesInstanceUID=…632652 → 200",
    "GET /v2/instances?SOPInstanceUID=…905395 → 200",
    "GET /v2/studies/…187420/instances?SOPInstanceUID=…905395 → 200",
    "GET /v2/studies/…187420/series/…632652/instances?SOPInstanceUID=…905395 → 200",
    "DELETE /v2/studies/…187420/series/…632652/instances/…905395 → 204",
    "DELETE /v2/studies/…187420/series/…632652 → 204",
    "DELETE /v2/studies/…187420 → 204",
]


def test_every_step_of_the_tutorial_holds(run: Program) -> None:
    ran = run("demo")
    assert (ran.code, ran.err) == (0, "")
    assert [request for request in REQUESTS if request not in ran.out] == []
    assert f"All {len(STEPS)} steps are done and every check held." in ran.out


def test_a_service_that_runs_is_left_as_it_was(run: Program, service: str) -> None:
    assert run("demo", "--url", service).code == 0
    with Client(service) as client:
        assert not client.search_for_studies(search_filters={"StudyInstanceUID": STUDY})


def test_samples_that_are_stored_already_are_not_deleted(run: Program, service: str) -> None:
    with Client(service) as client:
        client.store_instances(file(RED_TRIANGLE))
        ran = run("demo", "--url", service)
        assert (ran.code, f"filmroom delete {STUDY} --url {service}\n" in ran.err) == (3, True)
        client.delete_study(STUDY)


def test_says_which_checks_did_not_hold(run: Program, recorder: Recorder) -> None:
    ran = run("demo", "--url", recorder.url)
    assert ran.code == 1
    assert "✗  2 Store the blue circle" in ran.out
    assert "step 2, blue-circle was not stored; " in ran.out
    assert "; step 21, the study is deleted, and yet its Metadata is found\n" in ran.out


def test_the_token_is_sent_with_every_request(run: Program, recorder: Recorder) -> None:
    run("demo", "--url", recorder.url, "--token", "secret")
    assert {request.headers["authorization"] for request in recorder.requests} == {"Bearer secret"}


def test_a_service_that_lets_nobody_in_ends_with_3(run: Program, recorder: Recorder) -> None:
    recorder.replies = [json([]), Reply(401, body=b"Who are you?")]
    ran = run("demo", "--url", recorder.url)
    assert (ran.code, "Who are you?" in ran.err) == (3, True)


def test_a_service_that_does_not_start_ends_with_3(run: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "SERVE", ["-c", "raise SystemExit('no room')"])
    ran = run("demo")
    assert (ran.code, "no room" in ran.err) == (3, True)


def test_uids_are_shortened_to_what_tells_them_apart() -> None:
    assert shorten(f"/v2/studies/{STUDY}/series/1.2.3") == "/v2/studies/…187420/series/1.2.3"
