"""The backup of the page about operation, taken while a service runs, and a service on what it restores."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from filmroom import Client
from filmroom.cli import launch
from tests import data

PAGE = Path(__file__).parents[1] / "docs/how-to/operate.md"
needed = pytest.mark.skipif(not (shutil.which("sqlite3") and shutil.which("rsync")), reason="needs sqlite3 and rsync")


@needed
def test_the_backup_of_the_page_can_be_restored(tmp_path: Path) -> None:
    [script] = [block for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL) if "VACUUM" in block]
    backup = tmp_path / "backup"
    script = script.replace("/var/lib/filmroom", str(tmp_path / "service/data")).replace(
        "/backup/filmroom", str(backup)
    )
    first, second = data.dataset(), data.dataset()
    with launch.service(tmp_path / "service") as url, Client(f"{url}/dicomweb") as client:
        for made in (first, second):
            client.store_instances([made])
            subprocess.run(["/bin/sh", "-c", script], check=True)
    shutil.copytree(backup, tmp_path / "other/data")
    with launch.service(tmp_path / "other") as url, Client(f"{url}/dicomweb") as client:
        for made in (first, second):
            [found] = client.retrieve_study(made.StudyInstanceUID)
            assert found.SOPInstanceUID == made.SOPInstanceUID
