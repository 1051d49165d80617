"""The locked dependencies are those that are tested, have hashes, no known vulnerability, and a bill of materials."""

import json
import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import supply_chain
from tests.supply_chain import LOCK, ROOT

LOCKED = supply_chain.locked(LOCK.read_text())


def test_the_lock_has_what_is_tested() -> None:
    constrained = supply_chain.locked((ROOT / "constraints.txt").read_text())
    differing = {name: version for name, version in LOCKED.items() if constrained.get(name, version) != version}
    assert differing == {}, "run scripts/lock"


def test_the_lock_has_all_that_the_program_needs_with_its_extras() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    assert {canonicalize_name(Requirement(one).name) for one in needed} <= LOCKED.keys()


def test_every_locked_file_has_a_hash() -> None:
    entries = re.split(r"^(?=[A-Za-z0-9])", LOCK.read_text(), flags=re.MULTILINE)
    without = [entry.splitlines()[0] for entry in entries if "==" in entry and "--hash=sha256:" not in entry]
    assert without == []


def test_no_locked_version_has_a_known_vulnerability() -> None:
    found = supply_chain.audit()
    if not found.asked:
        pytest.skip(f"nothing is known of the {len(found.unknown)} packages: {next(iter(found.unknown.values()))}")
    assert found.vulnerable == {}


def test_the_bill_of_materials_has_every_locked_dependency(tmp_path: Path) -> None:
    supply_chain.sbom(tmp_path / "sbom.json")
    bill = json.loads((tmp_path / "sbom.json").read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "filmroom")
    listed = {supply_chain.locked(f"{one['name']}=={one['version']}").popitem() for one in bill["components"]}
    assert listed == set(LOCKED.items())
    assert all(one["purl"].startswith("pkg:pypi/") for one in bill["components"])
    assert all("hashes" in reference for one in bill["components"] for reference in one["externalReferences"][:1])
