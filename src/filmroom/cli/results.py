"""The results of a search as text: a table for people, DICOM JSON or comma-separated values for programs."""

import csv
import io
import shutil
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import orjson
import typer
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from filmroom.dicom import attributes

Json = Mapping[str, Any]


class What(StrEnum):
    """The levels that can be searched, by the word that is typed."""

    STUDIES = "studies"
    SERIES = "series"
    INSTANCES = "instances"


# What people look for in a list, in the order they read it. --field adds to it.
COLUMNS: dict[What, tuple[str, ...]] = {
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
HEADINGS = {"NumberOfStudyRelatedInstances": "Instances", "NumberOfSeriesRelatedInstances": "Instances"}
ENDLESS = 100_000  # characters


def keyword(key: str) -> str:
    """The keyword of an attribute; what has none (private, or a path into a sequence) stays as it was typed."""
    tag = attributes.parse(key)
    return key if tag is None else attributes.keyword(tag) or key


def show(
    what: What, found: Sequence[Json], fields: Sequence[str], as_json: bool, as_csv: bool, given: Sequence[str] = ()
) -> None:
    """Print the data sets that were found; `fields` are shown besides the usual columns, what was `given` is not."""
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    asked = [keyword(field) for field in fields if field != "all"]
    columns = list(dict.fromkeys([*COLUMNS[what], *asked]))
    rows = [[text(item, column) for column in columns] for item in found]
    if as_csv:
        print_csv(columns, rows)
    else:
        print_table(what, columns, rows, asked, given)


def text(item: Json, keyword: str) -> str:
    """The values of an attribute as one line."""
    tag = attributes.parse(keyword)
    element = item.get(keyword if tag is None else attributes.key(tag), {})
    return printable("\\".join(_value(value) for value in element.get("Value", ())))


def printable(said: object) -> str:
    """What others say as one line, without signs that a terminal would obey."""
    return "".join(sign if sign.isprintable() else " " for sign in str(said))


def _value(value: Any) -> str:
    if isinstance(value, dict):  # a person's name (PS3.18 F.2.2); the items of a sequence are too much for a table
        return str(value.get("Alphabetic") or value.get("Ideographic") or value.get("Phonetic") or "…")
    return "" if value is None else str(value)


def print_csv(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """All columns, whether anything stands in them or not, so that a program finds them at their places."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


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
