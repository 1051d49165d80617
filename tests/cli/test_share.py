"""`filmroom share`."""

from pathlib import Path

import pytest

from filmroom.archive import Archive
from filmroom.settings import Settings
from tests.audit import given
from tests.cli.program import Program


@pytest.fixture
def here(run: Program, tmp_path: Path) -> tuple[str, str]:
    """Where a Study lies, stored by an import on the machine."""
    data, images = tmp_path / "data", tmp_path / "images"
    Archive.open(Settings(data=data)).close()
    assert run("samples", images).code == 0
    assert run("import", images, "--data", data).code == 0
    return "--data", str(data)


PATIENT, DEFAULT = "ID1", "Microsoft.Default"
STUDY = "1.2.826.0.1.3680043.8.498.13230779778012324449356534479549187420"


def test_a_link_is_made_listed_and_revoked_and_that_is_written_down(run: Program, here: tuple[str, str]) -> None:
    made = run("share", "create", STUDY, "--for", "7d", *here)
    assert made.code == 0
    assert made.out.startswith("http://127.0.0.1:8080/shared/")
    assert made.out.endswith("/dicomweb\n")
    id_ = made.out.removeprefix("http://127.0.0.1:8080/shared/").partition(".")[0]
    assert made.err.startswith(f"Link {id_}, until 20")
    assert run("share", "list", *here).out.startswith(f"{id_}  {STUDY}  Microsoft.Default  until 20")
    assert run("share", "revoke", id_, *here).code == 0
    assert run("share", "list", *here).out == ""
    assert run("share", "revoke", id_, *here).code == 1
    found = [line for line in given.lines(Path(here[1])) if "share" in line["action"]]
    assert [(line["action"], line["link"]) for line in found] == [("share", id_), ("revoke-share", id_)]
    assert {(line["study"], line["patient"], line["partition"]) for line in found} == {(STUDY, PATIENT, DEFAULT)}


def test_it_has_the_name_by_which_others_reach_the_service(
    run: Program, here: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILMROOM_PUBLIC_URL", "https://images.example.org/archive/")
    assert run("share", "create", STUDY, *here).out.startswith("https://images.example.org/archive/shared/")


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"FILMROOM_TLS_CERTIFICATE": "certificate.pem"}, "https://127.0.0.1:8080/shared/"),
        ({"FILMROOM_HOST": "::", "FILMROOM_PORT": "81"}, "http://[::1]:81/shared/"),
        ({"FILMROOM_HOST": "0.0.0.0"}, "http://127.0.0.1:8080/shared/"),
    ],
)
def test_a_link_leads_to_where_the_service_listens(
    run: Program, here: tuple[str, str], monkeypatch: pytest.MonkeyPatch, given: dict[str, str], url: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert run("share", "create", STUDY, *here).out.startswith(url)


def test_what_is_not_stored_can_not_be_shared(run: Program, here: tuple[str, str]) -> None:
    for arguments in (("1.2",), (STUDY, "--partition", "other")):
        ran = run("share", "create", *arguments, *here)
        assert (ran.code, ran.out) == (1, "")
        assert "There is no Study" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create",), "name the study to share"),
        (("revoke",), "name the link to revoke"),
        (("list", STUDY), "`list` takes none"),
        (("list", "--for", "7d"), "only `create` takes it"),
        (("revoke", "8c61f3a20b77d9e4", "--deidentified", "basic"), "only `create` takes it"),
        (("list", "--partition", "north"), "only `create` takes it"),
        (("create", "nonsense"), "is not a UID"),
    ],
)
def test_what_is_wrong_is_told(run: Program, here: tuple[str, str], arguments: tuple[str, ...], said: str) -> None:
    ran = run("share", *arguments, *here)
    assert ran.code == 2
    assert said in " ".join(ran.err.replace("│", " ").split())


def test_a_study_can_be_shared_de_identified(run: Program, here: tuple[str, str]) -> None:
    made = run("share", "create", STUDY, "--deidentified", "basic", *here)
    assert made.code == 0
    assert "De-identified by the profile basic; there the study is 2.25." in made.err
    assert run("share", "list", *here).out.endswith("  de-identified: basic\n")
    refused = run("share", "create", STUDY, "--deidentified", "strict", *here)
    assert (refused.code, "no profile of de-identification 'strict'" in refused.err) == (3, True)
