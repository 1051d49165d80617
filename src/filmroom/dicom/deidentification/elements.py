"""Data sets in the DICOM JSON Model, de-identified by PS3.15 Annex E. Items keep their numbers, and so BulkDataURIs."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from filmroom.dicom import attributes, json_model
from filmroom.dicom.deidentification import dates, rules
from filmroom.dicom.deidentification.profile import Deidentification, Option
from filmroom.dicom.deidentification.rules import PATIENT_ID, Action
from filmroom.dicom.json_model import Elements

SUBJECT = (PATIENT_ID, 0x0020000D)  # Study Instance UID
_VALUES = ("Value", "InlineBinary", "BulkDataURI")

# Of the VRs that attributes with the action D have
_DUMMIES: Mapping[str, Mapping[str, Any]] = {
    **{vr: {"Value": ["REMOVED"]} for vr in ("AE", "CS", "LO", "LT", "SH", "ST", "UC", "UT")},
    **{vr: {"InlineBinary": "AAA="} for vr in ("OB", "UN")},
    "AS": {"Value": ["000Y"]},
    "DA": {"Value": ["19000101"]},
    "DT": {"Value": ["19000101000000"]},
    "PN": {"Value": [{"Alphabetic": "REMOVED"}]},
    "SQ": {"Value": [{}]},
    "TM": {"Value": ["000000"]},
    "UR": {"Value": ["about:blank"]},
}
_TELLING = frozenset({"DA", "DT", "PN", "UI", "UR"})  # VRs that say that there is a date, a person, an object
_MODIFIED = {Option.FULL_DATES: "UNMODIFIED", Option.MODIFIED_DATES: "MODIFIED"}


def of_json(elements: Elements, profile: Deidentification) -> Elements:
    """The data set of an Instance, de-identified."""
    return Cleaner(profile, subject(elements)).cleaned(elements, 0)


def part_of_json(elements: Elements, profile: Deidentification) -> Elements:
    """Some attributes of a data set, of which those of `SUBJECT` must be; nothing is added to them."""
    return Cleaner(profile, subject(elements)).cleaned(elements, 1)


def subject(elements: Mapping[str, Any]) -> str:
    """Whom a data set is about: the Patient ID or, if there is none, the UID of the Study."""
    found = (str(json_model.first(elements, tag) or "").strip(" \0") for tag in SUBJECT)
    return next(filter(None, found), "")


class Cleaner:
    """De-identifies the data sets of one Instance."""

    def __init__(self, profile: Deidentification, subject: str) -> None:
        self._profile = profile
        self._patient = profile.patient(subject)
        self._days = profile.days(subject)
        self._rules = rules.listed(profile.options)

    def cleaned(self, elements: Elements, depth: int) -> Elements:
        """A data set at a depth with all that is in it."""
        changes = self.changes(elements, depth)
        kept: Elements = {}
        for key in sorted({*elements, *changes}):
            element = changes[key] if key in changes else self._with_items(elements[key], depth)
            if element is not None:
                kept[key] = element
        return kept

    def _with_items(self, element: dict[str, Any], depth: int) -> dict[str, Any]:
        if element["vr"] != "SQ" or "Value" not in element:
            return element
        return element | {"Value": [self.cleaned(item, depth + 1) for item in element["Value"]]}

    def changes(self, elements: Mapping[str, Any], depth: int) -> dict[str, dict[str, Any] | None]:
        """What takes the place of attributes of a data set; None if nothing does. Kept Items are left."""
        changes: dict[str, dict[str, Any] | None] = {}
        for key, element in elements.items():
            action = self._rules.get(key) or rules.unlisted(key)
            if action is Action.KEEP and _is_as_said(key, element["vr"]):
                continue
            new = None if action is Action.REMOVE else self._done(action, key, element)
            if new is not element:
                changes[key] = new
        return changes | self._added() if depth == 0 else changes

    def _done(self, action: Action, key: str, element: dict[str, Any]) -> dict[str, Any] | None:
        tag = int(key, 16)
        vr = attributes.vr(tag) or "UN"
        match action:
            case Action.KEEP | Action.KEEP_ITEMS:
                return element if _is_known(action, key, element) else None
            case Action.REMOVE:
                return None
            case Action.SHIFT:
                moved = [self._moved(vr, value) for value in element.get("Value", ())]
                if None in moved or not element.keys().isdisjoint(("InlineBinary", "BulkDataURI")):
                    return self._done(rules.basic(key), key, element)
                return _element(vr, moved)
            case Action.UID:
                return _element("UI", [self._profile.pseudonym(value) for value in _texts(element)])
            case Action.PATIENT_ID:
                ids = (value.strip(" \0") for value in _texts(element))
                return _element(vr, [self._profile.patient(value) for value in ids if value])
            case Action.PATIENT_NAME if element.get("Value"):
                return _element(vr, [{"Alphabetic": self._patient}])
            case Action.DUMMY if any(name in element for name in _VALUES):
                return {"vr": vr, **_DUMMIES[vr]}
        return {"vr": vr}  # what was empty stays empty

    def _moved(self, vr: str, value: Any) -> str | None:
        if value is None:
            return ""
        return dates.moved(vr, value, self._days) if isinstance(value, str) else None

    def _added(self) -> dict[str, dict[str, Any] | None]:
        """What says that it was de-identified, and how (PS3.3 §C.7.1.1, §C.12.1)."""
        methods = self._profile.methods
        dates = [word for option, word in _MODIFIED.items() if option in self._profile.options]
        return {
            "00120062": _element("CS", ["YES"]),
            "00120063": _element("LO", [method.meaning for method in methods]),
            "00120064": _element("SQ", [_code(*method) for method in methods]),
            "00280303": _element("CS", dates or ["REMOVED"]),
        }


def _is_known(action: Action, key: str, element: dict[str, Any]) -> bool:
    """Whether it is known what is in a value that is to be kept. A sequence that can't be read may hold anything."""
    if element["vr"] == "SQ":
        return True
    if element["vr"] == "UN":
        return action is Action.KEEP and attributes.vr(int(key, 16)) is not None
    return action is Action.KEEP and _is_as_said(key, element["vr"])


@lru_cache(maxsize=8192)
def _is_as_said(key: str, vr: str) -> bool:
    """Whether a value is what the dictionary says: in a file, a name may stand where a code should."""
    return vr not in _TELLING or vr in (attributes.vr(int(key, 16)) or "").split(" or ")


def _element(vr: str, values: list[Any]) -> dict[str, Any]:
    return {"vr": vr, "Value": values} if values else {"vr": vr}


def _texts(element: Mapping[str, Any]) -> list[str]:
    """What is no text, as a file may have it in spite of the dictionary, is an empty one."""
    return [value if isinstance(value, str) else "" for value in element.get("Value", ())]


def _code(value: str, meaning: str) -> Elements:
    return {
        "00080100": _element("SH", [value]),
        "00080102": _element("SH", ["DCM"]),
        "00080104": _element("LO", [meaning]),
    }
