"""What roles show, as the view of a data partition: their searches, read as those of `/dicomweb` are."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl

from filmroom.access import Grant
from filmroom.archive import Archive
from filmroom.dicom import attributes
from filmroom.dicom.conditions import Key
from filmroom.dicom.levels import Level
from filmroom.dicom.query_tags import QueryTag, parse_path
from filmroom.dicom.resources import Resource
from filmroom.dicom.views import View
from filmroom.errors import BadRequest, Forbidden, Misconfigured
from filmroom.protocol import queries
from filmroom.protocol.dialects import DICOMWEB
from filmroom.services import deidentified


@dataclass(frozen=True, slots=True)
class Shown:
    """What grants show together, in words that can be kept with what is done later.

    searches  that find the Studies; None: all are shown
    profile   the name of that by which they are de-identified; None: they are as they are stored
    """

    searches: tuple[str, ...] | None = None
    profile: str | None = None


EVERYTHING = Shown()


def together(grants: Sequence[Grant]) -> Shown:
    """What all these grants show. What some show as it is stored, others do not show de-identified as well: who saw
    both would know whose images they are."""
    plain = tuple(one for one in grants if not one.deidentified)
    if plain or not grants:
        return Shown(_searches(plain))
    names = sorted({one.deidentified for one in grants})
    if len(names) > 1:
        raise Forbidden(
            f"Roles that de-identify by different profiles ({', '.join(names)}) can't be put together: by both, what "
            "one hides would be seen. Ask for one of them."
        )
    return Shown(_searches(grants), names[0])


def _searches(grants: Sequence[Grant]) -> tuple[str, ...] | None:
    if any(not one.studies for one in grants):
        return None
    return tuple(dict.fromkeys(one.studies for one in grants))


def faults(roles: Mapping[str, Grant], profiles: Collection[str]) -> Iterator[str]:
    """What is wrong with roles whatever is stored, and whatever is made searchable later."""
    for name, role in roles.items():
        if role.deidentified and role.deidentified not in profiles:
            known = ", ".join(sorted(profiles))
            yield f"the role {name}: deidentified names the profile '{role.deidentified}'; there are {known}"
        for keyword, value in parse_qsl(role.studies, keep_blank_values=True):
            if parse_path(keyword) is None:
                near = attributes.nearest(keyword)
                yield f"the role {name}: studies has '{keyword}', which is no attribute{(near and f': {near}?') or ''}"
            elif not value:
                yield f"the role {name}: studies has {keyword} without a value"


def view(archive: Archive, grants: Sequence[Grant], partition: int) -> View:
    """What all these grants show of a data partition, as it is now."""
    shown = together(grants)
    studies = found_by(archive, shown.searches, partition)
    if shown.profile is None:
        return View(studies)
    try:
        return View(studies, deidentified.profile(archive, shown.profile))
    except BadRequest as error:
        raise Misconfigured(f"What a role shows can't be de-identified: {error}") from error


def found_by(archive: Archive, searches: Iterable[str] | None, partition: int) -> tuple[tuple[Key, ...], ...] | None:
    """Searches, as `View` has them."""
    return None if searches is None else tuple(_keys(archive, search, partition) for search in searches)


def _keys(archive: Archive, search: str, partition: int) -> tuple[Key, ...]:
    """The keys of one search. What can't be heeded would show too much, so the search must be without fault."""
    parameters = parse_qsl(search, keep_blank_values=True)
    tags = partial(_known_tags, archive)
    try:
        query, warnings = queries.parse(DICOMWEB, Level.SERIES, Resource(partition=partition), parameters, tags)
    except BadRequest as error:
        raise Misconfigured(f"The search for the Studies of a role can't be understood: {error}") from error
    if warnings or len(query.keys) != len(parameters):
        reason = " ".join(warnings) or "each part of it must be a matching key with a value."
        raise Misconfigured(f"The search for the Studies of a role can't be heeded: {reason}")
    return query.keys


def _known_tags(archive: Archive) -> Sequence[QueryTag]:
    with archive.index.read() as tx:
        return archive.additions.known.of(tx).tags
