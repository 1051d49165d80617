"""Settings of a command: what is wrong is said in plain words, with where it came from."""

import os
from pathlib import Path

import pytest

from filmroom.cli.configuration import BadSettings, read


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and none of the user's variables."""
    monkeypatch.chdir(tmp_path)
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("FILMROOM_")}
    monkeypatch.setattr(os, "environ", theirs)


def _refused(**flags: object) -> str:
    with pytest.raises(BadSettings) as refusal:
        read(flags, None)
    return str(refusal.value)


def test_what_was_not_given_is_no_flag() -> None:
    assert read({"port": None, "threads": 3}, None).threads == 3


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("port", 70000, "The flag --port is 70000: it must be at most 65535."),
        ("data", "", "The flag --data is '': it must name a folder."),
        ("host", "", "The flag --host is '': it must not be empty."),
        ("data", "~nobody-at-all/x", "The flag --data is '~nobody-at-all/x': there is no home folder of that user"),
        ("sweep_delay", float("inf"), "The flag --delay is inf: it must be a number that is finite."),
        ("codec_timeout", 0.0, "The flag --codec-timeout is 0.0: it must be more than 0.0."),
        ("log_format", "xml", "The flag --log-format is 'xml': it must be 'auto', 'pretty' or 'json'."),
    ],
)
def test_a_bad_flag_is_named_with_its_value(name: str, value: object, sentence: str) -> None:
    assert sentence in _refused(**{name: value})


@pytest.mark.parametrize(
    "value", ["nonsense", "/dicom", "ftp://x", "https://", "http://[x", "http://x/?a=b", "http://x#y"]
)
def test_a_public_url_must_be_one(value: str) -> None:
    assert _refused(public_url=value).startswith(f"The flag --public-url is {value!r}: ")


@pytest.mark.parametrize("value", ["mysql://a:secret@b/c", "postgresql://a:secret@b", "secret", "postgresql://[secret"])
def test_what_is_wrong_with_a_secret_is_said_without_it(value: str) -> None:
    assert _refused(index=value).startswith("The flag --index is not valid: ")
    os.environ["FILMROOM_INDEX"] = value
    assert _refused().startswith("The variable FILMROOM_INDEX is not valid: ")
    assert "secret" not in _refused()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("blobs", "s3://key:secret@bucket"),
        ("blobs", "az://container?sig=secret"),
        ("blobs", "s3://a:secret\u2100@bucket"),
        ("export_to", "secret"),
        ("import_from", "s3://[secret"),
    ],
)
def test_nor_is_one_shown_that_stands_in_a_url(name: str, value: str) -> None:
    os.environ[f"FILMROOM_{name.upper()}"] = value
    assert _refused().startswith(f"The variable FILMROOM_{name.upper()} is not valid: it must be ")
    assert "secret" not in _refused()


@pytest.mark.parametrize("name", ["blobs_options", "places_options", "roles", "deidentification", "webhooks"])
def test_a_table_in_a_variable_that_is_no_json_is_not_shown(name: str) -> None:
    os.environ[f"FILMROOM_{name.upper()}"] = '{"secret_access_key": "secret"'
    assert "FILMROOM_DEIDENTIFICATION and FILMROOM_WEBHOOKS must hold JSON" in _refused()
    assert 'secret"' not in _refused()


def test_a_bad_variable_is_named() -> None:
    os.environ["FILMROOM_WORKERS"] = "many"
    assert _refused() == "The variable FILMROOM_WORKERS is 'many': it must be a whole number."


def test_a_flag_stands_in_front_of_a_variable() -> None:
    os.environ["FILMROOM_WORKERS"] = "many"
    assert _refused(workers=0) == "The flag --workers is 0: it must be at least 1."


def test_an_empty_variable_counts_as_not_set() -> None:
    os.environ |= dict.fromkeys(("FILMROOM_DATA", "FILMROOM_PORT", "FILMROOM_PUBLIC_URL", "FILMROOM_CONFIG"), "")
    assert (read({}, None).data, read({}, None).port) == (Path("filmroom-data"), 8080)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("prot = 1", "There is no setting 'prot'; do you mean 'port'? It stands in filmroom.toml."),
        ("elephant = 1", "There is no setting 'elephant'. It stands in filmroom.toml."),
        ("port = 'x'", "'port' in filmroom.toml is 'x': it must be a whole number."),
        ("port = [1]", "'port' in filmroom.toml is [1]: it must be a whole number."),
        ("host = 1", "'host' in filmroom.toml is 1: it must be text, in quotes."),
        ("data = 1", "'data' in filmroom.toml is 1: it must be a path, in quotes."),
        ('data = "a\\u0000b"', "it must name a folder."),
        ("port = ", "The settings file filmroom.toml is not TOML: "),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_its_name(line: str, sentence: str) -> None:
    Path("filmroom.toml").write_text(line)
    assert sentence in _refused()


def test_all_that_is_wrong_is_said_at_once() -> None:
    Path("filmroom.toml").write_text("prot = 1")
    assert len(_refused(port=-1).splitlines()) == 2


def test_the_flag_names_the_file_in_place_of_the_variable() -> None:
    os.environ["FILMROOM_CONFIG"] = "nothing.toml"
    Path("other.toml").write_text("port = 1")
    assert read({}, Path("other.toml")).port == 1


def test_a_file_that_is_named_must_be_there() -> None:
    os.environ["FILMROOM_CONFIG"] = "nothing.toml"
    assert _refused() == "There is no settings file at nothing.toml, which --config or FILMROOM_CONFIG names."


def test_no_file_is_the_null_device() -> None:
    Path("filmroom.toml").write_text("port = 1")
    assert read({}, Path(os.devnull)).port == 8080


def test_a_file_that_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("filmroom.toml").touch()
    monkeypatch.setattr(Path, "open", _not_allowed)
    assert _refused() == "The settings file filmroom.toml can't be read: Permission denied."


def _not_allowed(*_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_an_unknown_variable_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    os.environ |= {"FILMROOM_PROT": "1", "FILMROOM_ELEPHANT": "1", "FILMROOM_URL": "x", "FILMROOM_TOKEN": "x"}
    read({}, None)
    assert capsys.readouterr().err.splitlines() == [
        "filmroom: the variable FILMROOM_ELEPHANT is not known and does nothing.",
        "filmroom: the variable FILMROOM_PROT is not known and does nothing; do you mean FILMROOM_PORT?",
    ]


SECRET = "whsec_" + "c2VjcmV0" * 5


@pytest.mark.parametrize(
    ("webhook", "sentence"),
    [
        (
            'url = "http://ris.example/secret"',
            "at webhooks.ris.url, is not valid: it must be a URL such as https://ris",
        ),
        ('url = "http://localhost.example/"', "at webhooks.ris.url, is not valid: it must be a URL"),
        ('url = "http://10.0.0.1/"', "at webhooks.ris.url, is not valid: it must be a URL"),
        (
            'url = "https://ris.example/[secret"\nsecret = "x"',
            "at webhooks.ris.secret, is not valid: it must be whsec_",
        ),
        ('secret = "whsec_secret"', "at webhooks.ris.secret, is not valid: it must be whsec_ and 24 to 64 bytes"),
        ('secret = ""', "at webhooks.ris.secret, is not valid: it must be whsec_"),
        ('events = "stored"', "at webhooks.ris.events.0, is not valid: it must be 'created', 'updated' or 'deleted'"),
        ("events = []", "at webhooks.ris.events, is not valid: it must not be empty"),
        ("batch = 0", "at webhooks.ris.batch, is not valid: it must be at least 1"),
        ("timeout = 3600", "at webhooks.ris.timeout, is not valid: it must be at most 60.0"),
        ("tries = 3", "at webhooks.ris.tries, is not valid: there is no such key"),
        ("", "at webhooks.ris.url, is not valid: it must be there"),
    ],
)
def test_what_is_wrong_with_a_webhook_is_said_without_what_it_holds(webhook: str, sentence: str) -> None:
    Path("filmroom.toml").write_text(f"[webhooks.ris]\n{webhook}\n")
    said = _refused()
    assert sentence in said
    assert said.count("at webhooks.ris.events") <= 1
    assert "secret" not in said.replace("webhooks secret", "").replace("ris.secret", "")


@pytest.mark.parametrize(
    "url", ["https://ris.example/e?key=1", "http://localhost:1/", "http://127.1.2.3", "http://[::1]/"]
)
def test_a_webhook_has_tls_unless_it_is_on_this_machine(url: str) -> None:
    Path("filmroom.toml").write_text(
        f'[webhooks.ris]\nurl = "{url}"\nsecret = "{SECRET} {SECRET}"\nevents = "created"\n'
    )
    found = read({}, None)
    assert found.webhooks["ris"].events == ("created",)
    assert url not in repr(found)
    assert "whsec" not in repr(found)


def test_a_webhook_has_a_name_of_letters() -> None:
    Path("filmroom.toml").write_text('[webhooks."a b"]\n')
    assert "webhooks.a b" in _refused()
