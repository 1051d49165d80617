"""`filmroom search`: find studies, series or instances."""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from filmroom.cli import typed
from filmroom.cli.results import What, keyword, show
from filmroom.cli.service import (
    DEFAULT_TIMEOUT,
    DEFAULT_URL,
    NOT_ALL,
    Timeout,
    Token,
    Url,
    connect,
    stop,
    stoppable,
    uid,
)
from filmroom.dicom import attributes

# These keys name the resource that is searched in, where the level lies below it: every service knows the path
# /studies/{study}/series, few know /series?StudyInstanceUID=.
SCOPES = {
    What.STUDIES: (),
    What.SERIES: ("StudyInstanceUID",),
    What.INSTANCES: ("StudyInstanceUID", "SeriesInstanceUID"),
}

UIDS = frozenset({"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"})
PASSED_OVER = re.compile(r"ignored|disregarded|not supported|unsupported", re.IGNORECASE)
DATE = re.compile(r"(?<![0-9])([0-9]{4})-([0-9]{2})-([0-9]{2})(?![0-9])")
NOT_WHOLE = "the answer was not whole yet, so nothing is shown"
PAGE = 100  # services grant so many results at once, or a multiple

Keys = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE…",
        show_default=False,
        help="What must match. KEY is an attribute by its keyword or its tag: PatientID, 00100020 or 0010,0020.",
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, show_default="what the service grants", help="Most results.")]
Offset = Annotated[int, typer.Option(min=0, help="Results to leave out at the beginning.")]
All = Annotated[bool, typer.Option("--all", help="All results, asked for page by page; --limit is the size of a page.")]
Fuzzy = Annotated[bool, typer.Option("--fuzzy", help="Match persons' names by the beginnings of their words.")]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="KEY",
        show_default=False,
        help="An attribute to show as well; may be repeated. `all`, with --json, is whatever the service has.",
    ),
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
    nothing stands, and UIDs that were given; where it is wider than the terminal, each result is a list. Several values
    are parted by a backslash, as in DICOM. That nothing was found is no error.

    Exit codes: 1 the service passed over a key, so what it found is not what was asked for, and is not printed; 2, 3 as
    for every command.

    Examples:

        filmroom search studies "PatientName=Anony*" StudyDate=20200101-20201231
        filmroom search series StudyInstanceUID=1.2.3 --field ProtocolName
        filmroom search instances 0020000D=1.2.3 --json
    """
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other")
    shown = _fields(fields or (), as_json)
    filters, scope = split(what, [parse(key) for key in keys or ()])
    with stoppable(NOT_WHOLE), connect(url, token, timeout) as client:
        found = getattr(client, f"search_for_{what.value}")(
            *scope,
            search_filters=filters,
            fields=shown or None,
            fuzzymatching=fuzzy or None,
            limit=limit,
            offset=offset or None,
            get_remaining=everything,
        )
    if passed_over(found.warnings, filters, shown):
        stop("not everything was matched that was asked for, so nothing is shown", NOT_ALL)
    show(what, found.json, shown, as_json, as_csv, given=[name for name, _ in zip(SCOPES[what], scope, strict=False)])
    if found and not everything and (len(found) == limit or len(found) % PAGE == 0):
        typer.echo(f"filmroom: {len(found)} shown; there may be more: --all, --limit, --offset", err=True)


def passed_over(texts: Iterable[str], filters: Iterable[str], fields: Iterable[str]) -> bool:
    """Whether the service warns that it matched less than it was asked to: who deletes what is found must not get all.

    That names are not matched fuzzily finds too little, and that a field is not there leaves out a column.
    """
    harmless = {"fuzzymatching", *map(keyword, fields), *fields} - set(filters)
    return any(PASSED_OVER.search(text) and not harmless & set(re.findall(r"\w+", text)) for text in texts)


def parse(text: str) -> tuple[str, str]:
    """`PatientID=7` -> keyword and value. The value may hold further signs of equality."""
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise typer.BadParameter(
            f"{text!r} is not of the form KEY=VALUE, such as PatientID=ID1", param_hint="KEY=VALUE"
        )
    name = keyword(_known(key.strip(), "KEY=VALUE"))
    if name in UIDS:
        for one in filter(None, re.split(r"[,\\]", value)):
            uid(one)
    _check_dates(name, value)
    return name, value


def _check_dates(name: str, value: str) -> None:
    """People write 2026-01-31, which DICOM reads as a range from the year 2026."""
    tag = attributes.parse(name)
    if tag is not None and attributes.vr(tag) in {"DA", "DT"} and (written := DATE.search(value)):
        plain = DATE.sub(r"\1\2\3", value)
        raise typer.BadParameter(
            f"dates are written without hyphens: {written[0]!r} is {''.join(written.groups())}; "
            f"is '{name}={plain}' meant?",
            param_hint="KEY=VALUE",
        )


def _known(key: str, hint: str) -> str:
    """A keyword, a tag, or a path of them into sequences; what the service would not know, it might pass over."""
    path = typed.plain(key)
    for step in path.split("."):
        typed.attribute(step, hint)
    return path


def _fields(fields: Sequence[str], as_json: bool) -> list[str]:
    if "all" in fields and not as_json:
        raise typer.BadParameter("a table has no room for all attributes; add --json", param_hint="--field")
    return [field if field == "all" else _known(field, "--field") for field in fields]


def split(what: What, keys: Iterable[tuple[str, str]]) -> tuple[dict[str, list[str]], list[str]]:
    """The matching keys, and the UIDs of the Study and the Series to search in. A repeated key is a list."""
    filters: dict[str, list[str]] = {}
    for key, value in keys:
        filters.setdefault(key, []).append(value)
    scope: list[str] = []
    for name in SCOPES[what]:
        if len(filters.get(name, ())) != 1 or not filters[name][0].strip().replace(".", "").isdigit():
            break
        scope += [text.strip() for text in filters.pop(name)]
    return filters, scope
