"""Which place a URL names, and which lie in those that are allowed."""

from pathlib import Path

import pytest

from filmroom.errors import BadRequest, Unavailable
from filmroom.places import open_place, permit

ACCOUNT = "https://acct.blob.core.windows.net"


def options(url: str, *known: str) -> str:
    """Which of the known options a place gets: they tell by the region."""
    place = open_place(url, {one: {"region": one} for one in known})
    return str(place._store.config.get("region"))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("url", "known", "used"),
    [
        ("s3://b/x/y", ["s3://b", "s3://b/x", "s3://b/x/y/z", "s3://other"], "s3://b/x"),
        ("s3://b/xy", ["s3://b", "s3://b/x"], "s3://b"),
        ("s3://b", ["s3://b/x", "s3://b/"], "s3://b/"),
    ],
)
def test_the_options_are_those_of_the_nearest_place(url: str, known: list[str], used: str) -> None:
    assert options(url, *known) == used


@pytest.mark.parametrize(
    ("url", "container", "account", "endpoint"),
    [
        (f"{ACCOUNT}/c", "c", "acct", ACCOUNT),
        (f"{ACCOUNT}:443/c/d/", "c", "acct", ACCOUNT),
        ("http://127.0.0.1:10000/dev/c", "c", "dev", "http://127.0.0.1:10000/dev"),
        ("http://azurite:10000/dev/c", "c", "dev", "http://azurite:10000/dev"),
        ("http://[::1]:10000/dev/c", "c", "dev", "http://[::1]:10000/dev"),
    ],
)
def test_containers_of_azure(url: str, container: str, account: str, endpoint: str) -> None:
    place = open_place(url, given={"account_key": "c2VjcmV0"})
    found = place._store.config  # type: ignore[attr-defined]
    assert (found["container_name"], found["account_name"], found["endpoint"]) == (container, account, endpoint)


def test_credentials_of_a_request_are_the_only_ones() -> None:
    known = {ACCOUNT: {"client_id": "ours", "client_secret": "ours", "tenant_id": "t", "connect_timeout": "1s"}}
    found = open_place(f"{ACCOUNT}/c", known, {"account_key": "c2VjcmV0"})._store.config  # type: ignore[attr-defined]
    assert not {"client_id", "client_secret"} & found.keys()


@pytest.mark.parametrize(
    "url",
    [
        "/srv",
        "file://host/srv",
        "file:srv",
        "file:///srv?x=1",
        "file:///a%00b",
        "s3://",
        "s3://user:word@bucket",
        "s3://bucket/a/../b",
        "s3://bucket/a%2F..%2Fb",
        "s3://bucket/a//b",
        "https://user@host/c",
        f"{ACCOUNT}/",
        f"{ACCOUNT}/c?sig=x",
        "http://127.0.0.1/account",
        "https://[/c",
        "ftp://host/a",
        "",
    ],
)
def test_what_is_no_place(url: str) -> None:
    with pytest.raises(BadRequest, match="URL"):
        open_place(url)


def test_an_option_that_is_not_known_is_not_repeated() -> None:
    with pytest.raises(Unavailable, match="places_options") as raised:
        open_place("s3://bucket", {"s3://bucket": {"password": "secret"}})
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("s3://bucket/a/b", "s3://bucket/a"),
        ("s3://bucket/a", "s3://bucket/a/"),
        ("s3://bucket", "s3://bucket"),
        (f"{ACCOUNT}/c", ACCOUNT),
        ("https://ACCT.blob.core.windows.net:443/c/d", f"{ACCOUNT}/c"),
        ("file:///srv/x", "file:///"),
    ],
)
def test_what_lies_in_an_allowed_place_is_allowed(url: str, allowed: str) -> None:
    permit(url, ["gs://other", allowed], "export_to")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("s3://bucket", "s3://bucket/a"),
        ("s3://bucket/ab", "s3://bucket/a"),
        ("s3://bucket-2/a", "s3://bucket"),
        ("gs://bucket/a", "s3://bucket"),
        ("http://acct.blob.core.windows.net/c", ACCOUNT),
        (f"{ACCOUNT}:8443/c", ACCOUNT),
        ("https://acct.blob.core.windows.net.evil.example/c", ACCOUNT),
        ("az://c", f"{ACCOUNT}/c"),
        ("http://169.254.169.254/latest/meta-data", ACCOUNT),
    ],
)
def test_all_else_is_not(url: str, allowed: str) -> None:
    with pytest.raises(BadRequest, match="export_to"):
        permit(url, [allowed], "export_to")


def test_a_folder_is_where_its_links_lead(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    permit((tmp_path / "in" / "link").as_uri(), [(tmp_path / "out").as_uri()], "export_to")
    with pytest.raises(BadRequest):
        permit((tmp_path / "in" / "link").as_uri(), [(tmp_path / "in").as_uri()], "export_to")
