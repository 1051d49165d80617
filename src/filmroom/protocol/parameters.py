"""Values of query parameters that are numbers or truths, whatever they are parameters of."""

import re
from collections.abc import Iterable, Sequence

from filmroom.dicom.wording import Wording
from filmroom.errors import BadParameter

LARGEST_INTEGER = 2**63 - 1
DEFAULT_LIMIT, LARGEST_LIMIT = 100, 200  # of lists that are no searches
_INTEGER = re.compile(r"\s*\+?([0-9]{1,19})\s*")
_BOOLEANS = {"true": True, "false": False}


def integer(name: str, values: Sequence[str], default: int, smallest: int, largest: int, said: Wording) -> int:
    """The first of the values of a parameter; `name` is what the Azure service calls it."""
    text = values[0].strip() if values else ""
    if not text:
        return default
    found = _INTEGER.fullmatch(text)
    if found is None or not smallest <= int(found[1]) <= largest:
        facts = {"name": name, "parameter": name.lower(), "smallest": smallest, "largest": largest}
        raise BadParameter(said.parameter.format(text=text, **facts))
    return int(found[1])


def boolean(name: str, parameter: str, values: Sequence[str], default: bool, said: Wording) -> bool:
    """The first of the values of a parameter; `name` is what the Azure service calls it."""
    text = values[0].strip().lower() if values else ""
    if text and text not in _BOOLEANS:
        raise BadParameter(said.flag.format(text=values[0].strip(), name=name, parameter=parameter))
    return _BOOLEANS.get(text, default)


def page(parameters: Iterable[tuple[str, str]], said: Wording) -> tuple[int, int]:
    """Limit and offset of a list that is no search."""
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        given.setdefault(name.lower(), []).append(value)
    limit = integer("Limit", given.get("limit", []), DEFAULT_LIMIT, 1, LARGEST_LIMIT, said)
    return limit, integer("Offset", given.get("offset", []), 0, 0, LARGEST_INTEGER, said)
