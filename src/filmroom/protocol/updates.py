"""Updates of Studies in JSON, as the Azure service reads them, with its sentences."""

from dataclasses import dataclass
from typing import Any

from filmroom.dicom import attributes, updates
from filmroom.dicom.json_model import Elements
from filmroom.errors import BadAttributes, BadRequest
from filmroom.protocol import json_bodies, targets
from filmroom.protocol.dialects import Dialect

MOST_STUDIES = 50
_MISSING = "The required field '{}' is missing or empty."
_ONE_STUDY = "UIDs can be changed, and a Series or an Instance be named, of one Study at a time."


@dataclass(frozen=True, slots=True)
class Update:
    """What is to be changed of which Studies; of one Study it may be of one Series or Instance alone."""

    studies: tuple[str, ...]
    changes: Elements  # in the DICOM JSON Model
    series: str | None = None
    instance: str | None = None


def parse(dialect: Dialect, body: bytes) -> Update:
    """The update that a body asks for."""
    given = json_bodies.read(body)
    if not isinstance(given, dict):
        raise json_bodies.bad_field("$", "An object with studyInstanceUids and changeDataset is expected.")
    fields = {name.lower(): value for name, value in given.items() if value is not None}
    studies = _studies(dialect, fields.get("studyinstanceuids"))
    series, instance = (
        None if name.lower() not in fields else _uid(dialect, fields[name.lower()], place, name)
        for place, name in ((1, "seriesInstanceUid"), (2, "sopInstanceUid"))
    )
    changes = _changes(fields.get("changedataset"))
    _check(studies, series, instance, updates.uids(changes))
    return Update(studies, changes, series, instance)


def _studies(dialect: Dialect, given: Any) -> tuple[str, ...]:
    if not given:
        raise BadRequest(_MISSING.format("StudyInstanceUids"))
    if not isinstance(given, list):
        raise json_bodies.bad_field("$.studyInstanceUids", "A list of UIDs is expected.")
    if len(given) > MOST_STUDIES:
        raise BadRequest(f"StudyInstanceUids count exceeded maximum length '{MOST_STUDIES}'")
    uids = [_uid(dialect, one, 0, f"studyInstanceUids[{place}]") for place, one in enumerate(given)]
    return tuple(dict.fromkeys(uids))


def _uid(dialect: Dialect, given: Any, place: int, name: str) -> str:
    if not isinstance(given, str):
        raise json_bodies.bad_field(f"$.{name}", "A UID is expected.")
    return targets.uid(given, dialect.wording.uids[place], dialect.wording)


def _changes(given: Any) -> Elements:
    if not given:
        raise BadRequest(_MISSING.format("ChangeDataset"))
    if not isinstance(given, dict):
        raise json_bodies.bad_field("$.changeDataset", "A data set in the DICOM JSON Model is expected.")
    changes = {_key(name): _element(name, element) for name, element in given.items()}
    if problems := updates.check(changes):
        raise BadAttributes("Attributes can't be updated so.", [(one.tag, one.message) for one in problems])
    return changes


def _key(name: str) -> str:
    tag = attributes.parse(name)
    if tag is None:
        raise json_bodies.bad_field(f"$.changeDataset.{name}", "Tags of eight hexadecimal digits are expected.")
    return attributes.key(tag)


def _element(name: str, given: Any) -> dict[str, Any]:
    place = f"$.changeDataset.{name}"
    if not isinstance(given, dict) or not isinstance(given.get("vr"), str):
        raise json_bodies.bad_field(place, "An object with vr and Value is expected.")
    values = given.get("Value")
    if values is not None and not isinstance(values, list):
        raise json_bodies.bad_field(place, "The Value must be a list.")
    return {"vr": given["vr"].upper(), **({"Value": values} if values else {})}


def _check(
    studies: tuple[str, ...], series: str | None, instance: str | None, new: tuple[str | None, str | None, str | None]
) -> None:
    """Which parts of a Study can be named, and must be."""
    study, new_series, new_instance = new
    if len(studies) > 1 and any((series, instance, study, new_series, new_instance)):
        raise BadRequest(_ONE_STUDY)
    if series is None and (instance is not None or new_instance is not None):
        raise BadRequest(_MISSING.format("SeriesInstanceUid"))
