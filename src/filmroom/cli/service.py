"""What the commands that talk to a service share: its options, and a client of it."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn
from urllib.parse import urlsplit, urlunsplit

import httpx2
import typer

from filmroom.cli.exits import INTERRUPTED, NOT_ALL, REFUSED, USAGE, stop
from filmroom.cli.results import printable
from filmroom.client import (
    BadRequest,
    Client,
    ClientError,
    Conflict,
    ConnectionFailed,
    NotAcceptable,
    NotFound,
    ResponseError,
    Retry,
    ServiceWarning,
    roots,
)
from filmroom.client.roots import ROOT, fuller_root
from filmroom.dicom.wording import AZURE, STANDARD
from filmroom.errors import BadTarget
from filmroom.protocol import bearer, targets

DEFAULT_URL = f"http://127.0.0.1:8080{ROOT}"
NOTHING = "Nothing is here."  # begins what Filmroom says outside its roots
DEFAULT_TIMEOUT = 60.0
CONNECT_TIMEOUT = 10.0  # seconds; whoever listens answers sooner
SERVICE = "Service"  # the heading of these options in the help


def _word(token: str | None) -> str | None:
    try:
        return None if token is None else bearer.word(token)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="FILMROOM_URL",
        metavar="URL",
        rich_help_panel=SERVICE,
        help="The root of the service, under which /studies lies.",
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="FILMROOM_TOKEN",
        metavar="TEXT",
        callback=_word,
        rich_help_panel=SERVICE,
        show_default="none",
        help="Bearer token that the service wants. In the variable it stays out of the list of processes.",
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        min=0.1,
        metavar="SECONDS",
        rich_help_panel=SERVICE,
        help="How long the service may stay silent before it is given up.",
    ),
]


def partition_name(value: str | None) -> str | None:
    """The name of a data partition that was typed; an empty one, as in a variable, is none."""
    try:
        return targets.partition(value) if value else None
    except BadTarget as error:
        raise typer.BadParameter(str(error)) from None


def partition_option(said: str, default: str, panel: str | None = None) -> Any:
    """The option that names a data partition, with what its help says."""
    return typer.Option(
        "--partition",
        envvar="FILMROOM_PARTITION",
        metavar="NAME",
        callback=partition_name,
        rich_help_panel=panel,
        show_default=default,
        help=said,
    )


Partition = Annotated[str | None, partition_option("Data partition, of services that have them.", "none", SERVICE)]


def uid(value: str | None) -> str | None:
    """A UID that was typed. What is none never reaches the service."""
    try:
        return None if value is None else targets.uid(value, "UID")
    except BadTarget:
        raise typer.BadParameter(
            f"{value!r} is not a UID: digits and dots, {targets.LONGEST_UID} characters at most"
        ) from None


Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing but what went wrong, and show no progress bar.")
]
Study = Annotated[str, typer.Argument(metavar="STUDY", callback=uid, help="Study Instance UID.")]
Series = Annotated[
    str | None,
    typer.Argument(metavar="SERIES", callback=uid, show_default="the whole study", help="Series Instance UID."),
]
Instance = Annotated[
    str | None,
    typer.Argument(metavar="INSTANCE", callback=uid, show_default="the whole series", help="SOP Instance UID."),
]


class Impatient(Retry):
    """Tries again as the client does, but not where nothing listens: somebody waits at the shell."""

    def wait_after_failure(self, method: str, attempt: int, failure: httpx2.TransportError) -> float | None:
        """Seconds to wait, or None to give up."""
        if attempt == 0 and refused(failure):
            return None
        return super().wait_after_failure(method, attempt, failure)


def refused(error: BaseException | None) -> bool:
    """Whether the cause of `error` is that nothing listens at the port."""
    while error is not None and not isinstance(error, ConnectionRefusedError):
        error = error.__cause__ or error.__context__
    return error is not None


def shown(url: str) -> str:
    """A URL as it may be printed: without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def explain(error: Exception, url: str) -> str:
    """What is wrong, and what to do where that is known."""
    url = shown(url)
    if isinstance(error, ConnectionFailed):
        return f"nothing listens at {url}; is the service running? (filmroom serve)" if refused(error) else str(error)
    if is_no_root(error, url):
        status = error.status if isinstance(error, NotFound) else "404"
        parts = urlsplit(url)
        return f"nothing of DICOMweb lies at {url} ({status}); is {parts.scheme}://{parts.netloc}{ROOT} meant?"
    return f"{url}: {_of_partitions(printable(error))}"


# What services say of data partitions is about paths, which nobody types at a shell.
_NAME_ONE = "it has data partitions: name one by --partition NAME"
_NAME_NONE = "there are no data partitions here: the service was started without --partitions"
_PARTITIONS_AT_THE_SHELL = {
    STANDARD.which_partition: _NAME_ONE,
    AZURE.which_partition: _NAME_ONE,
    STANDARD.partitions_off: _NAME_NONE,
    AZURE.partitions_off: _NAME_NONE,
}


def _of_partitions(said: str) -> str:
    return next((hint for words, hint in _PARTITIONS_AT_THE_SHELL.items() if words in said), said)


def is_no_root(error: Exception, url: str) -> bool:
    """Whether nobody knows the path: Filmroom says so, others say nothing, but of studies services say something."""
    if not isinstance(error, NotFound):
        return False
    if isinstance(error.payload, str) and error.payload.startswith(NOTHING):
        return True
    wordless = error.payload is None or (isinstance(error.payload, str) and error.payload.startswith("<"))
    return wordless and urlsplit(url).path in {"", "/"}


@contextmanager
def connect(url: str, token: str | None, timeout: float, partition: str | None = None) -> Iterator[Client]:
    """A client of the service, or of a partition of it. What it refuses, or that it is not there, ends the program."""
    limits = httpx2.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT))
    try:
        client = Client(url, token=token, timeout=limits, retries=Impatient(), partition=partition)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--url") from error
    except ConnectionFailed as error:  # before anything was asked: a variable is wrong
        stop(str(error), USAGE)
    with client, _said():
        try:
            yield client
        except ClientError as error:
            stop(explain(error, client.base_url), REFUSED)


@contextmanager
def existing(what: str, client: Client, beyond_azure: bool = False, otherwise: str = "") -> Iterator[None]:
    """Where the service has nothing of what was named, or not in the form asked for, that ends the program.

    `beyond_azure` is what the Azure service has no resource for: at its roots a 404 says nothing of the data then.
    `otherwise` are options that may do where it can't be had in that form.
    """
    more = fuller_root(client.base_url)
    elsewhere = roots.elsewhere(more)
    try:
        yield
    except BadRequest:
        if not (more and beyond_azure):
            raise
        absent(what, client, elsewhere)
    except NotAcceptable as error:
        reason = _reason(error)
        tried = f"try {otherwise}" if otherwise and otherwise not in reason else ""
        _unavailable(what, client, reason, tried, more and f"{more} may offer it")
    except NotFound as error:
        if is_no_root(error, client.base_url):
            raise
        absent(what, client, elsewhere if more and beyond_azure and error.payload is None else _reason(error))


@contextmanager
def obeyed() -> Iterator[None]:
    """Where the service refuses what was asked of it, for a reason that lies in what it has, that ends the program."""
    try:
        yield
    except (BadRequest, Conflict) as error:
        stop(_of_partitions(printable(error.message)), NOT_ALL)


def _unavailable(what: str, client: Client, reason: str, *hints: str) -> NoReturn:
    """End the program, for the service has it, but not in that form."""
    given = [hint for hint in hints if hint]
    told = "; ".join(filter(None, (reason.rstrip(".") if given else reason, *given)))
    stop(f"can't be had as asked for: {what} at {shown(client.base_url)}{told and ': '}{told}", NOT_ALL)


def absent(what: str, client: Client, reason: str = "") -> NoReturn:
    """End the program, for the service does not have what was named."""
    stop(f"there is no {what} at {shown(client.base_url)}{reason and ': '}{reason}", NOT_ALL)


# What services tell programs, and what that is at the shell.
_AT_THE_SHELL = (
    (
        re.compile(r"(?:[a-z]+/[a-z0-9.+-]+; ?)?'?transfer-syntax=\*'?(?: in the Accept header)?"),
        "--transfer-syntax stored",
    ),
    (
        re.compile(r"Ask for /pixeldata, which sends a video, or for the Instance\."),
        "A video comes with --bulkdata PixelData, everything else without --frames.",
    ),
)
_NO_REASON = re.compile(r"The specified \w+ cannot be found\.?|Not Found|Not Acceptable", re.IGNORECASE)


def _reason(error: ResponseError) -> str:
    """What the service said besides that there is nothing; a page or a document is no sentence.

    Of a form that can't be had it may be a list of those that can.
    """
    said = _of_partitions(printable(error.message))
    for pattern, words in _AT_THE_SHELL:
        said = pattern.sub(words, said)
    too_long = isinstance(error, NotFound) and len(said) > _LONGEST_REASON
    return "" if too_long or _NO_REASON.fullmatch(said) else said


_LONGEST_REASON = 250


@contextmanager
def stoppable(what_is_done: str) -> Iterator[None]:
    """Ctrl-C ends the program with one line."""
    try:
        yield
    except KeyboardInterrupt:
        stop(f"stopped; {what_is_done}", INTERRUPTED)


@contextmanager
def _said() -> Iterator[None]:
    """Say at the end what the service warned of: it did what was asked, but not wholly as asked."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")  # pydicom's doubts about values are not for people at a shell
        warnings.simplefilter("always", ServiceWarning)
        try:
            yield
        finally:
            for text in dict.fromkeys(str(warning.message) for warning in caught):
                typer.echo(f"filmroom: the service warns: {printable(text)}", err=True)
