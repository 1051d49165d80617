"""Settings: flags over environment over file over default, and each of them described."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from filmroom import settings as module
from filmroom.dicom.deidentification import Option
from filmroom.profiles import Profile
from filmroom.settings import SECRET, Settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and none of the user's variables."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"FILMROOM_{name.upper()}", raising=False)
    monkeypatch.delenv("FILMROOM_CONFIG", raising=False)


def test_defaults_work_on_a_laptop() -> None:
    settings = Settings()
    assert (settings.host, settings.port, settings.data) == ("127.0.0.1", 8080, Path("filmroom-data"))


def test_nothing_of_settings_hides_what_their_types_are_written_with() -> None:
    """From Python 3.14 on types are looked up when they are asked for, first among the names of the class (PEP 649)."""
    own = {name for name in vars(Settings) if not name.startswith("_")}
    assert not own & vars(module).keys()


def test_flags_win_over_environment_over_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("filmroom.toml").write_text("port = 1\nworkers = 2\nthreads = 3\n")
    monkeypatch.setenv("FILMROOM_PORT", "4")
    monkeypatch.setenv("FILMROOM_WORKERS", "5")
    settings = Settings(port=6)
    assert (settings.port, settings.workers, settings.threads) == (6, 5, 3)


def test_the_file_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('public_url = "https://pacs.example"\n')
    monkeypatch.setenv("FILMROOM_CONFIG", str(tmp_path / "other.toml"))
    assert Settings().public_url == "https://pacs.example"


def test_an_unknown_key_is_refused() -> None:
    Path("filmroom.toml").write_text("prot = 8080\n")
    with pytest.raises(ValidationError, match="prot"):
        Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "65536"),
        ("port", "http"),
        ("workers", "0"),
        ("threads", "0"),
        ("part_limit", "0"),
        ("log_format", "xml"),
    ],
)
def test_bad_values_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"FILMROOM_{name.upper()}", value)
    with pytest.raises(ValidationError, match=name):
        Settings()


def test_they_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().__setattr__("port", 1)


def test_a_worker_process_learns_them_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(
        data=Path("somewhere").absolute(), threads=7, public_url="https://pacs.example", codec_timeout=1.5
    )
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


def test_a_worker_process_reads_no_file_and_may_be_in_another_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in Settings(data=Path("~here")).environment().items():
        monkeypatch.setenv(name, value)
    Path("filmroom.toml").write_text('public_url = "https://pacs.example"')
    assert (Settings().data, Settings().public_url) == (tmp_path / "~here", None)


@pytest.mark.parametrize("how", ["flag", "variable", "file"])
def test_the_home_folder_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    if how == "file":
        Path("filmroom.toml").write_text('data = "~/images"')
    elif how == "variable":
        monkeypatch.setenv("FILMROOM_DATA", "~/images")
    given = {"data": "~/images"} if how == "flag" else {}
    assert Settings.model_validate(given).data == tmp_path / "home" / "images"


def test_what_is_not_set_is_not_in_the_environment() -> None:
    assert "FILMROOM_PUBLIC_URL" not in Settings().environment()


def test_a_password_in_the_url_of_the_index_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMROOM_INDEX", "postgresql://filmroom:secret@db.example/filmroom")
    settings = Settings()
    assert "secret" not in f"{settings!r} {settings}"
    assert settings.environment()["FILMROOM_INDEX"] == "postgresql://filmroom:secret@db.example/filmroom"


@pytest.mark.parametrize(
    "url", ["postgresql://u:p[secret]x@h/db", "postgresql://u:secret\u2100@h/db", "http://u:secret@h"]
)
def test_what_is_wrong_with_the_url_of_the_index_is_said_without_its_password(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(index=SecretStr(url))
    [wrong] = refused.value.errors()
    assert wrong["msg"].endswith("it must be a URL such as postgresql://filmroom@db.example/images")


def test_every_secret_is_said_to_be_one() -> None:
    holding = re.compile("Secret|Profile|Webhook")
    found = {name for name, field in Settings.model_fields.items() if holding.search(str(field.annotation))}
    assert found == SECRET


@pytest.mark.parametrize("name", ["tokens", "audit_key", "audit_syslog_ca", "audit_syslog_cert", "tls_key"])
def test_a_file_is_asked_for_as_a_file(name: str) -> None:
    with pytest.raises(ValidationError, match="it must name a file"):
        Settings.model_validate({name: " "})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_what_is_this_machine_needs_no_tls(host: str) -> None:
    place = f"[{host}]" if ":" in host else host
    assert Settings(issuer=f"http://{place}:8080", audience=("us",)).issuer
    assert Settings(audit_syslog=f"udp://{place}:514").audit_syslog
    hook = {"url": f"http://{place}:1/x", "secret": "whsec_" + "QUJD" * 8}
    assert Settings.model_validate({"webhooks": {"ris": hook}}).webhooks


@pytest.mark.parametrize("host", ["192.0.2.1", "127.0.0.1.example", "localhost.example", "2130706433"])
def test_what_is_another_machine_needs_tls(host: str) -> None:
    hook = {"url": f"http://{host}/x", "secret": "whsec_" + "QUJD" * 8}
    for given in ({"issuer": f"http://{host}"}, {"audit_syslog": f"udp://{host}"}, {"webhooks": {"ris": hook}}):
        with pytest.raises(ValidationError):
            Settings.model_validate(given)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_is_described_in_a_sentence(name: str) -> None:
    description = Settings.model_fields[name].description or ""
    assert description.endswith((".", "/"))


@pytest.mark.parametrize("url", ["file:///srv/blobs", "s3://images", "az://images/site", "gs://images/a/b"])
def test_blobs_lie_in_a_folder_or_a_bucket(url: str) -> None:
    assert Settings(blobs=url).blobs == url


@pytest.mark.parametrize(
    "url", ["/srv/blobs", "file://srv/blobs", "s3://", "https://x/y", "s3://KEY:SECRET@b", "s3://b?x=1"]
)
def test_other_places_of_blobs_are_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="s3://bucket/prefix"):
        Settings(blobs=url)


def test_options_of_places_are_tables_by_url_and_go_to_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("filmroom.toml").write_text(
        "[places_options.'s3://a']\nallow_http = true\nsecret_access_key = 'KEY'\n[places_options.'gs://b']\n"
    )
    settings = Settings()
    assert "KEY" not in repr(settings)
    monkeypatch.setenv("FILMROOM_PLACES_OPTIONS", settings.environment()["FILMROOM_PLACES_OPTIONS"])
    Path("filmroom.toml").unlink()
    found = {
        url: {name: value.get_secret_value() for name, value in options.items()}
        for url, options in Settings().places_options.items()
    }
    assert found == {"s3://a": {"allow_http": "true", "secret_access_key": "KEY"}, "gs://b": {}}


def test_options_of_a_bucket_are_a_table_and_go_to_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("filmroom.toml").write_text("[blobs_options]\nregion = 'eu'\nallow_http = true\nsecret_access_key = 'KEY'\n")
    settings = Settings()
    assert "KEY" not in repr(settings)
    monkeypatch.setenv("FILMROOM_BLOBS_OPTIONS", settings.environment()["FILMROOM_BLOBS_OPTIONS"])
    Path("filmroom.toml").unlink()
    found = {name: value.get_secret_value() for name, value in Settings().blobs_options.items()}
    assert found == {"region": "eu", "allow_http": "true", "secret_access_key": "KEY"}


def test_a_worker_process_learns_of_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    one = {"url": "https://ris.example", "secret": "whsec_" + "QUJD" * 8}
    settings = Settings(
        data=Path("somewhere").absolute(),
        webhooks={
            "ris": one,
            "two": one | {"events": ["deleted"], "partitions": ["a", "b"], "batch": 9, "timeout": 1.5},
        },
    )
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


def test_profiles_of_deidentification_are_tables_by_name_and_go_to_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("filmroom.toml").write_text(
        "[deidentification.a]\noptions = ['retain-uids', 'retain-full-dates']\nkey = 'of sixteen chars'\n"
        "[deidentification.b]\noptions = 'retain-uids'\n[deidentification.basic]\n"
    )
    settings = Settings()
    assert "sixteen" not in repr(settings)
    monkeypatch.setenv("FILMROOM_DEIDENTIFICATION", settings.environment()["FILMROOM_DEIDENTIFICATION"])
    Path("filmroom.toml").unlink()
    assert Settings().deidentification == settings.deidentification
    assert settings.deidentification["a"].options == ("retain-uids", "retain-full-dates")
    assert settings.deidentification["b"] == Profile(options=("retain-uids",))


def test_options_of_deidentification_are_those_that_there_are() -> None:
    for options in ({*Option} - {Option.FULL_DATES}, {Option.FULL_DATES}):
        assert {*Profile.model_validate({"options": [*options]}).options} == options


@pytest.mark.parametrize(
    ("name", "table", "said"),
    [
        ("a", {"options": ["clean-descriptors"]}, "retain-uids"),
        ("a", {"options": "retain-full-dates retain-modified-dates"}, "choose one of the two"),
        ("a", {"key": "too short"}, "at least 16 characters"),
        ("a", {"keys": ""}, "nothing else"),
        ("", {}, "the name of a profile"),
        ("a b", {}, "the name of a profile"),
        ("basic", {"options": "retain-uids"}, "has no options"),
    ],
)
def test_bad_profiles_of_deidentification_are_refused(name: str, table: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate({"deidentification": {name: table}})


def test_roles_that_are_there_by_themselves_can_be_left_out() -> None:
    own = Settings(built_in_roles=False, roles={"pacs-admin": {"actions": "*"}})
    assert list(own.grants) == ["pacs-admin"]
    with pytest.raises(ValidationError, match="no role reader"):
        Settings(built_in_roles=False, default_role="reader")
