"""Results as a table of pandas, which need not be installed."""

import importlib
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from filmroom.client._json import Json
from filmroom.dicom import attributes


def pandas() -> ModuleType:
    """The library, or a sentence that says how to get it."""
    try:
        return importlib.import_module("pandas")
    except ImportError:
        raise ImportError("A table is one of pandas, which is not installed: pip install pandas.") from None


def row(item: Json) -> dict[str, Any]:
    """Keyword -> value; a list where there are several, the Alphabetic group of names, items of sequences likewise."""
    return {_keyword(name): _cell(element.get("Value", [])) for name, element in item.items()}


def frame(library: ModuleType, rows: Iterable[dict[str, Any]]) -> Any:
    """The DataFrame."""
    return library.DataFrame(list(rows))


def _keyword(name: str) -> str:
    tag = attributes.parse(name)
    return name if tag is None else attributes.keyword(tag) or name


def _cell(values: list[Any]) -> Any:
    cells = [_value(value) for value in values]
    return cells[0] if len(cells) == 1 else cells or None


def _value(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if groups := [value[group] for group in ("Alphabetic", "Ideographic", "Phonetic") if group in value]:
        return groups[0]
    return row(value) if value else None
