"""The examples of the page about the client, run one after the other against a real service."""

import io
import re
from pathlib import Path

import pytest
from pydicom import dcmread

from filmroom.cli import launch
from tests import data

PAGE = Path(__file__).parents[2] / "docs/how-to/python-client.md"


def test_the_examples_do_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    dataset = dcmread(io.BytesIO(data.file(data.image())))
    Path("scans").mkdir()
    dataset.save_as("scans/one.dcm")
    names = {"dataset": dataset}
    with launch.service(tmp_path / "service") as url:
        for example in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
            exec(example.replace("http://127.0.0.1:8080", url), names)
    names["client"].close()
    said = capsys.readouterr().out
    assert said.startswith("1 stored, 0 failed\n")
    assert "404 The specified instance cannot be found. text/plain" in said
    assert (tmp_path / "images").is_dir()
