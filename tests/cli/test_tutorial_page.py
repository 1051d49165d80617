"""docs/tutorial.md: every block of it runs, in order, against a real service."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from filmroom.cli import launch

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
ADDRESS = "http://127.0.0.1:8080"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VARIABLE = re.compile(r"^[A-Z]+=.*\n", re.MULTILINE)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl")
def test_every_block_of_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    names: dict[str, Any] = {}
    variables = "set -euo pipefail\n"
    with launch.service(tmp_path / "service") as url:
        monkeypatch.setenv("FILMROOM_URL", f"{url}/dicomweb")
        for language, block in BLOCK.findall(PAGE.read_text().replace(ADDRESS, url)):
            if language == "python":
                exec(block, names)
                continue
            ran = subprocess.run(["bash", "-c", variables + block], capture_output=True, text=True)
            assert ran.returncode == 0, block + ran.stderr
            variables += "".join(VARIABLE.findall(block))
        names["client"].close()
