"""What clients meet at the public URL: the service is asked from outside, as a browser and a large store would."""

import email.utils
import http.client
import time
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import httpx2

from filmroom.services.diagnosis.findings import Finding, clock, ok, problem, warning

PATIENCE = 10.0  # seconds
EARLY = 2.0  # seconds in which a proxy says that a body is too large, which it can tell by the header
ELSEWHERE = "https://viewer.example"  # stands for a page of another origin
_REFUSED = {401, 403}


def ask(url: str, version: str, largest: int, origin: str | None) -> Iterator[Finding]:
    """Whether it leads here, lets preflights through and takes bodies of `largest` bytes.

    `origin` is one whose pages may read what is here; None: there is none.
    """
    root = url.rstrip("/")
    try:
        with httpx2.Client(timeout=PATIENCE) as browser:
            front = browser.get(f"{root}/")
            preflight = browser.options(f"{root}/dicomweb/studies", headers=_preflight(origin or ELSEWHERE))
        yield from _front(front, version)
        yield from _date(front.headers)
        yield from _answered(preflight, origin)
        yield from _body(root, largest)
    except (httpx2.HTTPError, OSError, http.client.HTTPException) as error:
        yield problem(
            f"the public URL can't be reached from here: {type(error).__name__}",
            "start the service; look at the proxy, at the name in DNS and at its certificate",
        )


def _preflight(origin: str) -> Mapping[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization",
    }


def _front(answer: httpx2.Response, version: str) -> Iterator[Finding]:
    if answer.status_code in _REFUSED:
        yield ok(f"the public URL answers {answer.status_code}: it asks who comes")
    elif answer.is_redirect:
        yield problem(f"the public URL redirects ({answer.status_code})", "set public_url to where it redirects to")
    elif not answer.text.startswith("Filmroom "):
        yield problem(
            f"something else than Filmroom answers at the public URL ({answer.status_code})",
            "look at what the proxy passes on: paths must arrive as they are under public_url",
        )
    elif not answer.text.startswith(f"Filmroom {version},"):
        yield warning("the service at the public URL has another version than this command", "restart it")
    else:
        yield ok(f"the public URL leads to Filmroom {version}")


def _date(headers: httpx2.Headers) -> Iterator[Finding]:
    try:
        said = email.utils.parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        return
    yield from clock("who answers at the public URL", said - time.time())


def _answered(preflight: httpx2.Response, origin: str | None) -> Iterator[Finding]:
    allowed = preflight.headers.get("access-control-allow-origin")
    if preflight.status_code in _REFUSED:
        yield warning(
            f"a browser's preflight is refused ({preflight.status_code}): viewers of other origins can't ask",
            "let OPTIONS through the proxy without a password; browsers send none",
        )
    elif allowed is None and origin is not None:
        yield problem(
            f"a browser's preflight is answered without a word of {origin}, which cors_origins names",
            "restart the service, if it does not know the setting yet; let OPTIONS and its headers through the proxy",
        )
    elif allowed is None:
        yield ok("pages of other origins may not read what is here")
    else:
        yield ok(f"a browser's preflight is answered, for {allowed}")


def _body(root: str, largest: int) -> Iterator[Finding]:
    """Say how large a store would be, and send nothing of it: a proxy with a limit answers by the header alone."""
    parts = urlsplit(root)
    made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = made(parts.hostname or "", parts.port, timeout=PATIENCE)
    try:
        connection.connect()
        connection.putrequest("POST", f"{parts.path}/dicomweb/studies")
        connection.putheader("content-type", "application/dicom")
        connection.putheader("content-length", str(largest))
        connection.endheaders()
        connection.sock.settimeout(EARLY)
        status = connection.getresponse().status
    except TimeoutError:  # it waits for the body
        status = 0
    finally:
        connection.close()
    size = f"{largest / 2**30:.1f} GiB"
    if status == http.client.REQUEST_ENTITY_TOO_LARGE:
        yield problem(
            f"the proxy takes no file of {size}, which is the part_limit",
            "raise its limit (nginx: client_max_body_size 0), or lower part_limit",
        )
    elif status in _REFUSED:
        yield ok("a store without a token is refused before its body")
    else:
        yield ok(f"a store of {size} is let in")
