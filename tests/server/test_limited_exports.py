"""Exports by roles that show some Studies, or what is de-identified: what they show is copied, and nothing else."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import uid as sop_class
from pydicom.dataset import Dataset
from starlette.testclient import TestClient

from filmroom import tokens
from filmroom.archive import Archive
from filmroom.dicom.deidentification import Deidentification
from filmroom.server.app import create
from filmroom.services.deidentified import LEFT_OUT
from filmroom.services.delete import delete
from filmroom.services.operations import Worker
from filmroom.settings import Settings
from tests import data
from tests.audit import given as audit
from tests.services.test_delete import keep, targets

ROLES = {
    "of north": {"actions": "read export", "studies": "InstitutionName=North"},
    "blind": {"actions": "read export", "deidentified": "research"},
    "blind of north": {"actions": "read export", "deidentified": "research", "studies": "InstitutionName=North"},
    "other blind": {"actions": "export", "deidentified": "trial"},
    "kept": {"actions": "export", "deidentified": "kept"},
    "plain reader": {"actions": "read"},
    "reader of north": {"actions": "read", "studies": "InstitutionName=North"},
}
KEY = "of sixteen chars"
PROFILE = Deidentification.of([], KEY.encode())
PEOPLE = {
    **{role: [role] for role in ROLES},
    "colleague": ["of north"],
    "north and blind": ["of north", "blind"],
    "two profiles": ["blind", "other blind"],
    "blind, but reads all": ["blind", "plain reader"],
}


@dataclass(frozen=True, slots=True)
class Given:
    """A service, and who asks it; the operations worker runs in the test."""

    http: TestClient
    archive: Archive
    tokens: Mapping[str, str]
    place: Path

    def get(self, path: str, who: str) -> Any:
        return self.http.get(path, headers={"authorization": f"Bearer {self.tokens[who]}"})

    def ask(self, who: str, *values: str, root: str = "/dicomweb", **more: Any) -> Any:
        body = {"destination": {"type": "file", "settings": {"url": self.place.as_uri()}}} | more
        if values:
            body["source"] = {"type": "identifiers", "settings": {"values": values}}
        return self.http.post(f"{root}/export", json=body, headers={"authorization": f"Bearer {self.tokens[who]}"})

    def run(self) -> None:
        ran = Worker(self.archive, "worker").run_next()
        assert ran is not None
        assert ran.outcome == "succeeded"

    def exported(self, who: str, *values: str, **more: Any) -> set[str]:
        """The names of the files that an export copies: STUDY/SERIES/INSTANCE."""
        asked = self.ask(who, *values, **more)
        assert asked.status_code == 202, asked.text
        self.run()
        return self.copied(asked.json()["id"])

    def copied(self, started: str) -> set[str]:
        root = self.place / started / "results"
        return {str(path.relative_to(root).with_suffix("")) for path in root.rglob("*.dcm")}

    def errors(self) -> list[tuple[str, str]]:
        [log] = self.place.glob("*/errors.log")
        return [(one["identifier"], one["error"]) for one in map(json.loads, log.read_text().splitlines())]


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Given]:
    place, file = tmp_path / "place", tmp_path / "tokens.json"
    place.mkdir()
    profiles = {"research": {"key": KEY}, "trial": {}, "kept": {"options": "retain-uids"}}
    settings = Settings.model_validate(
        {"data": tmp_path / "data", "codec_processes": 1, "tokens": file, "roles": ROLES}
        | {"deidentification": profiles, "export_to": (place.as_uri(),)}
    )
    made = {who: tokens.create(file, who, named, [], None)[1] for who, named in PEOPLE.items()}
    made["namesake"] = tokens.create(file, "of north", ["of north"], [], None)[1]
    with TestClient(create(settings), raise_server_exceptions=False, base_url="http://127.0.0.1:8080") as http:
        archive = Archive.open(settings)
        yield Given(http, archive, made, place)
        archive.close()


def study(given: Given, hospital: str = "North", **attributes: Any) -> Dataset:
    made = data.dataset(InstitutionName=hospital, **{"PatientName": "SECRET^Jane", "PatientID": "SECRET"} | attributes)
    keep(given.archive, made)
    return made


def name(made: Dataset) -> str:
    return f"{made.StudyInstanceUID}/{made.SeriesInstanceUID}/{made.SOPInstanceUID}"


def pseudonym(made: Dataset) -> str:
    return "/".join(PROFILE.uid(uid) for uid in name(made).split("/"))


@pytest.mark.parametrize("root", ["/v1", "/v2", "/dicomweb"])
def test_of_everything_what_the_role_shows_is_copied(given: Given, root: str) -> None:
    shown, _ = study(given), study(given, "South")
    assert given.exported("of north", root=root) == {name(shown)}


def test_what_the_role_does_not_show_is_not_there_by_its_name_either(given: Given) -> None:
    shown, hidden, absent = study(given), study(given, "South"), data.uid()
    named = [hidden.StudyInstanceUID, name(hidden), absent, shown.StudyInstanceUID]
    assert given.exported("of north", *named) == {name(shown)}
    assert given.errors() == [
        (hidden.StudyInstanceUID, "The specified study cannot be found."),
        (name(hidden), "The specified instance cannot be found."),
        (absent, "The specified study cannot be found."),
    ]


def test_which_studies_they_are_is_decided_when_they_are_copied(given: Given) -> None:
    goes = study(given)
    started = given.ask("of north").json()["id"]
    comes = study(given)
    delete(given.archive, targets(goes)[0])
    keep(given.archive, data.dataset(InstitutionName="South", StudyInstanceUID=goes.StudyInstanceUID))
    given.run()
    assert given.copied(started) == {name(comes)}


def test_the_audit_says_whose_studies_were_asked_for_by_pseudonyms(given: Given) -> None:
    made, absent = study(given), data.uid()
    called = PROFILE.uid(made.StudyInstanceUID)
    given.ask("blind", called, absent)
    given.http.app_state["archive"].audit.settled({"time": 0.0, "action": "mark"}).result(30)
    found = audit.lines(given.archive.spool.parent)[0]
    assert (found["action"], found["studies"], found["patients"]) == ("export", [made.StudyInstanceUID], ["SECRET"])
    assert (found["deidentified"], found["pseudonyms"]) == ("research", sorted([called, absent]))


@pytest.mark.parametrize("more", [{}, {"deidentify": "research"}])
def test_it_is_de_identified_as_the_role_says(given: Given, more: dict[str, str]) -> None:
    first, second = study(given), study(given, "South")
    assert given.exported("blind", **more) == {pseudonym(first), pseudonym(second)}
    for path in given.place.rglob("*.dcm"):
        assert b"SECRET" not in path.read_bytes()
        assert pydicom.dcmread(path).PatientIdentityRemoved == "YES"


@pytest.mark.parametrize("root", ["/v2", "/dicomweb"])
def test_no_other_profile_than_that_of_the_role_can_be_asked_for(given: Given, root: str) -> None:
    study(given)
    refused = given.ask("blind", root=root, deidentify="kept")
    assert (refused.status_code, "leave 'deidentify' out, or say 'research'" in refused.text) == (403, True)
    assert Worker(given.archive, "worker").run_next() is None


def test_who_sees_some_studies_as_they_are_stored_may_have_them_de_identified(given: Given) -> None:
    shown, _ = study(given), study(given, "South")
    assert given.exported("of north", name(shown), deidentify="research") == {pseudonym(shown)}


def test_who_sees_pseudonyms_names_by_pseudonyms(given: Given) -> None:
    shown, hidden = study(given), study(given, "South")
    series = "/".join(pseudonym(shown).split("/")[:2])
    unknown = [shown.StudyInstanceUID, "2.25.1/2.25.2", name(shown)]
    assert given.exported("blind of north", *unknown, pseudonym(hidden), series) == {pseudonym(shown)}
    assert given.errors() == [
        *((one, f"The specified {kind} cannot be found.") for one, kind in zip(unknown, LEVELS, strict=True)),
        (pseudonym(hidden), "The specified instance cannot be found."),
    ]
    assert not any("SECRET" in path.read_text(errors="replace") for path in given.place.rglob("*") if path.is_file())


def test_a_guess_at_a_stored_uid_is_not_confirmed_by_what_fails_beside_it(given: Given) -> None:
    made = study(given, SOPClassUID=sop_class.EncapsulatedPDFStorage)
    assert given.exported("blind", name(made), pseudonym(made)) == set()
    assert given.errors() == [
        (name(made), "The specified instance cannot be found."),
        (pseudonym(made), LEFT_OUT),
    ]


LEVELS = ("study", "series", "instance")


def test_what_nothing_is_called_is_told_when_it_is_all_that_is_asked_for(given: Given) -> None:
    made = study(given)
    asked = given.ask("blind", made.StudyInstanceUID).json()
    given.run()
    told = given.get(asked["href"], "blind").json()
    assert (told["results"]["exported"], told["results"]["skipped"]) == (0, 1)
    assert given.errors() == [(made.StudyInstanceUID, "The specified study cannot be found.")]


def test_where_uids_are_kept_they_are_the_names(given: Given) -> None:
    made = study(given)
    assert given.exported("kept", made.StudyInstanceUID) == {name(made)}


def test_roles_together_export_what_they_show_together(given: Given) -> None:
    shown, hidden = study(given), study(given, "South")
    assert given.exported("north and blind") == {name(shown)}
    assert given.exported("blind, but reads all") == {pseudonym(shown), pseudonym(hidden)}
    assert given.ask("two profiles").status_code == 403


@pytest.mark.parametrize("role", ["plain reader", "reader of north"])
def test_who_may_only_read_exports_nothing(given: Given, role: str) -> None:
    assert given.ask(role).status_code == 403


def test_who_exports_some_studies_sees_that_operation_and_no_other(given: Given) -> None:
    study(given)
    asked = given.ask("of north").json()
    for root in ("/dicomweb", "/v1", "/v2"):
        path = f"{root}/operations/{asked['id']}"
        assert given.get(path, "of north").status_code == 202
        assert given.get(path, "plain reader").status_code == 202
        nobody = given.get(f"{root}/operations/{'0' * 32}", "colleague")
        for who in ("colleague", "namesake", "blind", "reader of north"):
            other = given.get(path, who)
            assert (other.status_code, other.content) == (404, nobody.content)
    assert "SECRET" not in given.get(asked["href"], "of north").text
    for path in ("/dicomweb/operations", f"/dicomweb/operations/{asked['id']}/errors"):
        assert given.get(path, "of north").status_code == 403
    given.run()
    assert given.get(asked["href"], "of north").json()["results"]["exported"] == 1
