"""Searches by who sees what is stored de-identified: what they may ask for, and what they are answered.

Who may search for a name, or by it have answers in order, learns whose images they are. So only attributes that are
kept as they are can be matching keys and put answers in order; and UIDs, which are pseudonyms, of one Study at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from filmroom.archive import Archive
from filmroom.dicom import attributes, json_model
from filmroom.dicom.conditions import Equal, Key, OneOf
from filmroom.dicom.deidentification import Deidentification, Option, rules
from filmroom.dicom.deidentification.elements import SUBJECT, part_of_json
from filmroom.dicom.json_model import Elements
from filmroom.dicom.query import Query
from filmroom.dicom.resources import Level, Resource
from filmroom.errors import BadParameter, Forbidden
from filmroom.services import pseudonyms

_STUDY, _SERIES, _INSTANCE = _UIDS = 0x0020000D, 0x0020000E, 0x00080018


def resolved(archive: Archive, query: Query) -> Query:
    """The search for what is stored; it also answers with what de-identification needs to know."""
    profile = query.scope.view.deidentification
    if profile is None:
        return query
    if query.patients:
        raise Forbidden("Patients are not listed where they are de-identified: search for Studies.")
    for by in query.order:
        _check(profile, f"{by.tag:08X}", "put answers in order")
    keys = {key.tag: key for key in query.keys if key.tag in _UIDS and key.by is None}
    for key in query.keys:
        if key is not keys.get(key.tag):
            _check(profile, key.by.path if key.by else f"{key.tag:08X}", "be a matching key")
    scope = pseudonyms.resolved(archive, query.scope)
    found = _by_uids(archive, profile, scope, keys)
    return replace(
        query,
        scope=scope,
        keys=tuple(found.get(key.tag, key) if key.by is None else key for key in query.keys),
        attributes=query.attributes.union(SUBJECT),
        padding=True,  # what is stored is de-identified, and only then is it put as it was asked for
    )


def answer(query: Query, found: Elements) -> Elements:
    """What a match is answered with. `query` is the search as it was asked."""
    profile = query.scope.view.deidentification
    if profile is None:
        return found
    added = {
        attributes.key(tag)
        for tag in SUBJECT
        if not (query.all_attributes or tag in query.attributes or tag >> 16 in query.groups)
    }
    made = part_of_json(found, profile)
    made = made if query.padding else json_model.unpadded(made)
    return {key: element for key, element in made.items() if key not in added}


def called(query: Query, resource: Resource) -> Resource:
    """What a match is called."""
    profile = query.scope.view.deidentification
    return resource if profile is None else pseudonyms.called(profile, resource)


def _check(profile: Deidentification, path: str, what: str) -> None:
    if not all(rules.keeps(profile.options, key) for key in path.split(".")):
        name = ".".join(attributes.name(int(key, 16)) for key in path.split("."))
        raise BadParameter(
            f"The attribute '{name}' can't {what} here: what is stored is de-identified for you, and it is removed or "
            "changed. Attributes that are kept can, such as Modality, and UIDs as you know them."
        )


def _by_uids(archive: Archive, profile: Deidentification, scope: Resource, keys: Mapping[int, Key]) -> dict[int, Key]:
    """The keys with the UIDs that are stored."""
    if Option.UIDS in profile.options:
        return {}
    found: dict[int, Sequence[str]] = {}
    if _STUDY in keys:
        found[_STUDY] = [pseudonyms.study(archive, profile, one, scope.partition) for one in _values(keys[_STUDY])]
    named = found.get(_STUDY, ())
    study = named[0] if scope.study is None and len(named) == 1 else scope.study
    for tag, level in ((_SERIES, Level.SERIES), (_INSTANCE, Level.INSTANCE)):
        if tag in keys:
            if study is None:
                raise BadParameter(
                    f"The attribute '{attributes.name(tag)}' can be a matching key only for one Study here, where what "
                    "is stored is de-identified for you: name that in the path."
                )
            above = Resource(study, scope.series if level is Level.INSTANCE else None, partition=scope.partition)
            found[tag] = pseudonyms.below(archive, profile, above, level, _values(keys[tag]))
    return {tag: replace(keys[tag], condition=OneOf(tuple(uids))) for tag, uids in found.items()}


def _values(key: Key) -> tuple[str, ...]:
    match key.condition:
        case Equal(value):
            return (value,)
        case OneOf(values):
            return values
    raise BadParameter(f"The attribute '{attributes.name(key.tag)}' takes UIDs alone here: no wildcards.")
