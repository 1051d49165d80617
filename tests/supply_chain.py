"""What Filmroom is made of: the locked dependencies, what is known to be wrong with them, and a bill of materials.

`scripts/audit` and `scripts/sbom` call this; `requirements.lock` is written by `scripts/lock`.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
PATIENCE = 300.0  # seconds
_LOCKED = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Audited:
    """What is known of the locked versions. `unknown` are those of which nobody could be asked."""

    vulnerable: dict[str, list[str]]
    unknown: dict[str, str]
    asked: int


def locked(text: str) -> dict[str, str]:
    """Names and versions that a lock or a file of constraints holds."""
    return {_canonical(found["name"]): found["version"] for found in _LOCKED.finditer(text)}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def audit(lock: Path = LOCK) -> Audited:
    """Ask for the known vulnerabilities. Without a network nothing is known of anything."""
    command = ["-m", "pip_audit", "--requirement", str(lock), "--disable-pip", "--require-hashes", "--format", "json"]
    quiet = ["--progress-spinner", "off", "--timeout", "10"]
    try:
        ran = subprocess.run([sys.executable, *command, *quiet], capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return Audited({}, dict.fromkeys(locked(lock.read_text()), "no answer came in time"), 0)
    try:
        found = json.loads(ran.stdout)["dependencies"]
    except ValueError:  # it can't reach the service that knows
        reason = (ran.stderr.strip().splitlines() or ["no reason"])[-1]
        return Audited({}, dict.fromkeys(locked(lock.read_text()), reason), 0)
    unknown = {one["name"]: one["skip_reason"] for one in found if "skip_reason" in one}
    vulnerable = {one["name"]: [vuln["id"] for vuln in one["vulns"]] for one in found if one.get("vulns")}
    return Audited(vulnerable, unknown, len(found) - len(unknown))


def sbom(to: Path, lock: Path = LOCK) -> None:
    """Write the bill of materials: CycloneDX 1.6 in JSON, the same each time for the same lock."""
    options = ["--of", "JSON", "--sv", "1.6", "--output-reproducible", "--pyproject", str(ROOT / "pyproject.toml")]
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", str(lock), *options, "-o", str(to)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)


def main(arguments: list[str]) -> int:
    """`audit`, or `sbom FILE`."""
    if arguments[:1] == ["sbom"] and len(arguments) == 2:
        sbom(Path(arguments[1]))
        return 0
    if arguments != ["audit"]:
        sys.stderr.write("usage: scripts/audit, or scripts/sbom FILE\n")
        return 2
    found = audit()
    for name, ids in found.vulnerable.items():
        sys.stdout.write(f"{name}: {', '.join(ids)}\n")
    for reason in sorted(set(found.unknown.values()))[:3]:
        sys.stdout.write(f"not known of {len(found.unknown)} packages: {reason}\n")
    sys.stdout.write(f"{found.asked} packages asked for, {len(found.vulnerable)} with known vulnerabilities.\n")
    return 1 if found.vulnerable else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
