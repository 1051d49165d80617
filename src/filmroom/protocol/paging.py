"""The parameters of a page beside limit and offset: the order of all pages, and the cursor of this one."""

import re
from collections.abc import Callable, Collection, Sequence

from filmroom.dicom import attributes
from filmroom.dicom.order import By, Place
from filmroom.errors import BadParameter
from filmroom.protocol import cursors

_MOST = 4  # attributes: each adds its value to cursors, which are parts of URLs
_TERM = re.compile(r"(?P<minus>-?)\s*(?P<name>\S+)(?:\s+(?P<way>asc|desc))?", re.IGNORECASE)


def order(values: Sequence[str], sortable: Collection[int], warn: Callable[[str, str], None]) -> tuple[By, ...]:
    """orderby=-StudyDate,PatientName, or with "desc" behind. What can't be ordered by is passed over."""
    found: dict[int, By] = {}
    for text in filter(None, (one.strip() for value in values for one in value.split(","))):
        term = _TERM.fullmatch(text)
        tag = attributes.parse(term["name"]) if term else None
        if term is None or tag not in sortable:
            warn(text, "answers can't be ordered by it at this level.")
        elif tag is not None:
            descending = bool(term["minus"]) or (term["way"] or "").lower() == "desc"
            found.setdefault(tag, By(tag, descending))
    if len(found) > _MOST:
        raise BadParameter(f"The query parameter 'orderby' names {len(found)} attributes; it takes {_MOST}.")
    return tuple(found.values())


def after(secret: bytes, about: Callable[[], bytes], given: Sequence[str], offset: Sequence[str]) -> Place | None:
    """The place at which the page begins; None is the first. `about` gives what a cursor belongs to."""
    cursor = next(filter(None, given), None)
    if cursor is None:
        return None
    if any(value.strip() for value in offset):
        raise BadParameter(
            "The query parameters 'cursor' and 'offset' exclude each other: a cursor says where to go on."
        )
    return cursors.unseal(secret, about(), cursor)
