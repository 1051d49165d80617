"""Extended query tags in JSON, as the Azure service writes and reads them, with its sentences."""

from collections.abc import Mapping
from typing import Any, TypeVar

from filmroom.dicom import attributes, instants, query_tags, value_rules
from filmroom.dicom.query_tags import BUILT_IN, BadValue, Listed, QueryTag, Status
from filmroom.dicom.resources import Level
from filmroom.errors import BadRequest
from filmroom.protocol import json_bodies
from filmroom.protocol.dialects import Dialect

T = TypeVar("T")

PATH = "/extendedquerytags"

_LEVELS = {level.name.title(): level for level in sorted(Level, reverse=True)}
_QUERY_STATUSES = {"Disabled": False, "Enabled": True}
_DEEPEST = 16  # attributes in a path
_REQUIRED = "The Dicom Tag Property {name} must be specified and must not be null, empty or whitespace."
_NO_TAG = "The extended query tag '{path}' is invalid as it cannot be parsed into a valid Dicom Tag."


def parse(dialect: Dialect, body: bytes) -> list[QueryTag]:
    """The tags that a body declares."""
    entries = json_bodies.read(body)
    if not isinstance(entries, list):
        raise json_bodies.bad_field("$", "A list of extended query tags is expected.")
    if not entries:
        raise BadRequest("The extended query tag(s) is missing.")
    tags: dict[str, QueryTag] = {}
    # Fields are read first: what they lack is told before what they say.
    for fields in [_fields(place, entry) for place, entry in enumerate(entries)]:
        tag = _tag(dialect, fields)
        if tag.path in tags:
            raise BadRequest(f"The extended query tag '{fields['path']}' has been specified before.")
        tags[tag.path] = tag
    return list(tags.values())


def parse_update(body: bytes) -> bool:
    """Whether searches by a tag are to be enabled."""
    fields = json_bodies.read(body)
    if not isinstance(fields, dict):
        raise json_bodies.bad_field("$", "An object with queryStatus is expected.")
    for name in fields:
        if name.lower() != "querystatus":
            raise BadRequest(f'The field is not supported: "{name}".')
    if not fields:
        raise json_bodies.bad_field("QueryStatus", "The property QueryStatus must be specified: Enabled or Disabled.")
    return json_bodies.chosen("$.QueryStatus", next(iter(fields.values())), _QUERY_STATUSES)


def parse_path(path: str) -> str:
    """The path of a tag with hexadecimal digits. What one root has declared, all can look at and delete."""
    found = query_tags.parse_path(path) if path.count(".") < _DEEPEST else None
    if found is None:
        raise BadRequest(_NO_TAG.format(path=path))
    return found


def describe(listed: Listed, root: str) -> dict[str, Any]:
    """A tag in an answer. `root` is the absolute URL of the dialect's root."""
    tag, errors = listed
    adding = tag.operation is not None and tag.status is Status.ADDING
    described = {
        "path": tag.path,
        "vr": tag.vr,
        "privateCreator": tag.creator,
        "level": tag.level.name.lower(),
        "status": tag.status,
        "queryStatus": "enabled" if tag.enabled else "disabled",
        "errors": {"count": errors, "href": f"{root}{PATH}/{tag.path}/errors"} if errors else None,
        "operation": {"id": tag.operation, "href": f"{root}/operations/{tag.operation}"} if adding else None,
    }
    return {name: value for name, value in described.items() if value is not None}


def describe_error(found: BadValue) -> dict[str, str]:
    """An Instance with a value that is not valid, in an answer."""
    return {
        "studyInstanceUid": found.study,
        "seriesInstanceUid": found.series,
        "sopInstanceUid": found.instance,
        "partitionName": found.partition,
        "createdTime": instants.written(found.created),
        "errorMessage": found.message,
    }


def _fields(place: int, entry: Any) -> dict[str, Any]:
    """The fields of one entry by their names in lower case; what must be there is there."""
    if not isinstance(entry, dict):
        raise json_bodies.bad_field(f"$[{place}]", "An extended query tag with path and level is expected.")
    fields = {name.lower(): value for name, value in entry.items() if value is not None}
    for name in ("Path", "VR", "PrivateCreator", "Level"):
        value = fields.get(name.lower(), "")
        if not isinstance(value, str):
            raise json_bodies.bad_field(f"$[{place}].{name}", "A text is expected.")
        if name in ("Path", "Level") and not value.strip():
            raise json_bodies.bad_field(f"[{place}].{name}", _REQUIRED.format(name=name))
    fields["level"] = json_bodies.chosen(f"$[{place}].Level", fields["level"], _LEVELS)
    return fields


def _tag(dialect: Dialect, fields: Mapping[str, Any]) -> QueryTag:
    given, creator = fields["path"], fields.get("privatecreator") or None
    if "." in given and not dialect.sequence_keys:
        raise BadRequest(_NO_TAG.format(path=given))
    path = parse_path(given)
    *sequences, last = (int(part, 16) for part in path.split("."))
    if path in {tag.path for tag in BUILT_IN} or (not sequences and last in dialect.matching_keys):
        raise BadRequest(f"The query tag '{given}' is already supported.")
    if any(attributes.vr(sequence) != "SQ" for sequence in sequences):
        raise BadRequest(_NO_TAG.format(path=given))
    _check_creator(given, last, creator, inside=bool(sequences))
    vr = _vr(given, last, (fields.get("vr") or "").upper())
    return QueryTag(0, path, vr, fields["level"], creator)


def _vr(given: str, tag: int, vr: str) -> str:
    expected = (attributes.vr(tag) or "").split(" or ") if not attributes.is_private(tag) else [""]
    if _is_creator(tag):
        expected = ["LO"]
    if not vr and expected == [""]:
        raise BadRequest(f"The vr for tag '{given}' is missing.")
    if vr and expected != [""] and vr not in expected:
        raise BadRequest(
            f"The VR code '{vr}' is incorrectly specified for '{given}'. The expected VR code for it is "
            f"'{expected[0]}'. Retry this request either with the correct VR code or without specifying it."
        )
    vr = vr or expected[0]
    if vr not in query_tags.VRS:
        raise BadRequest(f"The VR code '{vr}' specified for tag '{given}' is not supported.")
    return vr


def _is_creator(tag: int) -> bool:
    """Whether it reserves a block of private attributes (PS3.5 §7.8.1)."""
    return attributes.is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF


def _check_creator(given: str, tag: int, creator: str | None, *, inside: bool) -> None:
    private = attributes.is_private(tag)
    if private and (inside or tag & 0xFFFF < 0x10 or 0xFF < tag & 0xFFFF < 0x1000):
        raise BadRequest(_NO_TAG.format(path=given))
    if private and not _is_creator(tag):
        if creator is None:
            raise BadRequest(f"The private creator for tag '{given}' is missing.")
        if value_rules.minimum("LO", creator) or "\\" in creator:
            raise BadRequest(f"The private creator for tag '{given}' is not a valid LO value.")
    elif creator is not None:
        raise BadRequest(f"The private creator for tag '{given}' must be left out: the tag is no private data element.")
