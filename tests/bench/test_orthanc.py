from pathlib import Path

from bench import orthanc


def test_orthanc_is_durable_and_alone() -> None:
    told = orthanc.configuration(Path("/data"), 4711, Path("/plugin.so"))
    assert told["SyncStorageArea"] is True
    assert told["RemoteAccessAllowed"] is False
    assert told["DicomServerEnabled"] is False
