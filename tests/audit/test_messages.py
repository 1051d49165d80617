"""Each message is as PS3.15 §A.5.1 has it, and says what its event wants (§A.5.3)."""

import base64
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from filmroom.audit import chain, messages
from filmroom.audit.messages import EVENTS, Reporter

REPORTER = Reporter("pacs1", "Hospital")
TIME = "2026-01-02T03:04:05.000006Z"

# What may be where (§A.5.1): attributes that must be there, those that may; and the children in their order, with how
# often each may come.
CODED = {"csd-code", "codeSystemName", "originalText"}
ONE, OPTIONAL, MANY, ANY = (1, 1), (0, 1), (1, 9999), (0, 9999)
Rule = tuple[set[str], set[str], dict[str, tuple[int, int]]]
RULES: dict[str, Rule] = {
    "AuditMessage": (
        set(),
        set(),
        {
            "EventIdentification": ONE,
            "ActiveParticipant": MANY,
            "AuditSourceIdentification": ONE,
            "ParticipantObjectIdentification": ANY,
        },
    ),
    "EventIdentification": (
        {"EventDateTime", "EventOutcomeIndicator"},
        {"EventActionCode"},
        {"EventID": ONE, "EventTypeCode": ANY, "EventOutcomeDescription": OPTIONAL},
    ),
    "ActiveParticipant": (
        {"UserID", "UserIsRequestor"},
        {"AlternativeUserID", "UserName", "NetworkAccessPointID", "NetworkAccessPointTypeCode"},
        {"RoleIDCode": ANY},
    ),
    "AuditSourceIdentification": ({"AuditSourceID"}, {"AuditEnterpriseSiteID"}, {"AuditSourceTypeCode": ANY}),
    "ParticipantObjectIdentification": (
        {"ParticipantObjectID"},
        {"ParticipantObjectTypeCode", "ParticipantObjectTypeCodeRole"},
        {
            "ParticipantObjectIDTypeCode": ONE,
            "ParticipantObjectName": OPTIONAL,
            "ParticipantObjectQuery": OPTIONAL,
            "ParticipantObjectDetail": ANY,
            "ParticipantObjectDescription": ANY,
        },
    ),
    "ParticipantObjectDescription": (set(), set(), {"SOPClass": ANY}),
    "ParticipantObjectDetail": ({"type", "value"}, set(), {}),
    "SOPClass": ({"NumberOfInstances"}, {"UID"}, {"Instance": ANY}),
    "Instance": ({"UID"}, set(), {}),
    "AuditSourceTypeCode": ({"csd-code"}, CODED, {}),
    **dict.fromkeys(("EventID", "EventTypeCode", "RoleIDCode", "ParticipantObjectIDTypeCode"), (CODED, set(), {})),
    **dict.fromkeys(("EventOutcomeDescription", "ParticipantObjectName", "ParticipantObjectQuery"), (set(), set(), {})),
}
STUDY = {"study": "1.2.3", "patient": "ID1", "client": "192.0.2.7", "who": "Dr. Who"}


def valid(element: Element) -> None:
    must, may, children = RULES[element.tag]
    assert must <= set(element.attrib) <= must | may
    names = [child.tag for child in element]
    assert names == sorted(names, key=list(children).index)
    for name, (least, most) in children.items():
        assert least <= names.count(name) <= most
    if element.tag == "ParticipantObjectIdentification":
        assert names.count("ParticipantObjectName") + names.count("ParticipantObjectQuery") == 1
    for child in element:
        valid(child)


def written(action: str, **facts: Any) -> Element:
    (root,) = each(action, **facts)
    return root


def each(action: str, **facts: Any) -> list[Element]:
    """All messages of a line."""
    found = messages.write({"time": TIME, "action": action, "who": "someone"} | facts, REPORTER)
    roots = [ElementTree.fromstring(xml) for xml in found]
    for root in roots:
        valid(root)
    return roots


def event(root: Element) -> dict[str, str]:
    found = root.find("EventIdentification")
    assert found is not None
    kind = found.find("EventID")
    assert kind is not None
    return {**found.attrib, "id": kind.get("csd-code", ""), "type": _type(found)}


def _type(found: Element) -> str:
    kind = found.find("EventTypeCode")
    return "" if kind is None else kind.get("csd-code", "")


def participants(root: Element) -> list[tuple[str, str, str]]:
    """Who, in which role, and whether it was their wish."""
    return [
        (one.get("UserID", ""), _role(one), one.get("UserIsRequestor", "")) for one in root.findall("ActiveParticipant")
    ]


def _role(one: Element) -> str:
    role = one.find("RoleIDCode")
    return "" if role is None else role.get("csd-code", "")


def objects(root: Element) -> list[tuple[str, str]]:
    """What it is about: the kind of each identifier, and the identifier."""
    return [
        (kind.get("csd-code", ""), one.get("ParticipantObjectID", ""))
        for one in root.findall("ParticipantObjectIdentification")
        for kind in one.findall("ParticipantObjectIDTypeCode")
    ]


@pytest.mark.parametrize(
    ("action", "facts", "kind", "code"),
    [
        ("retrieve", STUDY, "110104", "R"),
        ("retrieve-rendered", STUDY, "110104", "R"),
        ("retrieve-metadata", STUDY, "110103", "R"),
        ("store", STUDY, "110104", "C"),
        ("query", {"query": "PatientID=1"}, "110112", "E"),
        ("delete", STUDY, "110105", "D"),
        ("delete", {**STUDY, "series": "1.2.4"}, "110103", "D"),
        ("update-study", STUDY, "110103", "U"),
        ("export", STUDY, "110106", "R"),
        ("import", {}, "110107", "C"),
        ("start", {}, "110100", "E"),
        ("stop", {}, "110100", "E"),
        ("audit-log-used", {"place": "/srv/audit"}, "110101", "R"),
        (chain.ALERT, {"status": 401}, "110113", "E"),
        ("retrieve", {**STUDY, "status": 401}, "110114", "E"),
    ],
)
def test_each_action_is_an_event(action: str, facts: dict[str, Any], kind: str, code: str) -> None:
    found = event(written(action, **facts))
    assert (found["id"], found["EventActionCode"], found["EventDateTime"]) == (kind, code, TIME)


@pytest.mark.parametrize("action", EVENTS)
def test_every_event_is_valid_whatever_is_known(action: str) -> None:
    of_all = {"studies": ["1.2.3"]} if action == "change-feed" else {}  # without any it has no message
    written(action, broken=True, **of_all)
    written(
        action,
        broken=True,
        **STUDY,
        named=["1.2"],
        classes={"1.5": 1},
        query="a",
        place="file:///x",
        status=500,
        **of_all,
    )


@pytest.mark.parametrize(
    "facts",
    [
        {"action": "capabilities"},
        {"action": "unknown"},
        {"action": "export", "phase": "begin"},
        {"action": "export", "phase": "end", "state": "succeeded"},
        {"action": "change-feed"},
        {"action": chain.RECOVERED, "adopted": 1},
        {"action": chain.RETIRED},
        {"action": chain.LIMITED, "status": 429},
    ],
)
def test_what_is_about_nobody_has_no_message(facts: dict[str, Any]) -> None:
    assert messages.write({"time": TIME, **facts}, REPORTER) == []


def test_a_retrieve_goes_from_us_to_who_asked() -> None:
    root = written("retrieve", **STUDY, named=["1.2.3.4"], instances=1, classes={"1.5": 1})
    assert participants(root) == [("Dr. Who", "110152", "true"), ("filmroom@pacs1", "110153", "false")]
    assert objects(root) == [("110180", "1.2.3"), ("2", "ID1")]
    who = root.find("ActiveParticipant")
    assert who is not None
    assert (who.get("NetworkAccessPointID"), who.get("NetworkAccessPointTypeCode")) == ("192.0.2.7", "2")
    sop_class = root.find(".//SOPClass")
    assert sop_class is not None
    assert sop_class.attrib == {"UID": "1.5", "NumberOfInstances": "1"}
    assert [one.get("UID") for one in sop_class] == ["1.2.3.4"]


def test_a_store_goes_from_who_asked_to_us() -> None:
    assert [role for _, role, _ in participants(written("store", **STUDY))] == ["110153", "110152"]


def test_a_query_says_what_was_asked() -> None:
    root = written("query", route="/dicomweb/studies", query="PatientName=A%20B")
    asked = root.findtext(".//ParticipantObjectQuery")
    assert base64.b64decode(asked or "") == b"/dicomweb/studies?PatientName=A%20B"
    assert objects(root) == [("110181", "1.2.840.10008.5.1.4.1.2.2.1")]


def test_an_export_names_its_studies_and_its_place() -> None:
    root = written("export", studies=["1.2", "1.3"], patients=["ID1", "ID1"], place="s3://out/x", state="failed")
    assert [user for user, role, _ in participants(root) if role == "110154"] == ["s3://out/x"]
    assert objects(root) == [("110180", "1.2"), ("110180", "1.3"), ("2", "ID1")]
    assert root.findtext(".//EventOutcomeDescription") == "failed"


def test_the_log_that_was_used_is_called_as_the_standard_calls_it() -> None:
    root = written("audit-log-used", place="/srv/audit")
    assert root.findtext(".//ParticipantObjectName") == "Security Audit Log"
    assert objects(root) == [("12", "/srv/audit")]


def test_a_message_is_about_one_patient() -> None:
    found = each("update-study", studies=["1.2", "1.3", "1.4", "1.5"], patients=["ID1", None, "ID2", "ID1"])
    assert [objects(root) for root in found] == [
        [("110180", "1.2"), ("110180", "1.5"), ("2", "ID1")],
        [("110180", "1.3"), ("2", "")],
        [("110180", "1.4"), ("2", "ID2")],
    ]
    assert len(each("update-study", studies=["1.2", "1.3"])) == 2  # it is not known whether they are of one


def test_metadata_that_the_change_feed_told_were_accessed() -> None:
    found = event(written("change-feed", studies=["1.2"], patients=["ID1"]))
    assert (found["id"], found["EventActionCode"]) == ("110103", "R")


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ({"status": 200}, "0"),
        ({"status": 404}, "4"),
        ({"status": 403}, "4"),
        ({"status": 503}, "8"),
        ({"status": 200, "broken_off": True}, "4"),
        ({"state": "failed"}, "4"),
        ({"state": "succeeded"}, "0"),
    ],
)
def test_the_outcome_is_told(facts: dict[str, Any], outcome: str) -> None:
    found = event(written("retrieve", **STUDY, **facts))
    assert found["EventOutcomeIndicator"] == outcome
    assert messages.failed({"action": "retrieve", **facts}) == (outcome != "0")


def test_signs_that_xml_can_t_hold_do_no_harm() -> None:
    root = written("retrieve", study="1.2", who='\0<&">\ud800'.encode("utf-8", "replace").decode(), patient="\x1b\n")
    assert len(participants(root)) == 2
