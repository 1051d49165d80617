"""`filmroom partitions`, and --partition of the commands that go to one."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from filmroom.archive import Archive
from filmroom.settings import Settings
from tests import data
from tests import service as services
from tests.cli.program import Program
from tests.client.recorder import Recorder


@pytest.fixture(scope="module")
def partitioned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with services.running(tmp_path_factory.mktemp("partitions") / "data", "--partitions") as running:
        yield f"{running.url}/dicomweb"


@pytest.fixture
def clinic(partitioned: str, run: Program, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FILMROOM_URL", partitioned)
    return partitioned


def test_files_go_to_a_partition_and_come_back_from_it(run: Program, clinic: str, tmp_path: Path) -> None:
    made = data.image(bits=8)
    (tmp_path / "one.dcm").write_bytes(data.file(made))
    assert run("store", "one.dcm", "--partition", "clinic").code == 0
    study = made.StudyInstanceUID
    assert study in run("search", "studies", "--partition", "clinic").out
    assert run("retrieve", study, "--partition", "clinic").code == 0
    assert run("render", study, "--partition", "clinic").code == 0
    refused = run("delete", study, "--yes")
    assert (refused.code, "name one by --partition" in refused.err) == (3, True)
    assert run("delete", study, "--partition", "clinic", "--yes").code == 0
    assert run("delete", study, "--partition", "clinic", "--yes").code == 1


def test_on_the_machine_itself_it_is_the_same(run: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Archive.open(Settings(data=tmp_path / "data", codec_processes=1)).close()
    monkeypatch.setenv("FILMROOM_DATA", str(tmp_path / "data"))
    for folder in ("in", "out"):
        (tmp_path / folder).mkdir()
    made = data.dataset()
    (tmp_path / "in" / "one").write_bytes(data.file(made))
    refused = run("import", "in", "--partition", "clinic")
    assert (refused.code, "FILMROOM_PARTITIONS=true" in refused.err) == (3, True)
    monkeypatch.setenv("FILMROOM_PARTITIONS", "true")
    assert run("import", "nothing", "--partition", "clinic").code == 3
    refused = run("export", "out", "--partition", "clinic")
    assert (refused.code, refused.err) == (3, "filmroom: There is no data partition clinic.\n")
    assert run("import", "in", "--partition", "clinic").out == "1 stored.\n"
    assert run("export", "out").out.startswith("0 copied")
    monkeypatch.setenv("FILMROOM_PARTITION", "clinic")
    assert run("import", "in").out == "0 stored, 1 were stored already.\n"
    assert run("export", "out", made.StudyInstanceUID).out.startswith("1 copied")


def test_the_partition_may_stand_in_a_variable(run: Program, clinic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMROOM_PARTITION", "Microsoft.Default")
    assert run("search", "studies").code == 0
    monkeypatch.setenv("FILMROOM_PARTITION", "")
    assert "name one by --partition" in run("search", "studies").err


def test_a_service_without_partitions_says_so_in_words_of_the_shell(run: Program, service: str) -> None:
    ran = run("search", "studies", "--partition", "clinic")
    assert (ran.code, "started without --partitions" in ran.err, "path" in ran.err) == (3, True, False)


def test_they_are_listed(run: Program, clinic: str) -> None:
    assert run("partitions").out.splitlines()[0].startswith("Microsoft.Default")
    [first, *_] = orjson.loads(run("partitions", "--json").out)
    assert (first["partitionKey"], first["partitionName"]) == (1, "Microsoft.Default")


def test_a_name_that_can_be_none_is_not_sent(run: Program, recorder: Recorder) -> None:
    ran = run("search", "studies", "--partition", "a/b")
    assert ran.code == 2
    assert recorder.targets == []


def test_a_service_without_partitions_says_so(run: Program, service: str) -> None:
    ran = run("partitions")
    assert (ran.code, "no data partitions here" in ran.err) == (1, True)
