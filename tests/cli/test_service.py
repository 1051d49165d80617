"""What every command that speaks to a service does alike: its options, and how failures end it."""

from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
from pydicom.dataset import Dataset

from filmroom import Client
from filmroom.cli.service import Impatient
from filmroom.client import _carrier, _link
from filmroom.client.roots import AZURE_ROOTS, ROOT
from filmroom.protocol import dialects
from tests import data
from tests.cli.program import Program
from tests.client.recorder import Recorder, Reply, json


def test_a_service_that_is_not_there_ends_with_3(run: Program) -> None:
    ran = run("search", "studies", "--url", "http://127.0.0.1:9/dicomweb")
    assert ran.code == 3
    assert "http://127.0.0.1:9/dicomweb" in ran.err


def test_a_service_that_refuses_ends_with_3_and_its_words(run: Program, recorder: Recorder) -> None:
    recorder.replies = [Reply(403, body=b"Not for you.")]
    ran = run("search", "studies")
    assert (ran.code, ran.out) == (3, "")
    assert "Not for you." in ran.err


def test_the_url_option_wins_over_the_variable(run: Program, recorder: Recorder) -> None:
    assert run("search", "studies", "--url", f"{recorder.url}/other").code == 0
    assert recorder.targets == ["/other/studies"]


@pytest.mark.parametrize("arguments", ["search studies", "retrieve 1.2.3", "render 1.2.3", "delete 1.2.3 --yes"])
@pytest.mark.parametrize("status", [401, 404])
def test_a_password_in_the_url_is_sent_and_not_said(
    run: Program, recorder: Recorder, arguments: str, status: int
) -> None:
    recorder.replies = [Reply(status, body=b"No.")]
    ran = run(*arguments.split(), "--url", recorder.url.replace("://", "://doctor:secret@"))
    assert recorder.last.headers["authorization"].startswith("Basic ")
    assert "secret" not in ran.out + ran.err


def test_the_token_comes_from_the_option_or_the_variable(
    run: Program, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("search", "studies", "--token", "one")
    monkeypatch.setenv("FILMROOM_TOKEN", "two")
    run("search", "studies")
    assert [request.headers["authorization"] for request in recorder.requests] == ["Bearer one", "Bearer two"]


def test_the_line_break_of_a_token_from_a_file_is_not_sent(
    run: Program, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILMROOM_TOKEN", "two\n")
    run("search", "studies")
    assert recorder.last.headers["authorization"] == "Bearer two"


def test_a_variable_that_names_no_certificates_is_a_usage_error(
    run: Program, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "typo.pem"))
    _link.tls.cache_clear()
    ran = run("search", "studies")
    sentence = "which SSL_CERT_FILE names, can't be read: No such file or directory."
    assert (ran.code, ran.err) == (2, f"filmroom: The certificates in {tmp_path / 'typo.pem'}, {sentence}\n")


def test_what_can_be_no_token_is_a_usage_error_and_not_quoted(run: Program, recorder: Recorder) -> None:
    ran = run("search", "studies", "--token", "SECRET\nand more")
    assert (ran.code, recorder.targets) == (2, [])
    assert "must be one word" in " ".join(ran.err.replace("│", " ").split())
    assert "SECRET" not in ran.err


def test_a_url_that_is_none_is_a_usage_error(run: Program) -> None:
    ran = run("search", "studies", "--url", "ftp://pacs.example")
    assert ran.code == 2
    assert "https://host/path" in ran.err


@pytest.mark.parametrize("command", ["retrieve", "delete"])
def test_an_empty_uid_is_a_usage_error(run: Program, command: str) -> None:
    assert run(command, "1.2.3", " ").code == 2


def test_warnings_of_the_service_are_said_once(run: Program, recorder: Recorder) -> None:
    recorder.replies = [json([], Warning='299 filmroom "Only half of it."')]
    assert run("search", "studies").err.count("the service warns: Only half of it.") == 1


EVIL = "oops \x1b]0;pwned\x07\x1b[2J\x9b2J"


@pytest.mark.parametrize("arguments", ["search studies", "retrieve 1.2.3", "delete 1.2.3 --yes", "store {file}"])
@pytest.mark.parametrize("status", [400, 404])
def test_what_a_service_says_commands_no_terminal(
    run: Program, recorder: Recorder, tmp_path: Path, arguments: str, status: int
) -> None:
    (tmp_path / "one.dcm").write_bytes(data.file())
    recorder.replies = [Reply(status, body=EVIL.encode())]
    ran = run(*arguments.format(file=tmp_path / "one.dcm").split())
    assert ran.code != 0
    assert (ran.out + ran.err).replace("\n", "").isprintable()


def test_a_warning_and_a_comment_command_no_terminal(run: Program, recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "one.dcm").write_bytes(data.file())
    problem = {"00741048": {"vr": "SQ", "Value": [{"00000902": {"vr": "LO", "Value": [EVIL]}}]}}
    recorder.replies = [json({"00081198": {"vr": "SQ", "Value": [problem]}}, Warning='299 a "\x9b2J"')]
    ran = run("store", tmp_path / "one.dcm")
    assert "oops" in ran.err
    assert (ran.out + ran.err).replace("\n", "").isprintable()
    assert "the service warns" in run("search", "studies").err


@pytest.mark.parametrize("arguments", ["search studies", "retrieve 1.2.3", "delete 1.2.3 --yes", "demo"])
def test_where_nothing_listens_it_says_so_at_once(
    run: Program, arguments: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    monkeypatch.setattr(_carrier, "time", SimpleNamespace(sleep=rests.append))
    ran = run(*arguments.split(), "--url", "http://127.0.0.1:9/dicomweb")
    assert ran.code == 3
    assert (
        ran.err
        == "filmroom: nothing listens at http://127.0.0.1:9/dicomweb; is the service running? (filmroom serve)\n"
    )
    assert rests == []


@pytest.mark.parametrize("arguments", ["search studies", "retrieve 1.2.3", "delete 1.2.3 --yes", "demo"])
def test_a_url_without_the_path_of_the_service_is_guessed(run: Program, running: str, arguments: str) -> None:
    ran = run(*arguments.split(), "--url", f"{running}/")
    assert (ran.code, ran.err.count(f"is {running}/dicomweb meant?")) == (3, 1)


@pytest.mark.parametrize("path", ["/dicom-web", "/dicom", "/v/studies2"])
def test_a_url_with_another_path_is_guessed(run: Program, running: str, path: str) -> None:
    ran = run("search", "studies", "--url", running + path)
    assert (ran.code, ran.err.count(f"is {running}/dicomweb meant?")) == (3, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        "render {0}", "render {0} {1}", "render {0} --thumbnail", "render {0} {1} {2} --thumbnail --frames 1",
        "render {0} {1} {2} --frames 1,1",
    ],
)  # fmt: skip
def test_what_only_the_other_root_offers_is_not_called_absent(run: Program, running: str, arguments: str) -> None:
    ran = run(*arguments.format(*_stored(running)).split(), "--url", f"{running}/v2")
    assert ran.code == 1
    assert ran.err.endswith(
        f"at {running}/v2: this root offers what the Azure service does, and not this; {running}/dicomweb does\n"
    )


@pytest.mark.parametrize(
    "arguments",
    ["retrieve {0} --zip study.zip", "render {0} {1} {2} --format gif", "retrieve {0} --transfer-syntax rle"],
)
def test_a_form_that_the_other_root_may_offer_names_it(run: Program, running: str, arguments: str) -> None:
    ran = run(*arguments.format(*_stored(running)).split(), "--url", f"{running}/v2")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("filmroom: can't be had as asked for: ")
    assert f" at {running}/v2: The request headers are not acceptable; " in ran.err
    assert ran.err.endswith(f"; {running}/dicomweb may offer it\n")


def test_the_words_of_the_service_end_before_the_next(run: Program, recorder: Recorder) -> None:
    recorder.replies = [Reply(406, {}, b"Only a or b. Not c.")]
    ran = run("retrieve", "1.2", "--url", f"{recorder.url}/v2")
    assert ran.err == (
        f"filmroom: can't be had as asked for: /studies/1.2 at {recorder.url}/v2: "
        f"Only a or b. Not c; {recorder.url}/dicomweb may offer it\n"
    )


def test_the_roots_are_those_of_the_dialects() -> None:
    assert dialects.DICOMWEB.root == ROOT
    assert {dialect.root for dialect in dialects.ALL if dialect.version} == AZURE_ROOTS


def test_what_is_not_there_is_absent_at_the_other_root_too(run: Program, running: str) -> None:
    ran = run("render", "1.2", "1.3", "1.4", "--url", f"{running}/v2")
    assert (ran.code, ran.err) == (
        1, f"filmroom: there is no image, report or document of /studies/1.2/series/1.3/instances/1.4 at {running}/v2\n"
    )  # fmt: skip


@pytest.mark.parametrize("made", [data.report(), data.document(b"%PDF", "1.2.840.10008.5.1.4.1.1.104.1")])
def test_what_is_no_image_is_shown_by_the_other_root(run: Program, running: str, made: Dataset) -> None:
    ran = run("render", *_store(running, made), "--url", f"{running}/v2")
    assert ran.code == 1
    assert ran.err.endswith(f": this root shows images alone; {running}/dicomweb may show what this is\n")


def test_bulk_values_are_at_the_other_root(run: Program, running: str) -> None:
    ran = run("retrieve", *_stored(running), "--bulkdata", "PixelData", "--url", f"{running}/v2")
    assert ran.code == 1
    assert ran.err.endswith(f": this root's Metadata name no bulk values; those of {running}/dicomweb do\n")


def _stored(running: str) -> list[str]:
    """The UIDs of an image that is stored."""
    return _store(running, data.image())


def _store(running: str, made: Dataset) -> list[str]:
    with Client(f"{running}/dicomweb") as client:
        client.store_instances(data.file(made))
    return [made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID]


def test_a_url_that_goes_too_far_is_a_usage_error(run: Program, running: str) -> None:
    ran = run("search", "studies", "--url", f"{running}/dicomweb/studies")
    assert ran.code == 2
    assert "ends before /studies: is" in ran.said


def test_https_to_a_port_of_http_is_said(run: Program, service: str) -> None:
    ran = run("search", "studies", "--url", service.replace("http", "https"))
    assert (ran.code, ran.err) == (
        3, f"filmroom: {service.replace('http', 'https')} speaks http, not https: is {service} meant?\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    ["retrieve 1.2 x", "delete nonsense --yes", "delete 1.2 1.2.x --yes", "store . --study nonsense"],
)
def test_a_uid_that_is_none_is_a_usage_error(run: Program, recorder: Recorder, arguments: str) -> None:
    ran = run(*arguments.split())
    assert (ran.code, recorder.targets) == (2, [])
    assert "is not a UID" in ran.said


def test_another_failure_to_connect_is_tried_again() -> None:
    assert Impatient(backoff=1.0).wait_after_failure("GET", 0, httpx2.ConnectTimeout("slow")) is not None
