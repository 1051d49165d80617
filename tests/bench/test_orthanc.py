from pathlib import Path

import pytest

from bench import orthanc
from bench.postgresql import Database


def test_orthanc_is_durable_and_alone() -> None:
    told = orthanc.configuration(Path("/data"), 4711, Path("/plugin.so"))
    assert told["SyncStorageArea"] is True
    assert told["RemoteAccessAllowed"] is False
    assert told["DicomServerEnabled"] is False


def test_no_search_for_instances_reads_files_of_orthanc_for_what_it_must_answer() -> None:
    told = orthanc.configuration(Path("/data"), 4711, Path("/plugin.so"))
    extra = told["ExtraMainDicomTags"]
    assert isinstance(extra, dict)
    assert {"SOPClassUID", "Rows", "Columns", "BitsAllocated"} <= set(extra["Instance"])


def test_metadata_of_orthanc_are_complete_as_those_of_filmroom() -> None:
    told = orthanc.configuration(Path("/data"), 4711, Path("/plugin.so"))["DicomWeb"]
    assert isinstance(told, dict)
    assert (told["StudiesMetadata"], told["SeriesMetadata"]) == ("Full", "Full")


def test_with_postgresql_its_files_stay_in_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plugin = tmp_path / "index.so"
    plugin.touch()
    monkeypatch.setattr(orthanc, "POSTGRESQL", (plugin,))
    told = orthanc.indexed(Database("postgresql://filmroom@/orthanc", 1), Path("/plugin.so"))
    assert told["Plugins"] == ["/plugin.so", str(plugin)]
    assert told["PostgreSQL"] == {
        "EnableIndex": True,
        "EnableStorage": False,
        "ConnectionUri": "postgresql://filmroom@/orthanc",
    }
