import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from bench import servers
from filmroom.settings import Settings


def test_a_program_is_started_and_ended(tmp_path: Path) -> None:
    port = servers.free_port()
    url = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(tmp_path)]
    with servers.started(command, tmp_path / "log", url) as pid, servers.NEAR.open(url) as answer:
        assert answer.status == 200
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_program_that_ends_at_once_is_said_so_with_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no such luck'); exit(4)"]
    with (
        pytest.raises(SystemExit, match=r"ended at once \(exit 4\)\. Its log ends:\nno such luck"),
        servers.started(command, tmp_path / "log", "http://127.0.0.1:1/"),
    ):
        pass


@pytest.mark.parametrize("place", [servers.folder_in, servers.kept_in])
def test_what_is_no_folder_is_a_sentence(
    place: Callable[[Path], AbstractContextManager[Path]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SystemExit, match="2"), place(file):
        pass
    assert capsys.readouterr().err.count("\n") == 1


def test_a_folder_that_is_kept_is_made(tmp_path: Path) -> None:
    with servers.kept_in(tmp_path / "kept") as folder:
        pass
    assert folder.is_dir()


def test_a_setup_says_what_is_started(tmp_path: Path) -> None:
    setup = servers.Setup(2, 2, "postgresql://filmroom@/images", "s3://images")
    assert setup.name.endswith(", 2 services of 2 workers, PostgreSQL, s3")
    assert setup.command(tmp_path, 4711)[-4:] == ["--index", "postgresql://filmroom@/images", "--blobs", "s3://images"]
    started = f"s3://{servers.STARTED}/moto"
    assert servers.Setup(2, blobs=started).name.endswith(", SQLite, moto")  # whose figures are moto's
    assert servers.Setup(2).name.endswith(", 2 workers, SQLite, folder")
    assert servers.Setup(2).command(tmp_path, 4711)[-1] == str(tmp_path)


def test_a_setup_without_a_number_of_workers_has_those_of_the_service_and_says_how_many(tmp_path: Path) -> None:
    assert "--workers" not in servers.Setup(None).command(tmp_path, 4711)
    assert f", {Settings().workers} workers, " in servers.Setup(None).name


def test_nothing_that_configures_a_filmroom_reaches_the_one_that_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "filmroom.toml").write_text("workers = 7")
    monkeypatch.chdir(tmp_path)
    for name in ("FILMROOM_AUDIT", "FILMROOM_BLOBS_OPTIONS", "AWS_REGION"):
        monkeypatch.setenv(name, "x")
    show = "import os; print(os.listdir('.'), sorted(key for key in os.environ if key.startswith(('FILM', 'AWS_REG'))))"
    found = []
    for setup in (servers.Setup(1), servers.Setup(1, blobs="s3://images")):
        with servers.served([sys.executable, "-c", show], tmp_path / "log", setup) as process:
            process.wait()
        found.append((tmp_path / "log").read_text().strip())
    assert found == ["[] []", "[] ['AWS_REGION', 'FILMROOM_BLOBS_OPTIONS']"]


def test_a_checkout_is_named_by_its_commit() -> None:
    ask = ["git", "rev-parse", "HEAD"]
    head = subprocess.run(ask, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    assert head.returncode or f"({head.stdout[:10]}" in servers.version()
