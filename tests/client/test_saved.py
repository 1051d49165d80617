"""Bulk values that are written to files while they arrive: what is not kept is removed, and so is what is not whole."""

from pathlib import Path
from typing import Any

import pytest

from filmroom import BadResponse
from tests.client import recorder
from tests.client.recorder import Recorder, Reply

PDF = "application/pdf"
VALUE = bytes(range(200)) * 20_000  # several pieces


def test_a_value_is_a_file_until_the_next_is_asked_for(client: Any, service: Recorder, tmp_path: Path) -> None:
    service.replies = [recorder.multipart([b"one", b"two"], f"{PDF}; transfer-syntax=1.2")]
    found = []
    for file in client.iter_bulkdata_files("bulkdata/x", folder=tmp_path / "new"):
        assert [path.name for path in (tmp_path / "new").iterdir()] == [file.path.name]
        found.append((file.path.read_bytes(), file.media_type, file.transfer_syntax, file.location))
    assert found == [(b"one", PDF, "1.2", None), (b"two", PDF, "1.2", None)]
    assert list((tmp_path / "new").iterdir()) == []


def test_a_file_that_was_given_a_name_stays(client: Any, service: Recorder, tmp_path: Path) -> None:
    service.replies = [Reply(200, {"Content-Type": PDF, "Content-Location": "x"}, VALUE)]
    for file in client.iter_bulkdata_files("bulkdata/x", folder=tmp_path, media_types=[PDF]):
        assert file.location == "x"
        file.path.rename(tmp_path / "kept.pdf")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("kept.pdf", VALUE)]
    assert service.last.headers["accept"].startswith(f'multipart/related; type="{PDF}"')


@pytest.mark.parametrize("given", [(0, 9), (5, 5), (150,), (3, 3_000_000), (2_000_000, 2_500_000), (10, 10**9)])
@pytest.mark.parametrize("cuts", [True, False], ids=["the service cuts", "it sends everything"])
def test_a_range_is_what_was_asked_for(
    client: Any, service: Recorder, tmp_path: Path, given: tuple[int, ...], cuts: bool
) -> None:
    wanted = VALUE[given[0] : given[1] + 1 if len(given) > 1 else None]
    service.replies = [Reply(206 if cuts else 200, {"Content-Type": PDF}, wanted if cuts else VALUE)]
    [found] = [file.path.read_bytes() for file in client.iter_bulkdata_files("x", folder=tmp_path, byte_range=given)]
    assert found == wanted


def test_what_breaks_off_leaves_nothing(client: Any, service: Recorder, tmp_path: Path) -> None:
    body = recorder.multipart([b"one"], PDF).body
    assert isinstance(body, bytes)
    service.replies = [Reply(200, {"Content-Type": "multipart/related; boundary=b"}, body[:-10])]
    with pytest.raises(BadResponse):
        list(client.iter_bulkdata_files("x", folder=tmp_path))
    assert list(tmp_path.iterdir()) == []
