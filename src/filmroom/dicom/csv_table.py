"""Data sets as a table in CSV (RFC 4180): a column for each attribute, a row for each data set.

Several values have a backslash between them, as in DICOM; person names are as "A=I=P". Spreadsheets take a cell that
begins with one of a few signs for a formula, and run it: such a text gets an apostrophe before it, which they hide, and
so does a text that begins with one. So whoever reads the table otherwise takes one apostrophe away wherever a cell
begins with it, and has the values as they are. Numbers, also negative ones, are no formulas and stay as they are.
"""

import csv
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from filmroom.dicom import attributes, json_model

_SUSPICIOUS = re.compile("[=+\\-@\t\r\n'\uff1d\uff0b\uff0d\uff20]")  # also in full width
# Possessive: a text of thousands of digits that is no number is to be given up at once.
_ONE = r"[+-]?(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+"
_NUMBERS = re.compile(rf"{_ONE}(?:\\{_ONE})*+")


def columns(tags: Collection[int]) -> list[int]:
    """Those of the attributes that a cell can hold: no sequences, and nothing private, which has no name."""
    return sorted(tag for tag in tags if attributes.vr(tag) != "SQ" and not attributes.is_private(tag))


def write(tags: Sequence[int], data_sets: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """The table, in pieces of a row: keywords at first."""
    yield _row([attributes.name(tag) for tag in tags])
    for elements in data_sets:
        yield _row(["\\".join(json_model.texts(elements, tag)) for tag in tags])


def _row(cells: Iterable[str]) -> bytes:
    line = StringIO(newline="")
    csv.writer(line).writerow(map(harmless, cells))
    return line.getvalue().encode(errors="replace")


def harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + text if _SUSPICIOUS.match(text) and not _NUMBERS.fullmatch(text) else text
