"""`filmroom search`: find studies, series or instances."""

from collections.abc import Iterable
from typing import Annotated

import typer

from filmroom.cli.results import What, keyword, show
from filmroom.cli.service import DEFAULT_TIMEOUT, DEFAULT_URL, Timeout, Token, Url, connect

# These keys name the resource that is searched in, where the level lies below it: every service knows the path
# /studies/{study}/series, few know /series?StudyInstanceUID=.
SCOPES = {
    What.STUDIES: (),
    What.SERIES: ("StudyInstanceUID",),
    What.INSTANCES: ("StudyInstanceUID", "SeriesInstanceUID"),
}

Keys = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE…",
        show_default=False,
        help="What must match. KEY is an attribute by its keyword or its eight hexadecimal digits.",
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, show_default="what the service grants", help="Most results.")]
Offset = Annotated[int, typer.Option(min=0, help="Results to leave out at the beginning.")]
All = Annotated[bool, typer.Option("--all", help="All results, asked for page by page; --limit is the size of a page.")]
Fuzzy = Annotated[bool, typer.Option("--fuzzy", help="Match persons' names by the beginnings of their words.")]
Fields = Annotated[
    list[str] | None,
    typer.Option("--field", metavar="KEY", show_default=False, help="An attribute to show as well; may be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print DICOM JSON instead of a table.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values, with a line of keywords on top.")]


def search(
    what: Annotated[What, typer.Argument(metavar="studies|series|instances", help="What to find.")],
    keys: Keys = None,
    limit: Limit = None,
    offset: Offset = 0,
    everything: All = False,
    fuzzy: Fuzzy = False,
    fields: Fields = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
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
    show(what, found.json, fields or [], as_json, as_csv)


def parse(text: str) -> tuple[str, str]:
    """`PatientID=7` -> keyword and value. The value may hold further signs of equality."""
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise typer.BadParameter(
            f"{text!r} is not of the form KEY=VALUE, such as PatientID=ID1", param_hint="KEY=VALUE"
        )
    return keyword(key.strip()), value


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
