"""Diagnosis of set-ups that are really broken."""

import shutil
import sqlite3
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import imagecodecs
import pytest

from filmroom.archive import Archive
from filmroom.blobs import Memory
from filmroom.errors import Unavailable
from filmroom.index import soundness
from filmroom.server import sites
from filmroom.services.diagnosis import Finding, Level, findings, reach, software, storage
from tests.receiver import nobody
from tests.service import DEADLINE

WORST = [Level.OK, Level.WARNING, Level.PROBLEM]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is."""
    monkeypatch.setattr(reach, "EARLY", DEADLINE)
    monkeypatch.setattr(findings, "CLOCK_APART", DEADLINE)


def worst(findings: Iterator[Finding]) -> tuple[Level, str]:
    """The worst of some findings, with its words."""
    found = max(findings, key=lambda one: WORST.index(one.level))
    return found.level, f"{found.text}: {found.advice}"


def bad(findings: Iterator[Finding], level: Level = Level.PROBLEM) -> str:
    """What is said of something that is as bad as that."""
    found, words = worst(findings)
    assert found is level, words
    return words


# --- The index


@pytest.fixture
def url(archive: Archive, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/data/index.sqlite"


def test_an_index_that_is_well(url: str) -> None:
    assert worst(storage.database(url))[0] is Level.OK


def test_an_index_of_an_older_version(url: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "data/index.sqlite")) as index:
        index.execute("UPDATE alembic_version SET version_num = '0001'")
        index.commit()
    assert "schema 0001" in (words := bad(storage.database(url)))
    assert "filmroom migrate" in words


def test_an_index_of_a_newer_version(url: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "data/index.sqlite")) as index:
        index.execute("UPDATE alembic_version SET version_num = '9999'")
        index.commit()
    assert "newer version" in bad(storage.database(url))


def test_an_index_without_tables(tmp_path: Path) -> None:
    assert "no tables" in bad(storage.database(f"sqlite:///{tmp_path}/new.sqlite"), Level.WARNING)


def test_what_is_no_index(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").write_bytes(b"no database at all" * 100)
    assert "can't be used" in bad(storage.database(f"sqlite:///{tmp_path}/index.sqlite"))


def test_a_server_that_is_not_there_is_told_without_its_password() -> None:
    words = bad(storage.database("postgresql://filmroom:hush@127.0.0.1:1/images"))
    assert "no database server listens there" in words
    assert "hush" not in words


def test_a_database_that_may_lose_commits_and_whose_clock_is_off(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = soundness.Said("postgresql", "18", ["fsync = on"], -90.0)
    monkeypatch.setattr(soundness, "ask", lambda _: said)
    found = list(storage.database(url))
    assert [one.level for one in found] == [Level.OK, Level.PROBLEM, Level.WARNING]
    assert "90 seconds behind" in found[2].text


# --- Files, folders, disks


def test_files_that_are_well(archive: Archive) -> None:
    assert worst(storage.files(archive))[0] is Level.OK
    assert list(archive.blobs.list()) == []


@pytest.fixture
def broken(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], Archive]:
    """The archive, with a blob store of which something is broken."""

    def make(name: str, what: Any) -> Archive:
        blobs = Memory()
        monkeypatch.setattr(blobs, name, what)
        return Archive(**{one: getattr(archive, one) for one in Archive.__slots__} | {"blobs": blobs})

    return make


def refuse(*_: Any) -> None:
    raise Unavailable("The blob store can't be written: the disk is full.")


def test_files_that_cant_be_written(broken: Callable[[str, Any], Archive]) -> None:
    assert "the disk is full" in bad(storage.files(broken("put", refuse)))


def test_files_that_come_back_as_others(broken: Callable[[str, Any], Archive]) -> None:
    assert "other bytes" in bad(storage.files(broken("get", lambda _: b"other")))


def test_files_that_take_long(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "SLOW", -1.0)
    assert "seconds to write" in bad(storage.files(archive), Level.WARNING)


@pytest.mark.parametrize(
    ("mode", "level"),
    [(0o700, Level.OK), (0o750, Level.OK), (0o770, Level.WARNING), (0o755, Level.PROBLEM), (0o701, Level.PROBLEM)],
)
def test_the_rights_of_a_folder(tmp_path: Path, mode: int, level: Level) -> None:
    tmp_path.chmod(mode)
    assert worst(storage.folder(tmp_path))[0] is level
    tmp_path.chmod(0o700)


def test_the_folder_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    monkeypatch.setattr("os.access", lambda *_: False)
    levels = [one.level for one in storage.folder(tmp_path)]
    assert levels == [Level.PROBLEM, Level.WARNING]


@pytest.mark.parametrize(("free", "level"), [(1 << 29, Level.PROBLEM), (1 << 32, Level.WARNING), (1 << 40, Level.OK)])
def test_the_space_on_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: Level) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 41, 0, free))
    assert worst(storage.disk(tmp_path))[0] is level


def test_a_disk_without_room_for_more_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 41, 0, 1 << 40))
    monkeypatch.setattr("os.statvfs", lambda _: SimpleNamespace(f_files=100, f_favail=1))
    assert "inodes" in bad(storage.disk(tmp_path))


# --- The public URL


class _Front(BaseHTTPRequestHandler):
    """What answers there, as the test has it: a status and headers for each method."""

    answers: dict[str, tuple[int, dict[str, str], bytes]]

    def _answer(self) -> None:
        status, headers, body = self.answers[self.command]
        self.send_response_only(status)
        for name, value in (headers | {"content-length": str(len(body)), "connection": "close"}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_OPTIONS = _answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


GOOD: dict[str, tuple[int, dict[str, str], bytes]] = {
    "GET": (200, {}, b"Filmroom 1.0, a DICOMweb service."),
    "OPTIONS": (204, {}, b""),
    "POST": (400, {}, b""),
}


@contextmanager
def answering(**changed: tuple[int, dict[str, str], bytes]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Front", (_Front,), {"answers": GOOD | changed}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def asked(**changed: tuple[int, dict[str, str], bytes]) -> list[Finding]:
    with answering(**changed) as url:
        return list(reach.ask(url, "1.0", 1 << 32, None))


def test_a_public_url_that_is_well() -> None:
    assert {one.level for one in asked()} == {Level.OK}


@pytest.mark.parametrize(
    ("method", "answer", "level", "words"),
    [
        ("POST", (413, {}, b""), Level.PROBLEM, "client_max_body_size"),
        ("OPTIONS", (401, {}, b""), Level.WARNING, "without a password"),
        ("GET", (200, {}, b"<html>Welcome to nginx!"), Level.PROBLEM, "something else than Filmroom"),
        ("GET", (502, {}, b"Bad Gateway"), Level.PROBLEM, "(502)"),
        ("GET", (301, {"location": "https://x/"}, b""), Level.PROBLEM, "redirects (301)"),
        ("GET", (200, {}, b"Filmroom 0.9, a"), Level.WARNING, "another version"),
        ("GET", (200, {"date": "Mon, 05 Jan 2026 09:00:00 GMT"}, GOOD["GET"][2]), Level.WARNING, "NTP"),
    ],
)
def test_what_is_wrong_there(method: str, answer: tuple[int, dict[str, str], bytes], level: Level, words: str) -> None:
    assert words in bad(iter(asked(**{method: answer})), level)


def test_who_asks_for_tokens_and_allows_pages_is_well() -> None:
    found = asked(GET=(401, {}, b""), POST=(401, {}, b""), OPTIONS=(204, {"access-control-allow-origin": "*"}, b""))
    assert {one.level for one in found} == {Level.OK}
    assert "for *" in str(found)


def test_an_origin_that_may_read_must_be_told_so() -> None:
    with answering() as url:
        found = reach.ask(url, "1.0", 1, "https://viewer.example.org")
        assert "https://viewer.example.org, which cors_origins names" in bad(found)


VIEWER = "https://viewer.example.org"
ALLOWED = {
    "access-control-allow-origin": VIEWER,
    "access-control-allow-headers": "Authorization, Accept",
    "access-control-allow-methods": "GET, DELETE",
}
READ = (200, ALLOWED, GOOD["GET"][2])


def for_viewers(**changed: tuple[int, dict[str, str], bytes]) -> list[Finding]:
    with answering(**{"GET": READ, "OPTIONS": (204, ALLOWED, b"")} | changed) as url:
        return list(reach.ask(url, "1.0", 1, VIEWER))


def test_an_origin_that_may_read_is_well() -> None:
    assert {one.level for one in for_viewers()} == {Level.OK}


@pytest.mark.parametrize(
    ("method", "said", "words"),
    [
        ("OPTIONS", {"access-control-allow-origin": f"{VIEWER}, {VIEWER}"}, "several origins at once"),
        ("OPTIONS", {"access-control-allow-origin": "https://other.example"}, f"and not for {VIEWER}"),
        ("OPTIONS", {"access-control-allow-headers": "*"}, "header Authorization"),  # which `*` is not
        ("OPTIONS", {"access-control-allow-headers": "Accept"}, "header Authorization"),
        ("GET", {"access-control-allow-origin": f"{VIEWER}, *"}, "GET is answered for several origins"),
        ("GET", {"access-control-allow-origin": "https://other.example"}, "GET is answered for https://other"),
    ],
)
def test_what_a_browser_would_refuse_is_a_problem(method: str, said: dict[str, str], words: str) -> None:
    status, headers, body = {"GET": READ, "OPTIONS": (204, ALLOWED, b"")}[method]
    assert words in bad(iter(for_viewers(**{method: (status, headers | said, body)})))


def test_answers_that_only_preflights_speak_for_are_a_problem() -> None:
    assert "GET is answered without a word" in bad(iter(for_viewers(GET=GOOD["GET"])))


def test_a_preflight_must_succeed_and_allow_changes() -> None:
    assert "answered 500, which is no yes" in bad(iter(for_viewers(OPTIONS=(500, ALLOWED, b""))))
    methods = ALLOWED | {"access-control-allow-methods": "GET"}
    assert "DELETE" in bad(iter(for_viewers(OPTIONS=(204, methods, b""))), Level.WARNING)


def test_several_origins_are_refused_by_browsers_also_where_no_setting_names_one() -> None:
    several = (204, {"access-control-allow-origin": "https://a, https://b"}, b"")
    assert "several origins at once" in bad(iter(asked(OPTIONS=several)))


def test_a_name_that_the_proxy_changes_is_a_problem() -> None:
    refused: tuple[int, dict[str, str], bytes] = (403, {}, sites.UNKNOWN.encode())
    assert "proxy_set_header Host" in bad(iter(asked(GET=refused)))


@pytest.mark.parametrize(("said", "level"), [('error="invalid_token"', Level.OK), ("", Level.PROBLEM)])
def test_a_proxy_must_pass_tokens_on(said: str, level: Level) -> None:
    refused = (401, {"www-authenticate": f'Bearer realm="filmroom", {said}'}, b"")
    with answering(GET=refused, POST=refused) as url:
        assert worst(reach.ask(url, "1.0", 1, None, tokens=True))[0] is level


def test_a_proxy_that_waits_for_the_body_lets_it_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "EARLY", 0.05)
    waits = threading.Event()

    def wait(_: Any) -> None:
        waits.wait(10)

    monkeypatch.setattr(_Front, "do_POST", wait)
    assert asked()[-1].text == "a store of 4.0 GiB is let in"
    waits.set()


def test_nobody_answers_there() -> None:
    assert "can't be reached" in bad(reach.ask(nobody(), "1.0", 1, None))


# --- What is installed


def test_a_codec_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagecodecs, "HTJ2K", SimpleNamespace(available=False))
    assert "built without HTJ2K" in bad(software.codecs())


def test_what_is_installed_here_is_complete() -> None:
    assert worst(software.codecs())[0] is Level.OK


@pytest.mark.parametrize(("web_workers", "codec_processes", "level"), [(2, 2, Level.OK), (8, 2, Level.WARNING)])
def test_processes_for_a_machine(web_workers: int, codec_processes: int, level: Level) -> None:
    assert worst(software.cores(2, web_workers, codec_processes))[0] is level
