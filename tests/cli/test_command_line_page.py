"""The examples of the page about the command line that search and retrieve: a real service, and what it prints."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest

from filmroom import Client
from filmroom.cli import launch
from tests import data
from tests.cli.program import Program

PAGE = Path(__file__).parents[2] / "docs/how-to/command-line.md"
SECTIONS = ("Search", "Retrieve", "Images for people")


def _examples() -> list[tuple[str, str]]:
    """Each command of these sections, with what it prints."""
    sections = re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    blocks = [
        block
        for title, text in sections
        if title in SECTIONS
        for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    ]
    return [
        (command, said)
        for block in blocks
        for command, said in re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", block, re.MULTILINE)
    ]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of this module alone, for the UIDs of the page are those of other tests too."""
    made = [
        data.image(frames, StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.4", SOPInstanceUID=f"1.2.3.4.{number}")
        for number, frames in ((1, 9), (2, 1))
    ]
    document = data.dataset(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1",
        StudyInstanceUID="1.2.7",
        SeriesInstanceUID="1.2.7.4",
        SOPInstanceUID="1.2.7.4.1",
        MIMETypeOfEncapsulatedDocument="application/pdf",
        EncapsulatedDocument=b"%PDF-1.4 " + b"." * 200 + b"\n",
    )
    with launch.service(tmp_path_factory.mktemp("service")) as url, Client(f"{url}/dicomweb") as client:
        client.store_instances([data.file(one) for one in (*made, document)])
        yield client.base_url


@pytest.mark.parametrize(("command", "said"), _examples())
def test_an_example_prints_what_the_page_says(
    run: Program, url: str, monkeypatch: pytest.MonkeyPatch, command: str, said: str
) -> None:
    monkeypatch.setenv("FILMROOM_URL", url)
    program, *arguments = shlex.split(command)
    ran = run(*arguments)
    assert (program, ran.code, ran.out + ran.err) == ("filmroom", 0, said)
    assert arguments[0] == "search" or all(Path(line).is_file() for line in ran.out.splitlines())


def test_numpy_reads_frames_as_the_page_says(run: Program, url: str) -> None:
    [code] = re.findall(r"```python\n(import numpy\n.*?)```", PAGE.read_text(), re.DOTALL)
    run("retrieve", "1.2.3", "1.2.3.4", "1.2.3.4.1", "--frames", "5", "--url", url)
    names: dict[str, Any] = {}
    exec(code, names)
    pixels = numpy.frombuffer(data.image(9).PixelData, "<u2").reshape(9, 8, 8)
    assert names["pixels"].tolist() == pixels[4].tolist()
