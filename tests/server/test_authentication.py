"""Who asks: by tokens of an identity provider, of the file of tokens, by share links; and what they see."""

import base64
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from filmroom import tokens
from filmroom.archive import Archive
from filmroom.protocol import dialects
from filmroom.server import identity, table
from filmroom.server.app import create
from filmroom.server.authentication import roles_of
from filmroom.server.methods import media_types
from filmroom.services import sharing
from filmroom.settings import Settings
from tests import data, identity_provider
from tests.audit import given
from tests.identity_provider import HERE, IdentityProvider
from tests.messages import DICOM, Sent, sent
from tests.server.test_admission import VALUES
from tests.service import DEADLINE, wait_until

STUDIES = "/dicomweb/studies"
NORTH = {"actions": "read delete", "studies": "InstitutionName=North"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    roles = {"north": NORTH, "tagged": {"actions": "read", "studies": "ProtocolName=x"}}
    return Settings(data=tmp_path / "data", codec_processes=1, tokens=tmp_path / "tokens.json", roles=roles)


def token(settings: Settings, *roles: str, partitions: tuple[str, ...] = (), lifetime: float | None = None) -> str:
    return tokens.create(settings.tokens_file, "somebody", roles, partitions, lifetime)[1]


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}", "Accept": "*/*"}


@pytest.fixture
def admin(settings: Settings) -> dict[str, str]:
    return bearer(token(settings, "admin"))


@pytest.fixture
def images(http: TestClient, admin: dict[str, str]) -> tuple[Sent, Sent]:
    """Of a hospital in the north, and of one in the south."""
    made = tuple(sent(data.image(InstitutionName=name, PatientID=name)) for name in ("North", "South"))
    for one in made:
        assert http.post(STUDIES, content=one.content, headers=DICOM | admin).status_code == 200
    return made[0], made[1]


# --- Tokens of the file


def test_who_gives_no_token_is_asked_for_one(http: TestClient) -> None:
    answer = http.get(STUDIES)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="filmroom"'
    assert answer.text == "Say who you are: send a token in the header Authorization."


@pytest.mark.parametrize("path", ["/", "/health/check", "/openapi.json"])
def test_what_tells_nothing_of_patients_is_for_everybody(http: TestClient, path: str) -> None:
    assert http.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/v2/studies", "/dicomweb/nothing", "/dicomweb", "/v3/studies", "/studies"])
def test_nobody_learns_which_paths_there_are(http: TestClient, path: str) -> None:
    assert http.get(path).status_code == 401


def test_a_token_is_good_at_once_and_no_more_soon_after_it_was_revoked(http: TestClient, settings: Settings) -> None:
    made, text = tokens.create(settings.tokens_file, "me", ["reader"], [], None)
    assert http.get(STUDIES, headers=bearer(text)).status_code == 200
    assert tokens.revoke(settings.tokens_file, made.id)
    wait_until(lambda: http.get(STUDIES, headers=bearer(text)).status_code == 401)
    assert http.get(STUDIES, headers=bearer(text)).text == "The token is not known, or was revoked."


def refusal(http: TestClient, headers: dict[str, str]) -> str:
    answer = http.get(STUDIES, headers=headers)
    assert answer.status_code == 401
    return answer.headers["www-authenticate"]


def test_why_a_token_is_refused_is_said(http: TestClient, settings: Settings) -> None:
    good = token(settings, "reader")
    said = refusal(http, bearer(token(settings, "reader", lifetime=-1)))
    assert said == (
        'Bearer realm="filmroom", error="invalid_token", error_description="The token has expired: ask for a new one."'
    )
    assert "not known, or was revoked" in refusal(http, bearer(good[:-1] + "!"))
    assert "none of those" in refusal(http, bearer("nonsense"))
    assert 'error="invalid_request"' in refusal(http, {"Authorization": "Basic bWU6c2VjcmV0"})
    assert 'error="invalid_request"' in refusal(http, {"Authorization": "Bearer "})


def test_the_scheme_may_be_written_in_any_case(http: TestClient, settings: Settings) -> None:
    assert http.get(STUDIES, headers={"Authorization": f"bearer {token(settings, 'reader')}"}).status_code == 200


def test_a_role_that_nobody_knows_allows_nothing(http: TestClient, settings: Settings) -> None:
    answer = http.get(STUDIES, headers=bearer(token(settings, "unheard")))
    assert answer.status_code == 403
    assert answer.text == "somebody has the roles unheard; that does not allow 'read' here."
    assert http.get("/v2/studies", headers=bearer(token(settings, "unheard"))).text == "Authorization failed."


def lines(http: TestClient, folder: Path) -> list[dict[str, Any]]:
    """What the audit trail says until now."""
    http.app_state["archive"].audit.settled({"time": 0.0, "action": "mark"}).result(30)
    return [line for line in given.lines(folder) if line["action"] != "mark"]


def test_of_two_with_one_name_the_audit_trail_says_which(http: TestClient, settings: Settings) -> None:
    made = [tokens.create(settings.tokens_file, "CT", ["reader"], [], None) for _ in range(2)]
    for _, text in made:
        http.get(STUDIES, headers=bearer(text))
    said = [(line["who"], line["who_id"]) for line in lines(http, settings.data)]
    assert said == [("CT", f"token:{one.id}") for one, _ in made]


def test_what_is_counted_is_for_who_may_see_it(http: TestClient, settings: Settings) -> None:
    assert http.get("/metrics").status_code == 401
    assert http.get("/metrics", headers=bearer(token(settings, "writer"))).status_code == 403
    of_one = bearer(token(settings, "monitor", partitions=("north",)))
    assert http.get("/metrics", headers=of_one).status_code == 403
    assert http.get("/metrics", headers=bearer(token(settings, "monitor"))).status_code == 200


# --- Tokens of an identity provider


@pytest.fixture(scope="module")
def issuing() -> Iterator[IdentityProvider]:
    with identity_provider.running() as provider:
        yield provider


def trusting(tmp_path: Path, issuing: IdentityProvider, **more: object) -> TestClient:
    made = {"data": tmp_path / "data", "codec_processes": 1, "issuer": issuing.issuer, "audience": HERE} | more
    return TestClient(create(Settings(**made)), raise_server_exceptions=False, base_url="http://127.0.0.1:8080")  # type: ignore[arg-type]


@pytest.mark.parametrize("claim", ["roles", "realm_access.roles"])
def test_the_roles_of_a_claim_count(tmp_path: Path, issuing: IdentityProvider, claim: str) -> None:
    with trusting(tmp_path, issuing, roles_claim=claim) as http:
        reader, writer, stranger = (bearer(issuing.token(roles)) for roles in ("reader", "writer", "stranger"))
        for _ in range(2):  # the second time from memory
            assert http.get(STUDIES, headers=reader).status_code == 200
        assert http.post(STUDIES, content=data.file(), headers=DICOM | reader).status_code == 403
        assert http.post(STUDIES, content=data.file(), headers=DICOM | writer).status_code == 200
        assert http.get(STUDIES, headers=stranger).status_code == 403


def test_the_subject_says_who_it_is_whatever_the_name(tmp_path: Path, issuing: IdentityProvider) -> None:
    with trusting(tmp_path, issuing, name_claim="roles") as http:
        http.get(STUDIES, headers=bearer(issuing.token("reader")))
        [line] = lines(http, tmp_path / "data")
    assert (line["who"], line["who_id"]) == ("['reader']", f"{issuing.issuer} reader")


def test_who_has_no_role_may_be_given_one(tmp_path: Path, issuing: IdentityProvider) -> None:
    with trusting(tmp_path, issuing, default_role="reader") as http:
        assert http.get(STUDIES, headers=bearer(issuing.token("stranger"))).status_code == 200


def test_the_provider_is_named_as_the_azure_service_does(tmp_path: Path, issuing: IdentityProvider) -> None:
    with trusting(tmp_path, issuing) as http:
        answer = http.get("/v2/studies")
        elsewhere = http.get("/v2/studies", headers=bearer(issuing.token(audience="https://other.example")))
    challenge = f'Bearer authorization_uri="{issuing.issuer}", resource_id="{HERE}", realm="filmroom"'
    assert answer.headers["www-authenticate"] == challenge
    assert elsewhere.headers["www-authenticate"] == (
        f'{challenge}, error="invalid_token", error_description='
        f"\"The token is for another service: its claim 'aud' must be {HERE}.\""
    )


@pytest.mark.parametrize(
    ("claim", "value", "roles"),
    [
        ("roles", ["reader", "DICOM Data Reader", 7], ["reader", "DICOM Data Reader"]),
        ("roles", "DICOM Data Reader", ["DICOM Data Reader"]),
        ("department", "PACS admin office", ["PACS admin office"]),
        ("scope", "openid reader", ["openid", "reader"]),
        ("token.scp", "openid reader", ["openid", "reader"]),
        ("roles", None, []),
        ("roles", {"reader": True}, []),
    ],
)
def test_a_text_is_one_role_but_for_scopes(claim: str, value: object, roles: list[str]) -> None:
    outer, _, inner = claim.partition(".")
    assert roles_of({outer: {inner: value} if inner else value}, claim) == roles


@contextmanager
def silent() -> Iterator[tuple[IdentityProvider, socket.socket]]:
    """An identity provider that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield IdentityProvider(f"http://127.0.0.1:{listening.getsockname()[1]}"), listening


def test_a_provider_that_does_not_answer_holds_up_no_share_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do tokens whose keys are made up, be they as many as there are threads."""
    for name in ("PATIENCE", "WAITED"):
        monkeypatch.setattr(identity, name, DEADLINE)
    settings = Settings(data=tmp_path / "data", codec_processes=1)
    made = sent()
    with TestClient(create(settings), base_url="http://localhost") as http:
        http.post(STUDIES, content=made.content, headers=DICOM)
    with closing(Archive.open(settings)) as archive:
        link = "/shared/" + sharing.create(archive, made.dataset.StudyInstanceUID, 60)[1]
    invented = [f'{{"alg": "RS256", "kid": "{number}"}}' for number in range(4)]
    with (
        silent() as (issuing, listening),
        trusting(tmp_path, issuing, threads=2) as http,
        ThreadPoolExecutor(len(invented)) as senders,
    ):
        made_up = [f"{base64.urlsafe_b64encode(head.encode()).decode().rstrip('=')}.e30.AAAA" for head in invented]
        asking = [senders.submit(http.get, STUDIES, headers=bearer(one)) for one in made_up]
        connection, _ = listening.accept()  # the provider is asked
        assert len(http.get(f"{link}/dicomweb/studies").json()) == 1
        assert not any(one.done() for one in asking)
        connection.close()
        assert {one.result().status_code for one in asking} == {503}


# --- What is seen


def paths(one: Sent) -> Iterator[tuple[str, str, str]]:
    """Every method of every resource at or below a Study, with what it answers with."""
    values = VALUES | dict(zip(("study", "series", "instance"), one.instance.split("/")[2::2], strict=True))
    for dialect in dialects.ALL:
        for method in table.methods(dialect, partitions=False):
            if "{study}" in method.path and method.verb in {"GET", "DELETE"}:
                path = method.path
                for name, value in values.items():
                    path = path.replace(f"{{{name}}}", value)
                yield method.verb, dialect.root + path, ", ".join(media_types(method, dialect)[:1]) or "*/*"
    study, series, instance = values["study"], values["series"], values["instance"]
    yield "GET", f"/dicomweb/wado?requestType=WADO&studyUID={study}&seriesUID={series}&objectUID={instance}", "*/*"


def test_what_a_role_does_not_show_is_not_there(
    http: TestClient, settings: Settings, images: tuple[Sent, Sent], admin: dict[str, str]
) -> None:
    of_north = bearer(token(settings, "north"))
    _, south = images
    for verb, path, accept in paths(south):
        answer = http.request(verb, path, headers=of_north | {"Accept": accept})
        known = answer.status_code == 404 or answer.text in {"", "[]"}  # a search below a Study finds nothing
        assert known, (verb, path, answer.status_code, answer.text)
    assert len(http.get(STUDIES, headers=admin).json()) == 2


def test_what_a_role_shows_is_there(http: TestClient, settings: Settings, images: tuple[Sent, Sent]) -> None:
    of_north = bearer(token(settings, "north"))
    north, _ = images
    [found] = http.get(STUDIES, headers=of_north).json()
    assert found["0020000D"]["Value"] == [north.dataset.StudyInstanceUID]
    for level in ("studies", "series", "instances", "patients"):
        assert len(http.get(f"/dicomweb/{level}", headers=of_north).json()) == 1
    for path in (north.study, north.instance, f"{north.study}/metadata", f"{north.instance}/rendered"):
        assert http.get(f"/dicomweb{path}", headers=of_north).status_code == 200
    assert http.delete(f"/dicomweb{north.study}", headers=of_north).status_code == 204


def test_matching_keys_can_not_be_used_to_see_more(
    http: TestClient, settings: Settings, images: tuple[Sent, Sent]
) -> None:
    of_north = bearer(token(settings, "north"))
    for query in ("PatientID=South", "includefield=all&PatientID=South", "count=true&PatientID=South"):
        for level in ("studies", "series", "instances"):
            answer = http.get(f"/dicomweb/{level}?{query}", headers=of_north)
            assert answer.json() == []
            assert answer.headers.get("x-total-count", "0") == "0"


def test_a_search_of_a_role_that_cannot_be_heeded_shows_nothing(http: TestClient, settings: Settings) -> None:
    answer = http.get(STUDIES, headers=bearer(token(settings, "tagged")))
    assert answer.status_code == 503
    assert answer.text.startswith("The settings of the roles tagged need to be corrected.")
    assert "ProtocolName was ignored" in answer.text


# --- Share links


@pytest.fixture
def shared(images: tuple[Sent, Sent], settings: Settings) -> str:
    """The path of a link to the Study in the north."""
    with closing(Archive.open(settings)) as archive:
        return "/shared/" + sharing.create(archive, images[0].dataset.StudyInstanceUID, 60)[1]


def test_a_link_opens_one_study(http: TestClient, images: tuple[Sent, Sent], shared: str) -> None:
    north, south = images
    assert len(http.get(f"{shared}/dicomweb/studies").json()) == 1
    assert http.get(f"{shared}/dicomweb{north.instance}").status_code == 200
    assert http.get(f"{shared}/dicomweb{south.instance}").status_code == 404
    assert http.get(f"{shared}/v2{north.study}/metadata", headers={"Accept": "*/*"}).status_code == 200
    assert http.get(f"/dicomweb{north.instance}").status_code == 401


def test_all_urls_of_a_shared_study_are_below_the_link(
    http: TestClient, images: tuple[Sent, Sent], shared: str
) -> None:
    root = f"http://127.0.0.1:8080{shared}/dicomweb"
    [found] = http.get(f"{shared}/dicomweb/studies").json()
    assert found["00081190"]["Value"] == [f"{root}{images[0].study}"]
    [metadata] = http.get(f"{shared}/dicomweb{images[0].instance}/metadata").json()
    assert metadata["7FE00010"]["BulkDataURI"].startswith(f"{root}{images[0].instance}/")


def test_which_link_it_was_is_in_the_audit_trail(http: TestClient, settings: Settings, shared: str) -> None:
    http.get(f"{shared}/dicomweb/studies")
    link = shared.removeprefix("/shared/").partition(".")[0]
    last = lines(http, settings.data)[-1]
    assert (last["who"], last["who_id"]) == (f"share link {link}", f"link:{link}")


def test_a_link_changes_nothing(http: TestClient, images: tuple[Sent, Sent], shared: str) -> None:
    assert http.get(f"{shared}/v2/studies").headers["Cache-Control"] == "no-store"  # for there is no token to tell
    assert http.delete(f"{shared}/dicomweb{images[0].study}").status_code == 403
    assert http.post(f"{shared}/dicomweb/studies", content=data.file(), headers=DICOM).status_code == 403
    assert http.get(f"{shared}/dicomweb/changefeed").status_code == 403
    assert http.get(f"{shared}/dicomweb/operations").status_code == 403


def test_a_link_that_was_made_up_or_revoked_or_has_expired_opens_nothing(
    http: TestClient, images: tuple[Sent, Sent], settings: Settings, shared: str
) -> None:
    with closing(Archive.open(settings)) as archive:
        study = images[0].dataset.StudyInstanceUID
        _, expired = sharing.create(archive, study, -1)
        sharing.create(archive, study, 60)  # forgets what has expired
        _, late = sharing.create(archive, study, -1)
        sharing.revoke(archive, shared.removeprefix("/shared/").partition(".")[0])
    assert "expired" in http.get(f"/shared/{late}/dicomweb/studies").text
    for made in (shared, f"/shared/{expired}", f"{shared}x", "/shared/0123456789abcdef.x", "/shared/", "/shared/x.ÿ"):
        assert http.get(f"{made}/dicomweb/studies").status_code == 401


def test_links_are_good_where_nobody_has_to_say_who_they_are(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", codec_processes=1)
    app = create(settings)
    with TestClient(app, raise_server_exceptions=False, base_url="http://127.0.0.1:8080") as http:
        made = [sent(), sent()]
        for one in made:
            http.post(STUDIES, content=one.content, headers=DICOM)
        with closing(Archive.open(settings)) as archive:
            link = "/shared/" + sharing.create(archive, made[0].dataset.StudyInstanceUID, 60)[1]
        assert len(http.get(f"{link}/dicomweb/studies").json()) == 1
        assert len(http.get(STUDIES).json()) == 2
