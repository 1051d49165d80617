"""`filmroom audit`: the audit trail of a service, on the machine where it lies."""

import csv
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import orjson
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from filmroom.archive import audit_places
from filmroom.audit import messages, verify
from filmroom.audit.reading import Asked, records
from filmroom.audit.records import Record
from filmroom.audit.sender import reporter
from filmroom.audit.verify import Report
from filmroom.cli import configuration, typed
from filmroom.cli.exits import NOT_ALL, REFUSED, stop
from filmroom.cli.noted import append
from filmroom.cli.results import printable
from filmroom.dicom.instants import written
from filmroom.settings import Settings

SHOWN = 100
_COLUMNS = ("time", "who", "client", "action", "status", "patient", "study", "request")


class What(StrEnum):
    """What to do with the trail."""

    VERIFY = "verify"
    SHOW = "show"
    EXPORT = "export"


class Form(StrEnum):
    """How records are written into a file."""

    LINES = "json-lines"
    CSV = "csv"
    DICOM = "dicom"


def _moment(text: str) -> str:
    """A time as the trail has it: of "2026-01-31", "2026-01-31T10:00" (of this computer), or "7d" ago."""
    try:
        if "-" not in text:
            return written(time.time() - typed.duration(text).total_seconds())
        return written(datetime.fromisoformat(text).astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time: it must be like 2026-01-31, 2026-01-31T10:00 or 7d") from None


_Moment = Annotated[str | None, typer.Option(parser=_moment, metavar="TIME", help="From this time on: 2026-01-31, 7d.")]
_Limit = Annotated[
    int | None, typer.Option(min=1, help="The most records that `show` shows, the newest.", show_default=str(SHOWN))
]
_Form = Annotated[
    Form | None, typer.Option(help="Form of that file; dicom is a message of PS3.15 a line.", show_default="json-lines")
]
_Until = Annotated[str | None, typer.Option(parser=_moment, metavar="TIME", help="Before this time.")]


def audit(
    what: Annotated[What, typer.Argument(help="verify, show or export.", show_default=False)],
    study: Annotated[str | None, typer.Option(metavar="UID", help="Only of this study.")] = None,
    patient: Annotated[str | None, typer.Option(metavar="ID", help="Only of the patient with this Patient ID.")] = None,
    who: Annotated[str | None, typer.Option(metavar="NAME", help="Only what this user did.")] = None,
    action: Annotated[str | None, typer.Option(metavar="ACTION", help="Only this: store, retrieve, delete.")] = None,
    since: _Moment = None,
    until: _Until = None,
    limit: _Limit = None,
    as_json: Annotated[bool, typer.Option("--json", help="Show the records as JSON, one a line, all of them.")] = False,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="File for `export`; a new one.")] = None,
    form: _Form = None,
    data: configuration.Data = None,
    config: configuration.Config = None,
) -> None:
    """Verify the audit trail, show what stands in it, or copy that into a file.

    `verify` reads all of it and names the first place that is not as it was written. It says the number and the hash
    of the last line, too: who writes these down elsewhere can tell later that nothing before them was changed.
    That somebody looked into the trail is written there as well.

    Exit codes: 0 done, and the trail is as it was written; 1 it is not; 2 a bad setting; 3 it can't be read.

    Examples:

        filmroom audit verify
        filmroom audit show --patient ID1 --since 7d
        filmroom audit export --study 1.2.840.1 --form csv --to trail.csv
    """
    asked = Asked(study, patient, who, action, since, until)
    typed.refuse(
        (
            what is What.VERIFY and asked != Asked(),
            "verify",
            "it reads all of the trail: leave out what chooses records",
        ),
        (what is not What.SHOW and limit is not None, "--limit", "it goes with `show`"),
        (what is not What.SHOW and as_json, "--json", "it goes with `show`"),
        (what is not What.EXPORT and to is not None, "--to", "it goes with `export`"),
        (what is not What.EXPORT and form is not None, "--form", "it goes with `export`"),
    )
    settings = configuration.given({"data": data}, config)
    if what is What.VERIFY:
        _verify(settings)
        return
    try:
        if not audit_places(settings)[0].is_dir():
            stop(f"There is no audit trail in {audit_places(settings)[0].absolute()}.", REFUSED)
        found = _chosen(audit_places(settings)[0], asked)
        if what is What.EXPORT:
            _export(settings, found, to, form or Form.LINES)
        elif as_json:
            _lines(found, sys.stdout)
        else:
            _show(found, limit or SHOWN)
    except OSError as error:
        if error.filename is None:
            raise  # of the output
        stop(f"{error.filename} can't be used: {error.strerror}.", REFUSED)
    _write_down(settings, what)


def _chosen(folder: Path, asked: Asked) -> Iterator[Record]:
    """The records that are asked for. Who mistypes an action must not read that nobody did it."""
    if asked.action is not None and asked.action not in messages.EVENTS:
        known = {str(one.get("action")) for one in records(folder, Asked())}
        if asked.action not in known:
            listed = ", ".join(sorted(known | messages.EVENTS.keys()))
            raise typer.BadParameter(f"there is no action {asked.action!r}; there are: {listed}", param_hint="--action")
    return records(folder, asked)


def _verify(settings: Settings) -> None:
    report = verify.check(*audit_places(settings))
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
    if report.broken is not None:
        typer.echo(f"The audit trail is not as it was written. {report.broken}", err=True)
    typer.echo(_summary(report))
    if report.broken is not None:
        raise typer.Exit(NOT_ALL)


def _summary(report: Report) -> str:
    span = f", {report.first} to {report.last}" if report.lines else ""
    sound = "" if report.broken else "The audit trail is as it was written: "
    read = f"{sound}{report.lines} lines in {report.files} files{span}."
    return f"{read}\nLast line: number {report.head.number}, SHA-256 {report.head.hash}"


def _show(found: Iterator[Record], limit: int) -> None:
    newest: deque[Record] = deque(maxlen=limit)
    number = 0
    for number, record in enumerate(found, 1):  # noqa: B007 - the last one is wanted
        newest.append(record)
    table = Table(*_COLUMNS, box=SIMPLE_HEAD)
    for record in newest:
        table.add_row(*(printable(_cell(record, name)) for name in _COLUMNS))
    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 250)
    console.print(table)
    if number > limit:
        typer.echo(f"{number - limit} older ones are not shown: --limit or --json shows them.", err=True)


def _cell(record: Record, name: str) -> str:
    first, *others = _values(record, name) or [""]
    return f"{first} and {len(others)} more" if others else first


def _values(record: Record, name: str) -> list[str]:
    """One at most, but of Studies and their patients."""
    several = {"study": "studies", "patient": "patients"}.get(name, "")
    found = record.get(several, ()) if record.get(name) is None else [record[name]]
    return list(dict.fromkeys(str(one) for one in found if one is not None))


def _lines(found: Iterable[Record], file: TextIO) -> None:
    for record in found:
        file.write(orjson.dumps(record).decode() + "\n")


def _csv(found: Iterable[Record], file: TextIO) -> None:
    rows = csv.writer(file)
    names = ("n", *_COLUMNS, "method", "route", "query", "series", "instance", "instances", "results", "bytes", "ms")
    rows.writerow(names)
    for record in found:
        rows.writerow([_plain(" ".join(_values(record, name))) for name in names])


def _plain(cell: str) -> str:
    """What a spreadsheet does not take for a formula: what clients send stands in the trail."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


def _export(settings: Settings, found: Iterator[Record], to: Path | None, form: Form) -> None:
    def dicom(found: Iterable[Record], file: TextIO) -> None:
        reports = reporter(settings.audit_site)
        for record in found:
            file.writelines(xml + "\n" for xml in messages.write(record, reports))

    writers: dict[Form, Callable[[Iterable[Record], TextIO], None]] = {
        Form.LINES: _lines,
        Form.CSV: _csv,
        Form.DICOM: dicom,
    }
    if to is None:
        writers[form](found, sys.stdout)
        return
    with to.open("x", encoding="utf-8", newline="") as file:
        writers[form](found, file)


def _write_down(settings: Settings, what: What) -> None:
    """Who looked. An auditor may have a copy, or no right to write: then it stands nowhere."""
    with suppress(OSError):
        append(settings, "audit-log-used", place=str(audit_places(settings)[0].absolute()), what=str(what))
