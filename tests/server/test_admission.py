"""Every method of every resource, with every role and by share links, of an archive that holds something: allowed is
what the row of the table says, and nothing else is seen."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from filmroom import tokens
from filmroom.access import DEFAULT_PARTITION_NAME, Action, Reach
from filmroom.archive import Archive
from filmroom.dicom.resources import DEFAULT_PARTITION, Resource
from filmroom.index import instances
from filmroom.protocol import dialects
from filmroom.protocol.dialects import DICOMWEB, Dialect
from filmroom.protocol.negotiation import Kind
from filmroom.server import table
from filmroom.server.app import create
from filmroom.server.methods import Method
from filmroom.services import partitions, sharing
from filmroom.services.examination import part
from filmroom.services.store import store
from filmroom.settings import Settings
from tests import data

VALUES = {
    "study": "1.2",
    "series": "1.2.1",
    "instance": "1.2.1.1",
    "frames": "1",
    "path:path": "7FE00010",
    "partition": "north",
    "operation": "0" * 32,
    "tag": "00101010",
}
ROLES = {str(action): {"actions": [str(action)]} for action in Action} | {
    "of some studies": {"actions": "read delete export", "studies": "InstitutionName=North"},
    "de-identified": {"actions": "read export", "deidentified": "basic"},
    "of a partition": {"actions": "*", "partitions": ["north"]},
    "of another partition": {"actions": "*", "partitions": ["south"]},
}

LIMITED = {Reach.VIEW, Reach.NOTHING, Reach.OWN}  # of whoever does not see a partition whole


TOGETHER = [
    ("read", "delete"),
    ("write", "of some studies"),
    ("of some studies", "de-identified"),
    ("of a partition", "of another partition"),
    ("of another partition", "metrics"),
]
SECRET = "SECRET"


@dataclass(frozen=True, slots=True)
class Given:
    """A service in this process, with a token for each role and for some together, and a share link to each Study."""

    http: TestClient
    archive: Archive
    tokens: dict[str, str]
    links: dict[str, str]
    partitions: bool

    def answer(self, dialect: Dialect, method: Method, role: str | None) -> httpx2.Response:
        path = method.path
        for name, value in VALUES.items():
            path = path.replace(f"{{{name}}}", value)
        headers = {} if role not in self.tokens else {"authorization": f"Bearer {self.tokens[role]}"}
        before = f"/shared/{self.links[role]}" if role in self.links else ""
        verb = "HEAD" if method.kind is Kind.EVENTS else method.verb  # the answer to GET has no end
        return self.http.request(verb, before + dialect.root + path, headers=headers)

    def status(self, dialect: Dialect, method: Method, role: str | None) -> int:
        return self.answer(dialect, method, role).status_code

    def allowed(self, dialect: Dialect, method: Method, role: str) -> bool:
        return self.status(dialect, method, role) not in {401, 403}

    @property
    def partition(self) -> str:
        """The name of the one that all lies in."""
        return "north" if self.partitions else DEFAULT_PARTITION_NAME

    def fill(self) -> Resource:
        """Have both Studies be there, that of `VALUES`, whole of secrets, and another; gives the first."""
        key = partitions.find(self.archive, self.partition) if self.partitions else DEFAULT_PARTITION
        assert key is not None
        secrets = dict.fromkeys(("PatientName", "PatientID", "StudyDescription"), SECRET)
        for study, attributes in (
            ("1.2", {"InstitutionName": "South"} | secrets),
            ("1.3", {"InstitutionName": "North"}),
        ):
            made = data.image()
            uids = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1", "SOPInstanceUID": f"{study}.1.1"}
            for keyword, value in (uids | attributes).items():
                setattr(made, keyword, value)
            store(self.archive, DICOMWEB, Resource(partition=key), [part(data.file(made))], replace=True)
        return Resource("1.2", "1.2.1", "1.2.1.1", key)


@pytest.fixture(scope="module", params=[False, True], ids=["whole", "in partitions"])
def given(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Given]:
    folder: Path = tmp_path_factory.mktemp("admission")
    file = folder / "tokens.json"
    settings = Settings(data=folder / "data", codec_processes=1, tokens=file, roles=ROLES, partitions=request.param)
    people = {role: [role] for role in ROLES} | {" and ".join(both): [*both] for both in TOGETHER}
    made = {who: tokens.create(file, who, named, [], None)[1] for who, named in people.items()}
    app = create(settings)
    with TestClient(app, raise_server_exceptions=False, base_url="http://127.0.0.1:8080") as client:
        archive, links = Archive.open(settings), dict[str, str]()
        filled = Given(client, archive, made, links, request.param)
        if request.param:
            partitions.make(archive, "north")
        filled.fill()
        for name, study, profile in LINKS:
            links[name] = sharing.create(archive, study, 3600, filled.partition, profile)[1]
        yield filled
        archive.close()


LINKS = [
    ("link", "1.2", ""),
    ("link to another study", "1.3", ""),
    ("link, de-identified", "1.2", "basic"),
]


def rows(given: Given) -> Iterator[tuple[Dialect, Method]]:
    for dialect in dialects.ALL:
        for method in table.methods(dialect, partitions=given.partitions):
            yield dialect, method


def test_nobody_gets_anything_without_a_token(given: Given) -> None:
    assert {given.status(dialect, method, None) for dialect, method in rows(given)} == {401}


@pytest.mark.parametrize("action", Action)
def test_a_role_allows_its_action_and_no_other(given: Given, action: Action) -> None:
    for dialect, method in rows(given):
        allowed = given.status(dialect, method, action) not in {401, 403}
        assert allowed == (method.action is action), (dialect.root, method)


def test_who_sees_some_studies_does_nothing_that_needs_all(given: Given) -> None:
    for dialect, method in rows(given):
        wanted = method.action in {Action.READ, Action.DELETE, Action.EXPORT} and method.reach in LIMITED
        allowed = given.status(dialect, method, "of some studies") not in {401, 403}
        assert allowed == wanted, (dialect.root, method)


def test_who_sees_what_is_de_identified_reads_and_exports(given: Given) -> None:
    for dialect, method in rows(given):
        wanted = method.action in {Action.READ, Action.EXPORT} and method.reach in LIMITED
        allowed = given.status(dialect, method, "de-identified") not in {401, 403}
        assert allowed == wanted or method.path.endswith("/patients"), (dialect.root, method)


def test_a_role_is_for_its_partitions(given: Given) -> None:
    for dialect, method in rows(given):
        in_it = method.shared or table.PARTITION in method.path
        statuses = [given.status(dialect, method, role) for role in ("of a partition", "of another partition")]
        allowed = [status not in {401, 403} for status in statuses]
        assert allowed == [in_it and method.reach is not Reach.SERVICE, method.shared and allowed[0]], (dialect, method)


@pytest.mark.parametrize("link", [name for name, *_ in LINKS])
def test_a_share_link_reads_in_its_partition_and_does_nothing_else(given: Given, link: str) -> None:
    given.fill()
    for dialect, method in rows(given):
        wanted = method.action is Action.READ and method.reach in LIMITED
        allowed = given.allowed(dialect, method, link)
        assert allowed == wanted or method.path.endswith("/patients"), (dialect.root, method)


@pytest.mark.parametrize("both", TOGETHER, ids=" and ".join)
def test_roles_together_allow_what_one_of_them_does(given: Given, both: tuple[str, str]) -> None:
    for dialect, method in rows(given):
        one, other = (given.allowed(dialect, method, role) for role in both)
        assert given.allowed(dialect, method, " and ".join(both)) == (one or other), (dialect.root, method)


BLIND = ["of some studies", "of another partition", "de-identified", "link to another study", "link, de-identified"]


@pytest.mark.parametrize("role", [*BLIND, "of some studies and de-identified"])
def test_who_does_not_see_a_study_gets_nothing_of_it_and_does_nothing_to_it(given: Given, role: str) -> None:
    there = given.fill()
    for dialect, method in rows(given):
        answer = given.answer(dialect, method, role)
        assert SECRET not in answer.text, (dialect.root, method)
        of_it = "{study}" in method.path or method.kind is Kind.URI
        empty = method.kind is Kind.SEARCH and answer.content in {b"", b"[]"}
        assert answer.status_code >= 400 or empty or not of_it, (dialect.root, method)
    with given.archive.index.read() as tx:
        assert len(instances.fetch(tx, there)) == 1


@pytest.mark.parametrize("role", ["read", "link"])
def test_who_sees_the_study_gets_it(given: Given, role: str) -> None:
    """Else the test before would be content with a service that answers nobody."""
    given.fill()
    told = {
        method.path.removeprefix(table.PARTITION)
        for dialect, method in rows(given)
        if SECRET in given.answer(dialect, method, role).text
    }
    assert {"/studies", "/series", "/patients", "/studies/{study}", "/studies/{study}/metadata"} <= told


def test_metrics_are_for_who_may_see_those_of_all_partitions(given: Given) -> None:
    statuses = {
        who: given.http.get("/metrics", headers={"authorization": f"Bearer {token}"}).status_code
        for who, token in given.tokens.items()
    }
    assert {who for who, status in statuses.items() if status == 200} == {"metrics", "of another partition and metrics"}
    assert {status for status in statuses.values() if status != 200} == {403}
    assert given.http.get("/metrics").status_code == 401
    assert {given.http.get(f"/shared/{token}/metrics").status_code for token in given.links.values()} == {404}
