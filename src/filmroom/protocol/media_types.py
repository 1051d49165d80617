"""Media types and the values of Accept (PS3.18 §8.7, RFC 9110 §8.3.1 and §12.5.1), read tolerantly."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

# What stands between separators that are not inside quotes; a quote that is not closed lasts to the end.
_QUOTED = r'"(?:\\.|[^"\\])*+"?'
_VALUES = re.compile(rf'(?:[^,"]++|{_QUOTED})+', re.DOTALL)
_PARAMETERS = re.compile(rf'(?:[^;"]++|{_QUOTED})+', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type or range. Names of parameters are in lower case, values without quotes; `q` is none."""

    type: str
    parameters: Mapping[str, str]
    q: float


@lru_cache(maxsize=512)  # the same few come with every request and every part
def parse(text: str) -> MediaType:
    """One media type: `multipart/related; type="application/dicom"`. What can't be read is left out."""
    first, *rest = _PARAMETERS.findall(text) or [""]
    parameters: dict[str, str] = {}
    for part in rest:
        name, equals, value = part.partition("=")
        if equals:
            parameters.setdefault(name.strip().lower(), _unquote(value.strip()))
    q = _quality(parameters.pop("q", ""))
    media_type = first.strip().lower()
    return MediaType("*/*" if media_type == "*" else media_type, parameters, q)  # "*" alone: Java and dcm4che


def parse_accept(headers: Sequence[str]) -> list[MediaType]:
    """All values of the Accept headers of a request, in their order."""
    return [parse(value) for header in headers for value in _VALUES.findall(header) if value.strip()]


def _unquote(value: str) -> str:
    if not value.startswith('"'):
        return value
    return _ESCAPED.sub(r"\1", value[1:].removesuffix('"'))


def _quality(text: str) -> float:
    """Between 0 and 1; what is not a number counts as 1, as if it were not there."""
    try:
        return max(0.0, min(1.0, float(text))) if text else 1.0
    except ValueError:
        return 1.0


def restored(accept: str) -> str:
    """The query parameter `accept`, in which a "+" that was not percent-encoded is a blank: application/dicom json."""
    return re.sub(r"(?<=\w) (?=\w)", "+", accept)
