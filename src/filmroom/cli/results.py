"""The results of a search as text: a table for people, DICOM JSON or comma-separated values for programs."""

import csv
import io
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson
import typer
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from filmroom.dicom import attributes, csv_table

Json = Mapping[str, Any]


class What(StrEnum):
    """The levels that can be searched, by the word that is typed."""

    PATIENTS = "patients"
    STUDIES = "studies"
    SERIES = "series"
    INSTANCES = "instances"


class Form(StrEnum):
    """How results are printed. Those of programs but JSON can be printed page by page."""

    TABLE = "table"
    JSON = "json"
    LINES = "json-lines"
    CSV = "csv"


# What people look for in a list, in the order they read it. --field adds to it.
COLUMNS: dict[What, tuple[str, ...]] = {
    What.PATIENTS: (
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "PatientSex",
        "NumberOfPatientRelatedStudies",
        "NumberOfPatientRelatedInstances",
    ),
    What.STUDIES: (
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "StudyDate",
        "ModalitiesInStudy",
        "StudyDescription",
        "AccessionNumber",
        "NumberOfStudyRelatedInstances",
        "StudyInstanceUID",
    ),
    What.SERIES: (
        "Modality",
        "SeriesNumber",
        "SeriesDescription",
        "BodyPartExamined",
        "NumberOfSeriesRelatedInstances",
        "StudyInstanceUID",
        "SeriesInstanceUID",
    ),
    What.INSTANCES: (
        "InstanceNumber",
        "Rows",
        "Columns",
        "NumberOfFrames",
        "SOPClassUID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
    ),
}
# A column is headed by the keyword, which can be searched by; these are too long for that.
HEADINGS = {
    "NumberOfPatientRelatedStudies": "Studies",
    "NumberOfPatientRelatedInstances": "Instances",
    "NumberOfStudyRelatedInstances": "Instances",
    "NumberOfSeriesRelatedInstances": "Instances",
}
GROUP = re.compile("([0-9A-Fa-f]{4}),?[xX]{4}")  # 0010xxxx, as PS3.6 writes what repeats
ENDLESS = 100_000  # characters


def keyword(key: str) -> str:
    """The keyword of an attribute; what has none (private, or a path into a sequence) stays as it was typed."""
    tag = attributes.parse(key)
    return key if tag is None else attributes.keyword(tag) or key


def show(
    what: What,
    found: Sequence[Json],
    fields: Sequence[str],
    form: Form,
    *,
    given: Sequence[str] = (),
    goes_on: bool = False,
) -> None:
    """Print the data sets that were found; `fields` are shown besides the usual columns, what was `given` is not.

    What `goes_on` is a further page of what was printed before.
    """
    if form is Form.JSON:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    if form is Form.LINES:
        typer.echo(b"".join(orjson.dumps(item) + b"\n" for item in found), nl=False)
        return
    asked = [column for field in fields for column in _columns(field, found)]
    columns = list(dict.fromkeys([*COLUMNS[what], *asked]))
    rows = [[text(item, column) for column in columns] for item in found]
    if form is Form.CSV:
        print_csv(columns, rows, heading=not goes_on)
    else:
        print_table(what, columns, rows, asked, given)


def _columns(field: str, found: Sequence[Json]) -> list[str]:
    """The columns of a field: of a group, what of it is there."""
    if field == "all":
        return []
    if group := GROUP.fullmatch(field):
        return [
            keyword(name) for name in sorted({name for item in found for name in item if name[:4] == group[1].upper()})
        ]
    return [keyword(field)]


def text(item: Json, path: str) -> str:
    """The values of an attribute as one line; by its path, of one in the items of sequences."""
    *sequences, last = path.split(".")
    items = [item]
    for name in sequences:
        items = [inner for one in items for inner in _values(one, name) if isinstance(inner, dict)]
    return printable("\\".join(_value(value) for one in items for value in _values(one, last)))


def _values(item: Json, name: str) -> Sequence[Any]:
    tag = attributes.parse(name)
    values: Sequence[Any] = item.get(name if tag is None else attributes.key(tag), {}).get("Value", ())
    return values


def printable(said: object) -> str:
    """What others say as one line, without signs that a terminal would obey."""
    return "".join(sign if sign.isprintable() else " " for sign in str(said))


def tell(json: Any, lines: Iterable[str]) -> None:
    """What a service answered: as JSON for programs, or the lines for people if there is none."""
    if json is not None:
        typer.echo(orjson.dumps(json, option=orjson.OPT_INDENT_2))
    else:
        for line in lines:
            typer.echo(printable(line))


def tell_all(json: Sequence[Any], what: str, lines: Iterable[str], *, as_json: bool) -> None:
    """A list that a service answered. Where it is empty, that is said beside it."""
    tell(json if as_json else None, lines)
    if not json and not as_json:
        typer.echo(f"filmroom: no {what}", err=True)


def when(moment: datetime | float) -> str:
    """A time, or seconds since 1970, in this computer's timezone, for people."""
    known = moment if isinstance(moment, datetime) else datetime.fromtimestamp(moment, UTC)
    return f"{known.astimezone():%Y-%m-%d %H:%M:%S}"


def _value(value: Any) -> str:
    if isinstance(value, dict):  # a person's name (PS3.18 F.2.2); the items of a sequence are too much for a table
        return str(value.get("Alphabetic") or value.get("Ideographic") or value.get("Phonetic") or "…")
    return "" if value is None else str(value)


def print_csv(columns: Sequence[str], rows: Sequence[Sequence[str]], *, heading: bool) -> None:
    """All columns, whether anything stands in them or not, so that a program finds them at their places.

    No cell is a formula, as in the tables of the service.
    """
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if heading:
        writer.writerow(columns)
    writer.writerows(map(csv_table.harmless, row) for row in rows)


def print_table(
    what: What,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    asked: Sequence[str] = (),
    given: Sequence[str] = (),
) -> None:
    """A line for each result, as long as it need be: a UID that was cut or folded could not be copied.

    Where that is wider than the terminal, a list for each result.
    """
    if not rows:
        typer.echo(f"filmroom: no {what.value} match.", err=True)
        return
    used = [
        number
        for number, column in enumerate(columns)
        if column in asked or (column not in given and any(row[number] for row in rows))
    ]
    headings = [HEADINGS.get(columns[number], columns[number]) for number in used]
    shown = [[row[number] for number in used] for row in rows]
    lines = _table(headings, shown)
    if sys.stdout.isatty() and max(map(cell_len, lines)) > shutil.get_terminal_size().columns:
        lines = _lists(headings, shown)
    typer.echo("\n".join(lines))


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(width=ENDLESS, file=io.StringIO())
    with console.capture() as captured:
        console.print(table)
    return [line.rstrip() for line in captured.get().splitlines()]


def _lists(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Results one below the other, an attribute a line, with an empty line between."""
    width = max(map(len, headings))
    lines: list[str] = []
    for row in rows:
        lines += ["", *(f"{heading:{width}}  {value}".rstrip() for heading, value in zip(headings, row, strict=True))]
    return lines[1:]
