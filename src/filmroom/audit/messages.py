"""DICOM audit messages (PS3.15 §A.5): what a line of the trail is in XML, for the audit repository of a site.

Which event an action is stands in one table. An action that is not there has no message: nobody's data were concerned.
Identifiers alone are told, as everywhere: of a patient the Patient ID.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from xml.etree.ElementTree import Element, SubElement, tostring

from filmroom.audit import chain
from filmroom.audit.records import Record
from filmroom.dicom.xml_model import printable

Code = tuple[str, str]  # of DCM, and its meaning

# Roles of participants (PS3.16 CID 402)
APPLICATION, LAUNCHER = ("110150", "Application"), ("110151", "Application Launcher")
DESTINATION, SOURCE = ("110152", "Destination Role ID"), ("110153", "Source Role ID")
DESTINATION_MEDIA, SOURCE_MEDIA = ("110154", "Destination Media"), ("110155", "Source Media")

_STUDY, _SOP_CLASS = ("110180", "Study Instance UID"), ("110181", "SOP Class UID")
_PATIENT, _URI = ("2", "Patient Number"), ("12", "URI")  # of RFC 3881
_FIND = "1.2.840.10008.5.1.4.1.2.2.1"  # Study Root Query/Retrieve Information Model - FIND


@dataclass(frozen=True, slots=True)
class Event:
    """What is told of an action: Event ID, Event Action Code, Event Type Code, and who is in which role (§A.5.3)."""

    id: Code
    action: str
    who: Code | None = None
    we: Code | None = None  # the role of this service; None: it is not named
    type: Code | None = None
    media: Code | None = None


_ACCESSED, _TRANSFERRED = ("110103", "DICOM Instances Accessed"), ("110104", "DICOM Instances Transferred")
_ALERT = ("110113", "Security Alert")
_READ = Event(_ACCESSED, "R")
_SENT = Event(_TRANSFERRED, "R", who=DESTINATION, we=SOURCE)
_QUERIED = Event(("110112", "Query"), "E", who=SOURCE, we=DESTINATION)
_UPDATED = Event(_ACCESSED, "U")
_APPLICATION = ("110100", "Application Activity")
_STOPPED_RECORDING = Event(_ALERT, "E", type=("110133", "Audit Recording Stopped"))
_USERS = Event(_ALERT, "E", type=("110137", "User Security Attributes Changed"))
_OBJECTS = Event(_ALERT, "E", type=("110135", "Object Security Attributes Changed"))

EVENTS: Mapping[str, Event] = MappingProxyType(
    {
        "retrieve": _SENT,
        "retrieve-rendered": _SENT,
        "retrieve-metadata": _READ,
        "change-feed": _READ,
        "query": _QUERIED,
        "store": Event(_TRANSFERRED, "C", who=SOURCE, we=DESTINATION),
        "delete": Event(_ACCESSED, "D"),
        "update-study": _UPDATED,
        "update-study-operation": _UPDATED,
        "export": Event(("110106", "Export"), "R", who=SOURCE, we=SOURCE, media=DESTINATION_MEDIA),
        "import": Event(("110107", "Import"), "C", who=DESTINATION, we=DESTINATION, media=SOURCE_MEDIA),
        "start": Event(_APPLICATION, "E", who=LAUNCHER, we=APPLICATION, type=("110120", "Application Start")),
        "stop": Event(_APPLICATION, "E", who=LAUNCHER, we=APPLICATION, type=("110121", "Application Stop")),
        "audit-log-used": Event(("110101", "Audit Log Used"), "R"),
        chain.ALERT: Event(_ALERT, "E", type=("110132", "Use of Restricted Function")),
        chain.LOST: _STOPPED_RECORDING,
        chain.RECOVERED: _STOPPED_RECORDING,
        "create-token": _USERS,
        "revoke-token": _USERS,
        "share": _OBJECTS,
        "revoke-share": _OBJECTS,
    }
)
_IN_BATCHES = frozenset({"export", "import"})
_STUDY_DELETED = Event(("110105", "DICOM Study Deleted"), "D")
_UNKNOWN_USER = Event(("110114", "User Authentication"), "E", type=("110122", "Login"))


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports: the site, if it has a name, and the machine."""

    machine: str
    site: str | None = None


def write(record: Record, reporter: Reporter) -> list[str]:
    """The messages of a line of the trail: one for each patient, as §A.5.3 wants it; none if nobody is concerned."""
    event = _event(record)
    return [] if event is None else [_message(event, one, reporter) for one in _by_patient(record)]


def _by_patient(record: Record) -> list[Record]:
    """The record for each patient. Studies of which it is not known whose they are may be of several."""
    studies = record.get("studies") or []
    patients = record.get("patients") or [None] * len(studies)
    of: dict[tuple[str | None, str], list[str]] = {}
    for study, patient in zip(studies, patients, strict=True):
        of.setdefault((patient, "" if patient else study), []).append(study)
    if not of:
        return [record]
    return [{**record, "studies": some, "patient": patient} for (patient, _), some in of.items()]


def _message(event: Event, record: Record, reporter: Reporter) -> str:
    root = Element("AuditMessage")
    _identification(root, event, record)
    for participant in _participants(event, record, reporter):
        root.append(participant)
    source = SubElement(root, "AuditSourceIdentification", {"AuditSourceID": f"filmroom@{reporter.machine}"})
    if reporter.site:
        source.set("AuditEnterpriseSiteID", printable(reporter.site))
    SubElement(source, "AuditSourceTypeCode", {"csd-code": "4"})  # an application server
    root.extend(_objects(event, record))
    return tostring(root, encoding="unicode")


def failed(record: Record) -> bool:
    """Whether what was tried was not done."""
    return _outcome(record) != "0"


def _event(record: Record) -> Event | None:
    action = str(record.get("action", ""))
    if record.get("status") == 401 and action != chain.ALERT:
        return _UNKNOWN_USER
    if record.get("phase") == "begin" or (action == chain.RECOVERED and not record.get("broken")):
        return None  # its end is told; lines that were adopted are no security matter
    if action in _IN_BATCHES and record.get("state") == "succeeded":
        return None  # each batch was told
    if action == "change-feed" and not record.get("studies"):
        return None  # no Metadata
    if action == "delete" and record.get("study") and not (record.get("series") or record.get("instance")):
        return _STUDY_DELETED
    return EVENTS.get(action)


def _outcome(record: Record) -> str:
    status = record.get("status", 200)
    if record["action"] in {chain.LOST, chain.RECOVERED} or status >= 500:
        return "8"
    return "4" if status >= 400 or record.get("broken_off") or record.get("state") in {"failed", "canceled"} else "0"


def _code(name: str, code: Code, system: str = "DCM") -> Element:
    value, meaning = code
    return Element(name, {"csd-code": value, "codeSystemName": system, "originalText": meaning})


def _identification(root: Element, event: Event, record: Record) -> None:
    said = {"EventActionCode": event.action, "EventDateTime": record["time"], "EventOutcomeIndicator": _outcome(record)}
    identification = SubElement(root, "EventIdentification", said)
    identification.append(_code("EventID", event.id))
    if event.type is not None:
        identification.append(_code("EventTypeCode", event.type))
    if failed(record):
        why = record.get("state") or ("the answer broke off" if record.get("broken_off") else record.get("status"))
        SubElement(identification, "EventOutcomeDescription").text = str(why or record["action"])


def _participants(event: Event, record: Record, reporter: Reporter) -> Iterator[Element]:
    client = str(record.get("client", "local"))
    address = ("1", reporter.machine) if client == "local" else ("2", client)
    yield _participant(str(record.get("who", "unknown")), event.who, address, requestor=True)
    if event.we is not None:
        yield _participant(f"filmroom@{reporter.machine}", event.we, ("1", reporter.machine), requestor=False)
    if event.media is not None and (place := record.get("place")):
        yield _participant(str(place), event.media, None, requestor=False)


def _participant(user: str, role: Code | None, address: Code | None, *, requestor: bool) -> Element:
    made = Element("ActiveParticipant", {"UserID": printable(user), "UserIsRequestor": str(requestor).lower()})
    if address is not None:
        made.set("NetworkAccessPointID", printable(address[1]))
        made.set("NetworkAccessPointTypeCode", address[0])
    if role is not None:
        made.append(_code("RoleIDCode", role))
    return made


def _objects(event: Event, record: Record) -> Iterator[Element]:
    studies = record.get("studies") or ([record["study"]] if record.get("study") else [])
    for study in studies:
        described = _object(_code("ParticipantObjectIDTypeCode", _STUDY), study, "2", "3")
        _describe(described, record)
        yield described
    if event is _QUERIED:
        yield _query(record)
    if event.id == EVENTS["audit-log-used"].id:
        kind = _code("ParticipantObjectIDTypeCode", _URI, "RFC-3881")
        yield _object(kind, str(record.get("place")), "2", "13", name="Security Audit Log")
    if studies:
        yield _object(_code("ParticipantObjectIDTypeCode", _PATIENT, "RFC-3881"), record.get("patient") or "", "1", "1")


def _object(
    kind: Element, identifier: str, type_code: str, role: str, query: str | None = None, name: str = ""
) -> Element:
    given = {"ParticipantObjectTypeCode": type_code, "ParticipantObjectTypeCodeRole": role}
    made = Element("ParticipantObjectIdentification", {"ParticipantObjectID": printable(identifier), **given})
    made.append(kind)
    if query is None:
        SubElement(made, "ParticipantObjectName").text = name  # the schema wants one; names of patients are not told
    else:
        SubElement(made, "ParticipantObjectQuery").text = _base64(query)
    return made


def _query(record: Record) -> Element:
    asked = f"{record.get('route', '')}?{record.get('query', '')}"
    made = _object(_code("ParticipantObjectIDTypeCode", _SOP_CLASS), _FIND, "2", "3", asked)
    SubElement(made, "ParticipantObjectDetail", {"type": "QueryEncoding", "value": _base64("UTF-8")})
    return made


def _describe(study: Element, record: Record) -> None:
    """Which Instances of the Study."""
    if record.get("studies"):
        return  # which of them are of which Study is not known
    instances = record.get("named") or ([record["instance"]] if record.get("instance") else [])
    number = record.get("instances") or len(instances)
    classes = record.get("classes") or ({"": number} if number else {})
    if not classes:
        return
    description = SubElement(study, "ParticipantObjectDescription")
    for uid, count in classes.items():
        given = {"UID": printable(uid)} if uid else {}
        sop_class = SubElement(description, "SOPClass", {**given, "NumberOfInstances": str(count)})
        for instance in instances if len(classes) == 1 else ():
            SubElement(sop_class, "Instance", {"UID": printable(instance)})


def _base64(text: str) -> str:
    return base64.b64encode(text.encode(errors="replace")).decode()
