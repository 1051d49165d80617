"""What a real browser does with the service for a page of another site."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from tests import data, inside
from tests.messages import sent, store
from tests.service import DEADLINE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium to try it in (apt-get install chromium)")
ELSEWHERE = "evil.example"
WAITING = "--virtual-time-budget=1000"  # milliseconds, in which no answer is waited for: that stops the clock
# A request that is waited for is done before the page is shown; what can't be read is an error.
READS = """<body><script>
const request = new XMLHttpRequest();
request.open("GET", "{url}", false);
try {{ request.send(); document.body.textContent = request.responseText; }}
catch (error) {{ document.body.textContent = error.name; }}
</script>"""
WRITES = """<body onload="document.forms[0].submit()">
<form method="post" enctype="text/plain" action="{url}"><input name="{{}}"></form>"""

Browse = Callable[[str], str]


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """What a browser shows of a URL, that leads `ELSEWHERE` to this machine."""

    def shown(url: str) -> str:
        names = f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        command = [CHROMIUM or "", "--headless", *sandbox, profile, names, WAITING, "--dump-dom", url]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=DEADLINE).stdout

    return shown


class Pages(SimpleHTTPRequestHandler):
    """Static pages, with nothing said on standard error."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Gives the URL of a page, on an origin of its own."""
    folder = tmp_path / "pages"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Pages, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def made(text: str) -> str:
            (folder / "page.html").write_text(text)
            return f"http://localhost:{server.server_port}/page.html"

        yield made
        server.shutdown()


@contextmanager
def service(folder: Path, **given: object) -> Iterator[tuple[str, str]]:
    """Its URL, and a Study that is in it."""
    with inside.serving(inside.settings(folder, **given)) as port:
        made, url = sent(data.image()), f"http://127.0.0.1:{port}"
        with httpx2.Client(base_url=url, timeout=DEADLINE) as http:
            store(http, "/dicomweb", made.content)
        yield url, made.dataset.StudyInstanceUID


@pytest.mark.parametrize("allowed", [True, False])
def test_a_page_reads_a_study_where_its_origin_is_named(
    tmp_path: Path, browse: Browse, page: Callable[[str], str], allowed: bool
) -> None:
    origin = page("").removesuffix("/page.html")
    with service(tmp_path, cors_origins=origin if allowed else "http://viewer.example") as (url, study):
        shown = browse(page(READS.format(url=f"{url}/dicomweb/studies")))
    assert (study in shown, "NetworkError" in shown) == (allowed, not allowed)


def test_a_page_starts_nothing_by_a_form(tmp_path: Path, browse: Browse, page: Callable[[str], str]) -> None:
    with service(tmp_path) as (url, _):
        shown = browse(page(WRITES.format(url=f"{url}/dicomweb/sweep")))
        begun = httpx2.get(f"{url}/dicomweb/operations", timeout=DEADLINE).json()
    assert ("A page of another site" in shown, begun) == (True, [])


def test_a_name_that_leads_here_shows_nothing(tmp_path: Path, browse: Browse) -> None:
    with service(tmp_path) as (url, study):
        own = browse(f"{url}/dicomweb/studies")
        other = browse(f"{url.replace('127.0.0.1', ELSEWHERE)}/dicomweb/studies")
    assert (study in own, study in other, "setting hosts" in other) == (True, False, True)
