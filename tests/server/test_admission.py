"""Every method of every resource, with every role: allowed is what the row of the table says, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from filmroom import tokens
from filmroom.access import Action, Reach
from filmroom.protocol import dialects
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind
from filmroom.server import table
from filmroom.server.app import create
from filmroom.server.methods import Method
from filmroom.settings import Settings

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


@dataclass(frozen=True, slots=True)
class Given:
    """A service in this process, with a token for each role."""

    http: TestClient
    tokens: dict[str, str]
    partitions: bool

    def status(self, dialect: Dialect, method: Method, role: str | None) -> int:
        path = method.path
        for name, value in VALUES.items():
            path = path.replace(f"{{{name}}}", value)
        headers = {} if role is None else {"authorization": f"Bearer {self.tokens[role]}"}
        verb = "HEAD" if method.kind is Kind.EVENTS else method.verb  # the answer to GET has no end
        return self.http.request(verb, dialect.root + path, headers=headers).status_code


@pytest.fixture(scope="module", params=[False, True], ids=["whole", "in partitions"])
def given(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Given]:
    folder: Path = tmp_path_factory.mktemp("admission")
    file = folder / "tokens.json"
    settings = Settings(data=folder / "data", codec_processes=1, tokens=file, roles=ROLES, partitions=request.param)
    made = {role: tokens.create(file, role, [role], [], None)[1] for role in ROLES}
    app = create(settings)
    with TestClient(app, raise_server_exceptions=False, base_url="http://127.0.0.1:8080") as client:
        yield Given(client, made, request.param)


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
