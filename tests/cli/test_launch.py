"""A service of one's own comes up, and is ended whatever happens."""

import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest

from filmroom.cli import launch, serve

STUBBORN = f"""
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("good morning")
print({launch.LISTENS + "nowhere"!r}, flush=True)
signal.pause()
"""


def test_the_line_that_is_waited_for_is_the_line_that_is_printed() -> None:
    assert launch.LISTENS == serve.LISTENS


def test_listens_until_the_end(tmp_path: Path) -> None:
    with launch.service(tmp_path) as url, urllib.request.urlopen(f"{url}/health/check") as answer:
        assert answer.status == 200
    with pytest.raises(URLError):
        urllib.request.urlopen(f"{url}/health/check")


def test_variables_and_files_of_the_user_do_not_reach_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMROOM_DATA", str(tmp_path / "precious"))
    monkeypatch.setenv("FILMROOM_WORKERS", "not a number")
    with launch.service(tmp_path / "own"):
        assert (tmp_path / "own" / "data").is_dir()
    assert not (tmp_path / "precious").exists()


def test_one_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(launch.Ended, match="data"), launch.service(tmp_path):
        pass


def test_one_that_says_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "SERVE", ["-c", "import signal; signal.pause()"])
    monkeypatch.setattr(launch, "READY_WITHIN", 0.1)
    with pytest.raises(launch.Ended, match="it said nothing"), launch.service(tmp_path):
        pass


def test_one_that_does_not_want_to_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "SERVE", ["-c", STUBBORN])
    monkeypatch.setattr(launch, "ENDS_WITHIN", 0.1)
    with launch.service(tmp_path) as url:
        assert url == "nowhere"
