"""`filmroom search`: find patients, studies, series or instances."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import islice
from typing import Annotated, Any

import typer

from filmroom.cli import typed
from filmroom.cli.exits import NOT_ALL, stop
from filmroom.cli.progress import counter
from filmroom.cli.results import GROUP, Form, What, keyword, show
from filmroom.cli.service import (
    DEFAULT_TIMEOUT,
    DEFAULT_URL,
    Partition,
    Timeout,
    Token,
    Url,
    connect,
    existing,
    stoppable,
    uid,
)
from filmroom.client import Client, Datasets
from filmroom.dicom import attributes

UIDS = frozenset({"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"})
PASSED_OVER = re.compile(r"ignored|disregarded|not supported|unsupported", re.IGNORECASE)
STREAMED = frozenset({Form.CSV, Form.LINES})
NOT_WHOLE = "the answer was not whole yet, so nothing is shown"
KEY_VALUE = "KEY=VALUE"
NOT_TO_THE_END = "there may be more than was printed"
PAGE = 100  # services grant so many results at once, or a multiple

Keys = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE…",
        show_default=False,
        help="What must match. KEY is an attribute by its keyword or its tag: PatientID, 00100020 or 0010,0020.",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1, show_default="what the service grants at once", help="Most results; asked for page by page if need be."
    ),
]
Offset = Annotated[int, typer.Option(min=0, help="Results to leave out at the beginning.")]
All = Annotated[bool, typer.Option("--all", help="All results, asked for page by page; --limit is the size of a page.")]
Order = Annotated[
    list[str] | None,
    typer.Option(
        "--order",
        metavar="[-]KEY",
        show_default="that of the service",
        help="Sort by an attribute, with - the largest or newest first; may be repeated. For services that can.",
    ),
]
EmptyValues = Annotated[
    bool,
    typer.Option(
        "--emptyvaluematching", help="KEY='\"\"' finds what has no value (PS3.18 8.3.4.5), if the service can."
    ),
]
EveryValue = Annotated[
    bool,
    typer.Option(
        "--multiplevaluematching",
        help="Of several values all must be there, not any (PS3.18 8.3.4.6), if the service can.",
    ),
]
Fuzzy = Annotated[
    bool,
    typer.Option(
        "--fuzzy",
        help="Match persons' names by the beginnings of their words, in the order in which they stand, the family name "
        "first: `do jo` finds Doe^John.",
    ),
]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="KEY",
        show_default=False,
        help="An attribute to show as well, by keyword, tag, path or group (0010xxxx); may be repeated. "
        "`all`, with --json, is whatever the service has.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print DICOM JSON instead of a table.")]
AsLines = Annotated[bool, typer.Option("--json-lines", help="Print DICOM JSON, a result a line, while the pages come.")]
AsCsv = Annotated[
    bool,
    typer.Option(
        "--csv",
        help="Print comma-separated values, with a line of keywords on top; what a spreadsheet would take for a "
        "formula has an apostrophe before it.",
    ),
]


def search(
    what: Annotated[What, typer.Argument(metavar="patients|studies|series|instances", help="What to find.")],
    keys: Keys = None,
    limit: Limit = None,
    offset: Offset = 0,
    everything: All = False,
    order: Order = None,
    fuzzy: Fuzzy = False,
    empty_values: EmptyValues = False,
    every_value: EveryValue = False,
    fields: Fields = None,
    as_json: AsJson = False,
    as_lines: AsLines = False,
    as_csv: AsCsv = False,
    url: Url = DEFAULT_URL,
    partition: Partition = None,
    token: Token = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Find patients, studies, series or instances.

    Dates match ranges too: `2026-01-01..2026-03-31`, `2026-01-01..`, or as DICOM has them, `20260101-20260331`. Text
    may hold `*` (any characters) and `?` (one character) if the service knows wildcards; /v1 and /v2 do not. Attributes
    inside sequences are paths with dots. Several UIDs or codes, of which any will do, are a key several times, or
    parted by a backslash, as in DICOM. The table leaves out columns in which nothing stands, and UIDs that were given;
    where it is wider than the terminal, each result is a list. That nothing was found is no error.

    Exit codes: 1 the service passed over a key, so what it found is not what was asked for, and is not printed; 2, 3 as
    for every command.

    Examples:

        filmroom search studies "PatientName=Anony*" StudyDate=2020-01-01..2020-12-31 --order -StudyDate
        filmroom search series StudyInstanceUID=1.2.3 --field ProtocolName
        filmroom search series RequestAttributesSequence.ScheduledProcedureStepID=7
        filmroom search instances 0020000D=1.2.3 --all --json-lines
    """
    form = _form({Form.JSON: as_json, Form.LINES: as_lines, Form.CSV: as_csv})
    shown = _fields(fields or (), form)
    filters = _filters(map(parse, keys or ()))
    ordered = [_ordered(name) for name in order or ()]
    harmless = [*shown, *(name.removeprefix("-") for name in ordered)]
    extra = {"emptyvaluematching": empty_values or None, "multiplevaluematching": every_value or None}
    asked = {
        "match": filters,
        "include": shown,
        "fuzzy": fuzzy,
        "order_by": ordered,
        "limit": None if everything else limit,
        "offset": offset,
        "page_size": limit if everything else limit and PAGE,
        "additional_params": extra,
    }
    done = NOT_TO_THE_END if form in STREAMED else NOT_WHOLE
    with stoppable(done), connect(url, token, timeout, partition) as client:
        pages = _checked(islice(_pages(client, what, asked), None if everything or limit else 1), filters, harmless)
        with existing("search for patients", client, beyond_azure=True) if what is What.PATIENTS else nullcontext():
            count, more = _print(pages, what, shown, form, given=list(_given(filters)))
    if not everything and count and (more or count == limit or (limit is None and count % PAGE == 0)):
        typer.echo(f"filmroom: {count} shown; there may be more: --all, --limit, --offset", err=True)


def _form(asked: Mapping[Form, bool]) -> Form:
    forms = [form for form, wanted in asked.items() if wanted]
    if len(forms) > 1:
        raise typer.BadParameter(" and ".join(f"--{form}" for form in forms) + " exclude each other")
    return forms[0] if forms else Form.TABLE


def _pages(client: Client, what: What, asked: Mapping[str, Any]) -> Iterator[Datasets]:
    try:
        found = getattr(client, f"search_{what}")(**asked)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=KEY_VALUE) from None
    pages: Iterator[Datasets] = found.pages()
    return pages


def _checked(pages: Iterable[Datasets], filters: Iterable[str], fields: Iterable[str]) -> Iterator[Datasets]:
    """Pages of what was asked for. Nothing is printed of others."""
    for page in pages:
        if passed_over(page.warnings, filters, fields):
            stop("not everything was matched that was asked for, so nothing is shown", NOT_ALL)
        yield page


def _print(
    pages: Iterable[Datasets], what: What, fields: Sequence[str], form: Form, given: Sequence[str]
) -> tuple[int, bool]:
    """Print all pages; how many results they hold, and whether the service says that there is another page."""
    gathered: list[dict[str, Any]] = []
    count, more = 0, False
    with counter("found", quiet=form in STREAMED and sys.stdout.isatty()) as say:
        for number, page in enumerate(pages):
            if form in STREAMED:
                show(what, page.json, fields, form, goes_on=number > 0)
            else:
                gathered += page.json
            count += len(page)
            more = page.more
            say(count)
    if form not in STREAMED:
        show(what, gathered, fields, form, given=given)
    return count, more


def passed_over(texts: Iterable[str], filters: Iterable[str], fields: Iterable[str]) -> bool:
    """Whether the service warns that it matched less than it was asked to: who deletes what is found must not get all.

    That names are not matched fuzzily finds too little, and without one of `fields` a column or an order is missing.
    """
    harmless = {"fuzzymatching", *map(keyword, fields), *fields} - set(filters)
    return any(PASSED_OVER.search(text) and not harmless & set(re.findall(r"\w+", text)) for text in texts)


def parse(text: str) -> tuple[str, str]:
    """`PatientID=7` -> keyword and value. The value may hold further signs of equality."""
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise typer.BadParameter(f"{text!r} is not of the form KEY=VALUE, such as PatientID=ID1", param_hint=KEY_VALUE)
    path = typed.path(key.strip(), KEY_VALUE)
    name = keyword(path)
    if attributes.vr(typed.attribute(path.rpartition(".")[2])) == "SQ":
        raise typer.BadParameter(
            f"{name} is a sequence: match what is inside, as {name}.CodeValue=T-1", param_hint=KEY_VALUE
        )
    if name in UIDS:
        for one in filter(None, re.split(r"[,\\]", value)):
            uid(one)
    return name, value


def _fields(fields: Sequence[str], form: Form) -> list[str]:
    if "all" in fields and form in {Form.TABLE, Form.CSV}:
        raise typer.BadParameter("a table has no room for all attributes; add --json", param_hint="--field")
    if form is Form.CSV and any(map(GROUP.fullmatch, fields)):
        raise typer.BadParameter("columns of CSV are known beforehand, so groups are not; add --json instead of --csv")
    return [_field(field) for field in fields]


def _field(field: str) -> str:
    if group := GROUP.fullmatch(field):
        return f"{group[1]}xxxx"
    return field if field == "all" else typed.path(field, "--field")


def _ordered(name: str) -> str:
    return name[: name.startswith("-")] + typed.path(name.removeprefix("-"), "--order")


def _filters(keys: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The matching keys. One that is repeated has several values."""
    filters: dict[str, list[str]] = {}
    for key, value in keys:
        filters.setdefault(key, []).append(value)
    return filters


def _given(filters: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The UIDs that are the same in all results, for they were given."""
    for name in UIDS & filters.keys():
        if len(filters[name]) == 1 and filters[name][0].strip().replace(".", "").isdigit():
            yield name
