"""A newer Orthanc than the machine's: Debian's packages of another suite, unpacked into a folder and not installed.

    python -m bench.newer sid DIR
    ./scripts/bench --filmroom --orthanc --orthanc-newer DIR

apt finds and fetches them with folders of its own, from where the machine has its packages, and checks their
signatures; no script of a package runs. The program is started by the C library's loader from that folder, so that it
finds the libraries that it was built with, and as any other process sees the machine's files and names.
"""

import argparse
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from platform import freedesktop_os_release

from bench import commands
from bench.orthanc import Program

KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PACKAGES = ("orthanc", "orthanc-dicomweb")


def main() -> None:
    """Fetch and unpack."""
    parser = argparse.ArgumentParser("bench.newer", description="Unpack Debian's Orthanc of another suite.")
    parser.add_argument("suite", help="as trixie, testing, sid")
    parser.add_argument("folder", type=Path, help="where it is unpacked; it is made, and may be kept")
    given = parser.parse_args()
    unpack(given.suite, given.folder)
    print("\n".join(unpacked(given.folder).command))


def unpack(suite: str, folder: Path) -> None:
    """Fetch the packages with all that they need, and unpack them: all, or nothing is there."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        commands.refuse(f"{folder} is not empty; name another folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=folder.parent) as name:
        made = Path(name, "made")
        made.mkdir()
        try:
            for package in _fetched(suite, Path(name, "apt")):
                subprocess.run(["dpkg-deb", "-x", str(package), str(made)], check=True)
        except subprocess.CalledProcessError:
            raise SystemExit(
                f"Orthanc was not fetched; what apt says is above. Has Debian a suite {suite!r}?"
            ) from None
        made.rename(folder)  # in the place of an empty one, too (rename(2))


def unpacked(folder: Path) -> Program:
    """How the Orthanc of such a folder is started."""
    folder = folder.resolve()
    loader = next(folder.glob("usr/lib/*/ld-linux-*.so.*"), None)
    program, plugin = folder / "usr/sbin/Orthanc", folder / "usr/share/orthanc/plugins/libOrthancDicomWeb.so"
    if loader is None or not (program.exists() and plugin.exists()):
        commands.refuse(f"There is no Orthanc in {folder}: python -m bench.newer sid {folder}")
    libraries = [loader.parent, loader.parent / "systemd", folder / "usr/lib"]
    dictionaries = (str(folder / "usr/share/dcmtk" / name) for name in ("dicom.dic", "private.dic"))
    # DCMTK's dictionaries are looked for at the place where the package would be installed, unless it is told.
    environment = ["env", f"DCMDICTPATH={':'.join(dictionaries)}"]
    start = [str(loader), "--library-path", ":".join(map(str, libraries)), str(program)]
    return Program((*environment, *start), plugin)


def _fetched(suite: str, root: Path) -> Iterator[Path]:
    for name in ("etc/preferences.d", "state/lists/partial", "cache/archives/partial"):
        (root / name).mkdir(parents=True)
    (root / "state/status").touch()  # nothing is installed there, so all that they need is fetched
    (root / "etc/sources.list").write_text(f"deb [signed-by={KEYS}] {_mirror()} {suite} main\n")
    own = {
        "Etc": root / "etc",
        "State": root / "state",
        "State::status": root / "state/status",
        "Cache": root / "cache",
    }
    options = [f"-oDir::{name}={path}" for name, path in own.items()]
    apt = ["apt-get", "-q", *options, "-oAPT::Sandbox::User=", "-oAPT::Install-Recommends=false"]
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "install", "--yes", "--download-only", *PACKAGES], check=True)
    return (root / "cache/archives").glob("*.deb")


def _mirror() -> str:
    """Where this machine has Debian's packages from."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    release = freedesktop_os_release().get("VERSION_CODENAME", "")
    found = subprocess.run([*command, f"Release: {release}"], check=True, capture_output=True, text=True).stdout.split()
    if not found:
        raise SystemExit("apt knows no source of this machine's own release; its suite would be replaced.")
    return found[0]


if __name__ == "__main__":
    commands.run(main)
