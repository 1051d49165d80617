"""The backup of the page about operation, taken while a service runs, and a service on what it restores."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from filmroom import Client, tokens
from filmroom.audit import verify
from filmroom.cli import launch
from filmroom.client.exceptions import Unauthorized
from filmroom.settings import FILE_OF_TOKENS
from tests import data
from tests.service import wait_until

PAGE = Path(__file__).parents[1] / "docs/how-to/operate.md"
needed = pytest.mark.skipif(not (shutil.which("sqlite3") and shutil.which("rsync")), reason="needs sqlite3 and rsync")


@needed
def test_the_backup_of_the_page_can_be_restored(tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    script = _script(tmp_path / "service/data", backup, tmp_path)
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


@needed
def test_a_service_restored_from_the_backup_of_the_page_asks_for_tokens_and_has_its_trail(tmp_path: Path) -> None:
    backup, service = tmp_path / "backup", tmp_path / "service/data"
    service.mkdir(parents=True)
    _, token = tokens.create(service / FILE_OF_TOKENS, "me", ["admin"], [], None)
    with launch.service(tmp_path / "service") as url, Client(f"{url}/dicomweb", token=token) as client:
        client.store_instances([data.dataset()])
        wait_until(lambda: verify.check(service / "audit", service / "audit-key").lines > 1)  # it follows the answer
        subprocess.run(["/bin/sh", "-c", _script(service, backup, tmp_path)], check=True)
    shutil.copytree(backup, tmp_path / "other/data")
    trail = verify.check(tmp_path / "other/data/audit", tmp_path / "other/data/audit-key")
    assert trail.broken is None
    assert trail.lines > 1
    with launch.service(tmp_path / "other") as url:
        with Client(f"{url}/dicomweb") as nobody, pytest.raises(Unauthorized):
            nobody.search_for_studies()
        with Client(f"{url}/dicomweb", token=token) as client:
            assert len(client.search_for_studies()) == 1


def _script(service: Path, backup: Path, folder: Path) -> str:
    """The script of the page, with these folders for those that it names."""
    script: str
    [script] = [block for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL) if "VACUUM" in block]
    settings = folder / "filmroom.toml"
    settings.touch()
    for there, here in (("/var/lib/filmroom", service), ("/backup/filmroom", backup), ("/etc/filmroom.toml", settings)):
        script = script.replace(there, str(here))
    return script
