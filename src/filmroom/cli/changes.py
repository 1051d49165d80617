"""`filmroom changes`: what was stored, replaced and deleted, and what is from now on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import orjson
import typer

from filmroom.cli import typed
from filmroom.cli.exits import INTERRUPTED, stop
from filmroom.cli.results import printable, when
from filmroom.cli.service import DEFAULT_TIMEOUT, DEFAULT_URL, Timeout, Token, Url, connect
from filmroom.client import Change, Client, ClientError

NOW = "now"
INTERVAL = 5.0  # seconds
HEADING = "Sequence  Time                 Action  State     Study, series, instance"

Since = Annotated[
    str | None,
    typer.Option(
        metavar="SEQUENCE|TIME|now",
        show_default="the first change",
        help="Begin after a sequence, at a time (2026-01-31 or 2026-01-31T09:00), or with what comes from now on.",
    ),
]
Until = Annotated[
    str | None, typer.Option(metavar="TIME", show_default="the last change", help="End before this time.")
]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Wait for further changes until Ctrl-C.")]
Interval = Annotated[
    float | None,
    typer.Option(min=0.1, metavar="SECONDS", help="How often to look, with --follow.", show_default=str(INTERVAL)),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON object a line, named as the service names things.")]
WithMetadata = Annotated[bool, typer.Option("--metadata", help="With the Metadata of each instance; needs --json.")]


@dataclass(slots=True)
class _Place:
    """Where in the feed the program is."""

    sequence: int | None


def changes(
    since: Since = None,
    until: Until = None,
    follow: Follow = False,
    interval: Interval = None,
    as_json: AsJson = False,
    with_metadata: WithMetadata = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Show what was stored, replaced and deleted, oldest first, from Filmroom or the Azure DICOM service.

    A line is a change: its sequence, when it happened, what was done (Create, Update, Delete), what has become of that
    version since (Current, Replaced, Deleted), and the UIDs, which `filmroom retrieve` takes as they stand there. A
    time without a time zone is of this computer.

    Whoever goes on with `--since` and the last sequence misses nothing; when the program is ended, it says that
    sequence.

    Exit codes: 2, 3 as for every command; 130 ended by Ctrl-C.

    Examples:

        filmroom changes --since 2026-01-31
        filmroom changes --follow --since now
        filmroom changes --since 4711 --json --metadata
    """
    typed.refuse(
        (with_metadata and not as_json, "--metadata", "a table has no room for Metadata; add --json"),
        (follow and until is not None, "--until", "--follow and --until exclude each other"),
        (interval is not None and not follow, "--interval", "only --follow looks again"),
    )
    sequence, start = _begin(since)
    end = None if until is None else _time(until, "--until", "2026-01-31 or 2026-01-31T09:00")
    typed.refuse((start and end and end < start, "--until", f"{until} is before {since}"))
    place = _Place(sequence)
    with connect(url, token, timeout) as client, _told(place):
        if since == NOW:
            place.sequence = _latest(client)
        elif since is not None and _is_date(since):
            early = int(since) > _latest(client)
            typed.refuse((early, "--since", f"there is no sequence {since} yet; a date is written 2026-01-31"))
        span = _Span(start, end, with_metadata, (interval or INTERVAL) if follow else None)
        for number, change in enumerate(_feed(client, place, span)):
            if number == 0 and not as_json:
                typer.echo(HEADING)
            typer.echo(orjson.dumps(_object(change)) if as_json else _line(change))
            place.sequence = change.sequence


@dataclass(frozen=True, slots=True)
class _Span:
    """What of the feed is wanted, and how often to look for more when that was read."""

    start: datetime | None
    end: datetime | None
    with_metadata: bool
    interval: float | None


def _feed(client: Client, place: _Place, span: _Span) -> Iterator[Change]:
    """What there is, and then what comes. Where nothing can be, because the feed has not got so far, that is said."""
    begun = place.sequence
    yield from client.change_feed(begun, start=span.start, end=span.end, include_metadata=span.with_metadata)
    if begun and begun == place.sequence and begun > (newest := _latest(client)):
        typer.echo(f"filmroom: there is no sequence {begun} yet; the newest is {newest}", err=True)
    if span.interval is not None:
        start = span.start if place.sequence is None else None
        yield from client.change_feed(
            place.sequence, start=start, follow=True, interval=span.interval, include_metadata=span.with_metadata
        )


def _begin(since: str | None) -> tuple[int | None, datetime | None]:
    """The sequence or the time that was typed."""
    if since is None or since == NOW:
        return None, None
    if since.isascii() and since.isdigit():
        return int(since), None
    return None, _time(since, "--since", "2026-01-31, 2026-01-31T09:00, a sequence, or now")


def _is_date(digits: str) -> bool:
    """Whether it reads as a date of DICOM, though it may be a sequence of a very long feed."""
    try:
        return len(digits) == 8 and digits[:2] in {"19", "20"} and bool(datetime.strptime(digits, "%Y%m%d"))
    except ValueError:
        return False


def _time(text: str, option: str, right: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is none of: {right}", param_hint=option) from None


def _latest(client: Client) -> int:
    newest = client.latest_change(include_metadata=False)
    return 0 if newest is None else newest.sequence


@contextmanager
def _told(place: _Place) -> Iterator[None]:
    """Whatever ends the program half way, it says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        stop("stopped" if place.sequence is None else f"stopped; {_resume(place.sequence)}", INTERRUPTED)
    except ClientError:
        if place.sequence is not None:
            typer.echo(f"filmroom: {_resume(place.sequence)}", err=True)
        raise


def _resume(sequence: int) -> str:
    return f"go on with --since {sequence}"


def _line(change: Change) -> str:
    uids = printable(f"{change.study} {change.series} {change.instance}")
    return f"{change.sequence:>8}  {when(change.timestamp)}  {change.action:6}  {change.state:8}  {uids}"


def _object(change: Change) -> dict[str, Any]:
    """As the service names things, so that a program reads both alike."""
    entry = {
        "sequence": change.sequence,
        "partitionName": change.partition,
        "studyInstanceUid": change.study,
        "seriesInstanceUid": change.series,
        "sopInstanceUid": change.instance,
        "action": change.action,
        "timestamp": change.timestamp,
        "state": change.state,
        "metadata": change.json,
    }
    return {name: value for name, value in entry.items() if value is not None}
