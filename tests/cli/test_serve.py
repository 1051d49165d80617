"""`filmroom serve`: what it prints, how it ends, and what it refuses."""

import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from tests import data, service
from tests.cli.program import Program
from tests.messages import DICOM, Sent, sent, store
from tests.service import needs_proc, wait_until

ROOT = "/dicomweb"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the variables: the program passes its settings on in them."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


def stored(http: httpx2.Client, made: Sent) -> bool:
    answer = http.get(ROOT + made.instance, headers={"Accept": "application/dicom; transfer-syntax=*"})
    return answer.status_code == 200 and answer.content == made.content


# --- A real service


def test_it_says_where_it_listens_and_what_can_be_tried(tmp_path: Path) -> None:
    with service.running(tmp_path / "data") as running:
        assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+", running.url)
        wait_until(lambda: "Ctrl-C ends it." in running.logged())
        for shown in (f"{running.url}/dicomweb", f"{running.url}/v2", "curl", "samples", str(tmp_path / "data")):
            assert shown in running.logged()
        assert "no authentication" not in running.logged()
        assert httpx2.get(f"{running.url}/health/check", timeout=60).status_code == 200


def test_what_can_be_tried_names_a_partition_where_there_are_some_and_where_the_files_are(tmp_path: Path) -> None:
    blobs = (tmp_path / "files").as_uri()
    with service.running(tmp_path / "data", "--partitions", "--blobs", blobs) as running:
        wait_until(lambda: "Ctrl-C ends it." in running.logged())
        tried = re.findall(r"http://\S+/studies", running.logged())
        assert tried == [f"{running.url}/dicomweb/partitions/demo/studies"] * 2
        assert f" with its files in {blobs}\n" in running.logged()


def test_the_data_folder_is_shown_where_it_really_is(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    with service.running(tmp_path / "link" / "data") as running:
        wait_until(lambda: "Ctrl-C ends it." in running.logged())
        assert f"{(tmp_path / 'disk' / 'data').resolve()}\n" in running.logged()


def test_an_address_that_others_reach_is_warned_of(tmp_path: Path) -> None:
    with service.running(tmp_path / "data", "--host", "0.0.0.0", "--insecure") as running:
        wait_until(lambda: "There is no authentication" in running.logged())
        assert running.url.startswith("http://127.0.0.1:")
        assert "0.0.0.0" not in running.logged()
        assert "Other machines" in running.logged()


def test_tokens_that_go_unencrypted_over_a_network_are_warned_of(tmp_path: Path) -> None:
    with service.running(tmp_path / "data", "--host", "0.0.0.0", "--tokens", str(tmp_path / "t.json")) as running:
        wait_until(lambda: "Ctrl-C ends it." in running.logged())
        assert "It goes unencrypted over the network" in running.logged()
        tried = [line for line in running.logged().splitlines() if line.startswith("  curl ")]
        assert ['-H "Authorization: Bearer $FILMROOM_TOKEN" ' in line for line in tried] == [True, True]


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_an_ipv6_address_is_in_brackets(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET6) as tried:
        try:
            tried.bind(("::1", 0))
        except OSError:
            pytest.skip("there is no IPv6 loopback")
    with service.running(tmp_path / "data", "--host", "::1") as running:
        assert running.url.startswith("http://[::1]:")
        assert httpx2.get(f"{running.url}/health/check", timeout=60).status_code == 200


@needs_proc
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_all_its_processes(tmp_path: Path, workers: str, number: signal.Signals) -> None:
    with service.running(tmp_path / "data", "--workers", workers) as running:
        with httpx2.Client(base_url=running.url, timeout=60) as http:
            assert store(http, ROOT, sent().content).status_code == 200
        running.process.send_signal(number)
        assert running.process.wait(service.DEADLINE) == {signal.SIGTERM: 0, signal.SIGINT: 130}[number]
        wait_until(lambda: not running.processes())
        assert not running.mishaps()


@needs_proc
def test_what_its_workers_have_made_for_themselves_is_removed(tmp_path: Path) -> None:
    # In a folder of a short name: in one of a long name no socket can be bound.
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        with service.running(tmp_path / "data", "--workers", "2", given={"TMPDIR": folder}) as running:
            wait_until(lambda: len(running.accepting()) == 2)
            assert any(made.iterdir())
            running.process.terminate()
            assert running.process.wait(service.DEADLINE) == 0
            assert not any(made.iterdir())


@needs_proc
def test_ctrl_c_reaches_all_its_processes_and_is_no_mishap(tmp_path: Path) -> None:
    with service.running(tmp_path / "data", "--workers", "2") as running:
        wait_until(running.operations_worker)
        os.killpg(running.process.pid, signal.SIGINT)
        assert running.process.wait(service.DEADLINE) == 130
        wait_until(lambda: not running.processes())
        assert not running.mishaps()


def test_a_request_under_way_is_finished_when_it_is_told_to_end(tmp_path: Path) -> None:
    made = sent(data.image())
    lines = [f"POST {ROOT}/studies HTTP/1.1", "Host: localhost", "Content-Type: application/dicom"]
    head = "\r\n".join([*lines, f"Content-Length: {len(made.content)}", "", ""])
    with service.running(tmp_path / "data") as running:
        host, _, port = running.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head.encode() + made.content[:200])
            httpx2.get(f"{running.url}/health/check", timeout=60)  # a request later, the first is surely under way
            running.process.terminate()
            connection.sendall(made.content[200:])
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        running.process.wait(service.DEADLINE)
    with service.running(tmp_path / "data") as running, httpx2.Client(base_url=running.url, timeout=60) as http:
        assert stored(http, made)


def test_nobody_else_reads_what_is_stored_whatever_the_folder_allows(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    with service.running(tmp_path / "data") as running, httpx2.Client(base_url=running.url, timeout=60) as http:
        store(http, ROOT, sent(data.image()).content)
        made = [path for path in (tmp_path / "data").rglob("*") if path.stat().st_mode & 0o007]
        assert made == []
        assert any(path.is_file() for path in (tmp_path / "data" / "blobs").rglob("*"))


@needs_proc
def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    made = sent(data.image())
    with service.running(tmp_path / "data", "--workers", "2") as running:
        with httpx2.Client(base_url=running.url, timeout=60) as http:
            store(http, ROOT, made.content)
        wait_until(lambda: len(running.accepting()) == 2)
        first = running.accepting()
        os.kill(first[0], signal.SIGKILL)
        wait_until(lambda: len({*running.accepting()} - {first[0]}) == 2)
        wait_until(lambda: "worker ended" in running.logged())
        line = json.loads(next(line for line in running.logged().splitlines() if "worker ended" in line))
        assert (line["level"], line["exit_code"], line["pid"]) == ("warning", -9, first[0])
        with httpx2.Client(base_url=running.url, timeout=60) as http:
            assert stored(http, made)


@needs_proc
def test_a_worker_that_cannot_be_replaced_costs_nobody_the_others(tmp_path: Path) -> None:
    folder, away = tmp_path / "data", tmp_path / "away"
    with service.running(folder, "--workers", "2") as running:

        def reach() -> int:
            return httpx2.get(running.url, timeout=60).status_code

        wait_until(lambda: len(running.accepting()) == 2)
        folder.rename(away)
        folder.write_text("no folder")
        os.kill(running.accepting()[0], signal.SIGKILL)
        wait_until(lambda: re.search('"exit_code": 3,.*"worker ended"', running.logged()))  # which its successor did
        assert {reach() for _ in range(20)} == {200}
        folder.unlink()
        away.rename(folder)
        wait_until(lambda: len(running.accepting()) == 2)
        assert {reach() for _ in range(20)} == {200}


def test_two_services_on_one_archive(tmp_path: Path) -> None:
    made = sent(data.image())
    with service.running(tmp_path / "data") as one, service.running(tmp_path / "data") as two:
        with httpx2.Client(base_url=one.url, timeout=60) as http:
            store(http, ROOT, made.content)
        with httpx2.Client(base_url=two.url, timeout=60) as http:
            assert stored(http, made)


def test_settings_of_environment_and_file_reach_the_workers(tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text('public_url = "https://pacs.example/archive"\npart_limit = 100\n')
    with service.running(tmp_path / "data", "--config", str(config), "--workers", "2") as running:
        answer = httpx2.post(f"{running.url}{ROOT}/studies", content=sent().content, headers=DICOM, timeout=60)
        assert (answer.status_code, answer.text) == (413, "The request exceeded the allowed limit of 100 bytes.")


def test_all_lines_are_of_one_form(tmp_path: Path) -> None:
    with service.running(tmp_path / "data") as running:
        host, _, port = running.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"Secret nonsense\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 400")
        wait_until(lambda: "Invalid HTTP request received." in running.logged())
        line = running.logged().splitlines()[-1]
    assert json.loads(line)["logger"] == "uvicorn.error"
    assert "Secret" not in line


def test_who_a_request_says_it_comes_from_is_not_believed(tmp_path: Path) -> None:
    made = sent(data.image())
    with service.running(tmp_path / "data") as running, httpx2.Client(base_url=running.url, timeout=60) as http:
        http.headers |= {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
        answer = store(http, ROOT, made.content)
        assert f"http://{running.url.removeprefix('http://')}{ROOT}/studies" in answer.text


def test_the_defaults_are_shown(run: Program) -> None:
    shown = " ".join(run("serve", "--help").out.replace("│", " ").split())
    for default in ("127.0.0.1", "8080", "filmroom-data", "none", "cores, at most 4", "4294967296", "auto"):
        assert re.search(rf"\[default: \(?{re.escape(default)}", shown), default


# --- What it refuses


def test_a_port_that_is_in_use(run: Program, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ran = run("serve", "--port", other.getsockname()[1], "--data", tmp_path / "data")
    assert (ran.code, ran.out) == (4, "")
    assert "Another program uses it" in ran.err


@pytest.mark.parametrize("host", ["192.0.2.1", "a..b"])
def test_an_address_that_is_not_here(run: Program, tmp_path: Path, host: str) -> None:
    ran = run("serve", "--host", host, "--insecure", "--port", "0", "--data", tmp_path / "data")
    assert (ran.code, ran.out) == (4, "")
    assert "Another program" not in ran.err


@pytest.mark.parametrize("value", ["nonsense", "70000", "-1"])
def test_a_bad_flag(run: Program, value: str) -> None:
    assert run("serve", "--port", value).code == 2


def test_a_bad_variable(run: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMROOM_WORKERS", "many")
    ran = run("serve")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "filmroom: The variable FILMROOM_WORKERS is 'many': it must be a whole number.\n"


@pytest.mark.parametrize("text", ["prot = 1", "port = ", "port = 'x'", "\0"])
def test_a_bad_settings_file(run: Program, tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.toml").write_text(text)
    ran = run("serve", "--config", tmp_path / "settings.toml")
    assert ran.code == 2
    assert ran.err.startswith("filmroom: ")


def test_no_settings_file(run: Program, tmp_path: Path) -> None:
    ran = run("serve", "--config", tmp_path / "nothing.toml")
    assert (ran.code, "There is no settings file" in ran.err) == (2, True)


def test_data_of_another_kind(run: Program, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "index.sqlite").write_text("not a database, " * 100)
    ran = run("serve", "--port", "0", "--data", tmp_path / "data")
    assert (ran.code, ran.out) == (3, "")
    assert "not an index of Filmroom" in ran.err


def test_data_that_is_a_file(run: Program, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    ran = run("serve", "--port", "0", "--data", tmp_path / "data")
    sentence = f"The data folder {tmp_path / 'data'} can't be used. It is a file; name a folder."
    assert (ran.code, ran.err) == (3, f"filmroom: {sentence}\n")


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python takes another folder for sockets")
def test_a_folder_for_temporary_files_of_too_long_a_path_for_sockets(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 76)
    folder.mkdir()
    ran, looked = (
        subprocess.run(
            [sys.executable, "-m", "filmroom", *command, "--data", tmp_path / "data"],
            env=os.environ | {"TMPDIR": str(folder)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        for command in (("serve", "--port", "0"), ("doctor",))
    )
    sentence = f"The path of the folder for temporary files, {folder}, is too long for sockets: 75 bytes are the most"
    assert (ran.returncode, ran.stdout) == (3, "")
    assert ran.stderr == f"filmroom: {sentence}. Name another by the variable TMPDIR.\n"
    assert sentence in looked.stdout


def test_a_folder_for_temporary_files_that_is_not_there(
    run: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(multiprocessing.current_process()._config, "tempdir", None)  # type: ignore[attr-defined]
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    ran = run("serve", "--port", "0", "--data", tmp_path / "data")
    assert (ran.code, ran.out, "TMPDIR" in ran.err) == (3, "", True)


def test_data_of_no_name(run: Program) -> None:
    ran = run("serve", "--port", "0", "--data", "")
    assert (ran.code, "--data is ''" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('studies = "InstitutionNam=North"', "the role x: studies has 'InstitutionNam', which is no attribute: Instit"),
        ('studies = "InstitutionName"', "the role x: studies has InstitutionName without a value"),
        ('deidentified = "bsic"', "the role x: deidentified names the profile 'bsic'; there are basic"),
    ],
)
def test_a_role_that_can_show_nothing_is_refused(run: Program, tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "filmroom.toml").write_text(f'[roles.x]\nactions = "read"\n{line}\n')
    ran = run("serve", "--port", "0", "--data", tmp_path / "data", "--config", tmp_path / "filmroom.toml")
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert not (tmp_path / "data").exists()


def test_the_module_runs_as_the_program_does(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "filmroom", "serve", "--port", "70000", "--data", str(tmp_path)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2


@needs_proc
def test_connections_that_stay_open_are_spread_evenly_over_the_workers(tmp_path: Path) -> None:
    with service.running(tmp_path / "data", "--workers", "2") as running:
        wait_until(lambda: len(running.accepting()) == 2)
        clients = [httpx2.Client(base_url=running.url, timeout=60) for _ in range(8)]

        def spread() -> list[int]:
            for client in clients:
                assert client.get("/health/check", timeout=60).status_code == 200
            return sorted(len(connections(pid)) for pid in running.web_workers())

        wait_until(lambda: spread() == [4, 4])
        for client in clients:
            client.close()


def connections(pid: int) -> set[str]:
    """The connections that a process holds, apart from the socket that it listens on."""
    inodes = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it has been closed by now
            inodes.add(os.readlink(one))
    lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return {fields[9] for fields in lines if fields[3] == "01" and f"socket:[{fields[9]}]" in inodes}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_others_are_not_let_in_without_authentication(run: Program, tmp_path: Path, host: str) -> None:
    ran = run("serve", "--host", host, "--port", "0", "--data", tmp_path / "data")
    assert (ran.code, ran.out) == (2, "")
    assert f"It won't listen on {host} without authentication" in ran.err
    assert "filmroom token create" in ran.err
    assert not (tmp_path / "data").exists()


def test_with_tokens_others_are_let_in(run: Program, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    token = run("token", "create", "--name", "me", "--role", "admin", "--data", folder).out.strip()
    with service.running(folder, "--host", "0.0.0.0", "--workers", "2") as running:
        wait_until(lambda: "Who asks has to send a token: made by `filmroom token create`" in running.logged())
        for _ in range(4):  # whichever worker answers
            assert httpx2.get(f"{running.url}{ROOT}/studies", timeout=60).status_code == 401
        answer = httpx2.get(f"{running.url}{ROOT}/studies", headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert answer.status_code == 200
        assert token not in running.logged()


@needs_proc
def test_a_worker_that_is_replaced_lets_nobody_in_when_the_file_of_tokens_is_gone(run: Program, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    run("token", "create", "--name", "me", "--role", "admin", "--data", folder)

    def reached(url: str) -> int:
        return httpx2.get(f"{url}{ROOT}/studies", timeout=60).status_code

    with service.running(folder, "--workers", "2") as running:
        wait_until(lambda: len(running.accepting()) == 2)
        (folder / "tokens.json").unlink()
        os.kill(running.accepting()[0], signal.SIGKILL)
        wait_until(lambda: "worker ended" in running.logged())
        wait_until(lambda: len(running.accepting()) == 2)
        assert {reached(running.url) for _ in range(20)} == {401}


def test_tokens_of_an_issuer_are_for_somebody(run: Program, tmp_path: Path) -> None:
    ran = run("serve", "--issuer", "https://login.example", "--data", tmp_path / "data")
    assert ran.code == 2
    assert "The settings don't fit together: the setting audience is missing" in ran.err


def test_an_issuer_over_a_line_that_others_can_write_on_is_refused(run: Program, tmp_path: Path) -> None:
    ran = run("serve", "--issuer", "http://login.example", "--audience", "us", "--data", tmp_path / "data")
    assert ran.code == 2
    assert "it must be https" in ran.err
