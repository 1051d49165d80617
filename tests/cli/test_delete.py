"""`filmroom delete` deletes after asking, and never without an answer."""

import os
import pty
from collections.abc import Callable, Iterator

import pytest
from pydicom.dataset import Dataset

from filmroom import Client
from tests import data
from tests.cli.program import Program
from tests.client.recorder import Recorder, Reply

Terminal = Callable[[str], int]


@pytest.fixture
def stored(service: str) -> list[Dataset]:
    """A study of two series with two instances and one."""
    study, series = data.uid(), data.uid()
    made = [data.dataset(StudyInstanceUID=study, SeriesInstanceUID=series) for _ in range(2)]
    made.append(data.dataset(StudyInstanceUID=study))
    with Client(service) as client:
        client.store_instances(made)
    return made


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """Puts somebody at a terminal, who types this."""
    keyboard, screen = pty.openpty()
    with os.fdopen(screen) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield lambda text: os.write(keyboard, text.encode())
    os.close(keyboard)


def _left(service: str, study: str) -> int:
    with Client(service) as client:
        return len(client.search_for_instances(study))


def test_an_instance_then_its_series_then_the_study(run: Program, service: str, stored: list[Dataset]) -> None:
    uids = [stored[0].StudyInstanceUID, stored[0].SeriesInstanceUID, stored[0].SOPInstanceUID]
    for number, left in ((3, 2), (2, 1), (1, 0)):
        assert run("delete", *uids[:number], "--yes").code == 0
        assert _left(service, uids[0]) == left


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, 0), ("n\n", 1, 3), ("\n", 1, 3)])
def test_asks_on_a_terminal(
    run: Program, service: str, stored: list[Dataset], terminal: Terminal, answer: str, code: int, left: int
) -> None:
    terminal(answer)
    study = stored[0].StudyInstanceUID
    ran = run("delete", study)
    assert (ran.code, ran.out.strip()) == (code, "")
    assert f"Delete the study /studies/{study} at {service}?" in ran.err
    assert _left(service, study) == left


def test_without_a_terminal_it_wants_yes(run: Program, service: str, stored: list[Dataset]) -> None:
    ran = run("delete", stored[0].StudyInstanceUID)
    assert ran.code == 2
    assert ran.err.startswith("filmroom: standard input is no terminal, so nobody can confirm the delete: add --yes")
    assert _left(service, stored[0].StudyInstanceUID) == 3


def test_what_is_not_there_ends_with_1(run: Program, service: str) -> None:
    ran = run("delete", "1.2.3", "--yes")
    assert (ran.code, ran.err) == (1, f"filmroom: there is no /studies/1.2.3 at {service}\n")


def test_a_web_page_is_no_success(run: Program, recorder: Recorder) -> None:
    recorder.replies = [Reply(200, {"Content-Type": "text/html"}, b"<html>Sign in</html>")]
    ran = run("delete", "1.2.3", "--yes")
    assert ran.code == 3
    assert "a web page answered" in ran.err
