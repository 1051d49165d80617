"""What clients meet at the public URL: the service is asked from outside, as a browser and a large store would."""

import email.utils
import http.client
import os
import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import httpx2

from filmroom.services.diagnosis.findings import Finding, clock, ok, problem, warning

PATIENCE = 10.0  # seconds
EARLY = 2.0  # seconds in which a proxy says that a body is too large, which it can tell by the header
ELSEWHERE = "https://viewer.example"  # stands for a page of another origin
_REFUSED = {401, 403}
_UNKNOWN_NAME = "names that the settings host, public_url and hosts give"  # as the service says it
_ALLOWED = "access-control-allow-"
_ONE_ALONE = "have one alone say it: take it out of the proxy, or leave cors_origins empty"
_LET_THROUGH = "let OPTIONS and the headers Access-Control-… through the proxy as they are"


def ask(url: str, version: str, largest: int, origin: str | None, *, tokens: bool = False) -> Iterator[Finding]:
    """Whether it leads here, lets browsers ask and takes bodies of `largest` bytes.

    `origin` is one whose pages may read what is here; None: there is none. `tokens`: who asks has to send one.
    """
    root, page = url.rstrip("/"), {"origin": origin or ELSEWHERE}
    try:
        with httpx2.Client(timeout=PATIENCE) as browser:
            front = browser.get(f"{root}/", headers=page)
            stranger = browser.get(f"{root}/dicomweb", headers=page | {"authorization": "Bearer filmroom-doctor"})
            preflight = browser.options(f"{root}/dicomweb/studies", headers=page | _PREFLIGHT)
        yield from _front(front, version)
        yield from _date(front.headers)
        if tokens:
            yield from _token(stranger)
        yield from _cors(preflight, [front, stranger], origin)
        yield from _body(root, largest)
    except (httpx2.HTTPError, OSError, http.client.HTTPException) as error:
        yield problem(
            f"the public URL can't be reached from here: {why(error)}",
            "start the service; look at the proxy, at the name in DNS and at its certificate",
        )


def why(error: Exception) -> str:
    """Why an https URL gave nothing that can be used, in words."""
    file = os.environ.get("SSL_CERT_FILE")
    if isinstance(error, httpx2.HTTPStatusError):
        return f"it answered {error.response.status_code}"
    if file and not os.path.isfile(file):
        return f"there is no file {file}, which SSL_CERT_FILE names"
    said = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return f"{said}; SSL_CERT_FILE names the authorities that are trusted"
    return said


# Of methods those that change need to be asked for; GET, HEAD and POST do not (Fetch §2.2.1).
_PREFLIGHT = {"access-control-request-method": "DELETE", "access-control-request-headers": "authorization"}


def _front(answer: httpx2.Response, version: str) -> Iterator[Finding]:
    if answer.status_code == http.client.FORBIDDEN and _UNKNOWN_NAME in answer.text:
        yield problem(
            "the service does not know the name by which the proxy asks it",
            "pass on the header Host as it came (nginx: proxy_set_header Host $http_host)",
        )
    elif answer.status_code in _REFUSED:
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


def _token(stranger: httpx2.Response) -> Iterator[Finding]:
    """What is said of a token that is none: only who has seen it says what is wrong with it."""
    said = stranger.headers.get("www-authenticate", "")
    if stranger.status_code == http.client.UNAUTHORIZED and "filmroom" in said and "error=" not in said:
        yield problem(
            "the header Authorization does not arrive: no token gets through the proxy",
            "have the proxy pass it on, and ask for no password of its own in the same header",
        )


def _cors(preflight: httpx2.Response, answers: Sequence[httpx2.Response], origin: str | None) -> Iterator[Finding]:
    """Whether a browser would let a page ask, and read (Fetch §4.9, §4.10)."""
    said = _named(preflight)
    if preflight.status_code in _REFUSED:
        yield warning(
            f"a browser's preflight is refused ({preflight.status_code}): viewers of other origins can't ask",
            "let OPTIONS through the proxy without a password; browsers send none",
        )
        return
    wrong = [*_origins("preflight", preflight, origin)]
    for answer in answers:
        wrong = wrong or [*_origins("GET", answer, origin)]
    if not wrong and origin is not None:
        wrong = [*_asked_for(preflight)]
    if wrong:
        yield from wrong
    elif not said:
        yield ok("pages of other origins may not read what is here")
    else:
        yield ok(f"a browser's preflight is answered, for {said[0]}")


def _named(answer: httpx2.Response) -> list[str]:
    """The origins whose pages may read an answer. Browsers take one, and refuse several."""
    return answer.headers.get_list(f"{_ALLOWED}origin", split_commas=True)


def _origins(what: str, answer: httpx2.Response, origin: str | None) -> Iterator[Finding]:
    said = _named(answer)
    if len(said) > 1:
        yield problem(f"a browser's {what} is answered for several origins at once: {', '.join(said)}", _ONE_ALONE)
    elif origin is not None and not said:
        yield problem(
            f"a browser's {what} is answered without a word of {origin}, which cors_origins names",
            f"restart the service, if it does not know the setting yet; {_LET_THROUGH}",
        )
    elif origin is not None and said[0] not in {"*", origin}:
        yield problem(f"a browser's {what} is answered for {said[0]}, and not for {origin}", _ONE_ALONE)


def _asked_for(preflight: httpx2.Response) -> Iterator[Finding]:
    """Whether the preflight allows what was asked for. `*` is any header but Authorization (Fetch §2.2.2)."""
    names, methods = (
        {one.upper() for one in preflight.headers.get_list(f"{_ALLOWED}{what}", split_commas=True)}
        for what in ("headers", "methods")
    )
    if not preflight.is_success:
        yield problem(f"a browser's preflight is answered {preflight.status_code}, which is no yes", _LET_THROUGH)
    elif "AUTHORIZATION" not in names:
        yield problem(
            "a browser's preflight does not allow the header Authorization: viewers can't log in", _LET_THROUGH
        )
    elif not methods & {"DELETE", "*"}:
        yield warning("a browser's preflight does not allow DELETE: viewers can read and store alone", _LET_THROUGH)


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
