"""Bodies in JSON that are no data sets, read as the Azure service does, with its sentences."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import orjson

from filmroom.errors import BadRequest

T = TypeVar("T")

# What is no text is passed over; a text that does not end is one to the end of the body.
_TEXT = rb'(?P<text>"(?:[^"\\]|\\.)*+"?)'
_COMMENT = re.compile(_TEXT + rb"|//[^\r\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_LAST_COMMA = re.compile(_TEXT + rb"|,(?=\s*[\]}])", re.DOTALL)


def read(body: bytes) -> Any:
    """JSON, in which comments and a comma behind the last of a list do no harm (as in the Azure service)."""
    for aside in (_COMMENT, _LAST_COMMA):
        body = aside.sub(lambda found: found["text"] or b" ", body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest("The syntax of the request body is invalid.") from error


def bad_field(place: str, detail: str) -> BadRequest:
    """What is wrong with a field of a body."""
    return BadRequest(f"The field '{place}' in request body is invalid: {detail}")


def chosen(place: str, value: Any, choices: Mapping[str, T]) -> T:
    """What a name stands for, in any letter case."""
    for name, meant in choices.items():
        if isinstance(value, str) and value.lower() == name.lower():
            return meant
    raise bad_field(
        place, f"Expected value '{value}' to be one of the following values: [{', '.join(map(repr, choices))}]"
    )


def members(place: str, value: Any) -> dict[str, Any]:
    """The members of an object that are not null, by their names in lower case."""
    if not isinstance(value, dict):
        raise bad_field(place, "An object is expected.")
    return {name.lower(): one for name, one in value.items() if one is not None}
