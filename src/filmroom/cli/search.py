"""`filmroom search`: find studies, series or instances, and print them for a person or for a program."""

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import orjson
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from filmroom.cli.service import DEFAULT_TIMEOUT, DEFAULT_URL, Timeout, Token, Url, connect
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

# These keys name the resource that is searched in, where the level lies below it: every service knows the path
# /studies/{study}/series, few know /series?StudyInstanceUID=.
SCOPES = {
    What.STUDIES: (),
    What.SERIES: ("StudyInstanceUID",),
    What.INSTANCES: ("StudyInstanceUID", "SeriesInstanceUID"),
}


def search(
    what: Annotated[What, typer.Argument(metavar="studies|series|instances", help="What to find.")],
    keys: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE…",
            show_default=False,
            help="What must match. KEY is an attribute by its keyword or its eight hexadecimal digits.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Most results.", show_default="what the service grants")
    ] = None,
    offset: Annotated[int, typer.Option(min=0, help="Results to leave out at the beginning.")] = 0,
    everything: Annotated[
        bool, typer.Option("--all", help="All results, asked for page by page; --limit is the size of a page.")
    ] = False,
    fuzzy: Annotated[
        bool, typer.Option("--fuzzy", help="Match persons' names by the beginnings of their words.")
    ] = False,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "--field", metavar="KEY", show_default=False, help="An attribute to show as well; may be repeated."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print DICOM JSON instead of a table.")] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print comma-separated values, with a line of keywords on top.")
    ] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Find studies, series or instances.

    Dates match ranges too: `StudyDate=20260101-20260331`, `StudyDate=20260101-`. Text may hold `*` (any characters)
    and `?` (one character) if the service knows wildcards; /v1 and /v2 do not. The table leaves out columns in which
    nothing stands. Several values are parted by a backslash, as in DICOM. That nothing was found is no error.

    Examples:

        filmroom search studies "PatientName=Anony*" StudyDate=20200101-20201231
        filmroom search series StudyInstanceUID=1.2.3 --field ProtocolName
        filmroom search instances 0020000D=1.2.3 --json
    """
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other")
    filters, scope = split(what, [parse(key) for key in keys or ()])
    with connect(url, token, timeout) as client:
        found = getattr(client, f"search_for_{what.value}")(
            *scope,
            search_filters=filters,
            fields=fields or None,
            fuzzymatching=fuzzy or None,
            limit=limit,
            offset=offset or None,
            get_remaining=everything,
        )
    if as_json:
        typer.echo(orjson.dumps(found.json, option=orjson.OPT_INDENT_2))
        return
    columns = list(dict.fromkeys([*COLUMNS[what], *(keyword(field) for field in fields or () if field != "all")]))
    rows = [[text(item, column) for column in columns] for item in found.json]
    (print_csv if as_csv else print_table)(what, columns, rows)


def parse(text: str) -> tuple[str, str]:
    """`PatientID=7` -> keyword and value. The value may hold further signs of equality."""
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise typer.BadParameter(
            f"{text!r} is not of the form KEY=VALUE, such as PatientID=ID1", param_hint="KEY=VALUE"
        )
    return keyword(key.strip()), value


def keyword(key: str) -> str:
    """The keyword of an attribute; what has none (private, or a path into a sequence) stays as it was typed."""
    tag = attributes.parse(key)
    return key if tag is None else attributes.keyword(tag) or key


def split(what: What, keys: Iterable[tuple[str, str]]) -> tuple[dict[str, list[str]], list[str]]:
    """The matching keys, and the UIDs of the Study and the Series to search in. A repeated key is a list."""
    filters: dict[str, list[str]] = {}
    for key, value in keys:
        filters.setdefault(key, []).append(value)
    scope: list[str] = []
    for name in SCOPES[what]:
        if len(filters.get(name, ())) != 1 or not filters[name][0].replace(".", "").isdigit():
            break
        scope += filters.pop(name)
    return filters, scope


def text(item: Json, keyword: str) -> str:
    """The values of an attribute as one line, without signs that a terminal would obey."""
    tag = attributes.parse(keyword)
    element = item.get(keyword if tag is None else attributes.key(tag), {})
    line = "\\".join(_value(value) for value in element.get("Value", ()))
    return "".join(sign if sign.isprintable() else " " for sign in line)


def _value(value: Any) -> str:
    if isinstance(value, dict):  # a person's name (PS3.18 F.2.2); the items of a sequence are too much for a table
        return str(value.get("Alphabetic") or value.get("Ideographic") or value.get("Phonetic") or "…")
    return "" if value is None else str(value)


def print_csv(what: What, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """All columns, whether anything stands in them or not, so that a program finds them at their places."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def print_table(what: What, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A line for each result, as long as it need be: a UID that was cut or folded could not be copied."""
    if not rows:
        typer.echo(f"filmroom: no {what.value} match.", err=True)
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    used = [number for number in range(len(columns)) if any(row[number] for row in rows)]
    for number in used:
        table.add_column(HEADINGS.get(columns[number], columns[number]), no_wrap=True)
    for row in rows:
        table.add_row(*(Text(row[number]) for number in used))
    Console(width=ENDLESS, soft_wrap=True).print(table)
