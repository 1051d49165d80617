"""Extended query tags of the Azure DICOM service, and searches by them."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from pydicom.config import disable_value_validation

from tests import service
from tests.conformance.conftest import served
from tests.conftest import Elsewhere
from tests.data import uid
from tests.messages import JSON, comments, failures, sent, store, values
from tests.postgresql import EACH

PATH = "/extendedquerytags"
NUMBER = {"path": "00200012", "level": "Instance"}
AGE = {"path": "PatientAge", "level": "study"}
PRIVATE = {"path": "00111003", "vr": "LO", "level": "Series", "privateCreator": "MAKER"}
FACES = ["/v1.0-prerelease", "/v1", "/v2", "/dicomweb"]


# What the database has a say in; the rest is about messages, and is the same with any.
in_each = pytest.mark.parametrize("own", EACH, indirect=True)


@pytest.fixture(scope="module", params=["sqlite"])
def own(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere
) -> Iterator[str]:
    """A service of its own: tags are everybody's."""
    with served(tmp_path_factory.mktemp("tags") / "data", elsewhere(request.param)) as address:
        yield address


@pytest.fixture
def http(own: str) -> Iterator[httpx2.Client]:
    """Without tags at the beginning."""
    with httpx2.Client(base_url=own, timeout=60) as client:
        client.headers.clear()
        yield client
        for tag in client.get(f"/dicomweb{PATH}?limit=200").json():
            client.delete(f"/dicomweb{PATH}/{tag['path']}")


def post(http: httpx2.Client, root: str, *tags: Any) -> httpx2.Response:
    return http.post(root + PATH, json=tags)


def declare(http: httpx2.Client, root: str, *tags: Any) -> None:
    """Add tags, and wait until they are ready."""
    started = post(http, root, *tags)
    assert started.status_code == 202
    service.wait_until(lambda: http.get(started.headers["Location"]).status_code == 200)


def find(http: httpx2.Client, path: str) -> list[str]:
    """The UIDs of Instances or Studies that match."""
    answer = http.get(path, headers=JSON)
    assert answer.status_code in {200, 204}, answer.text
    uid = "00080018" if "/instances" in path else "0020000D"
    return [values(one, uid)[0] for one in answer.json()] if answer.content else []


def bad(**attributes: Any) -> Any:
    with disable_value_validation():
        return sent(**attributes)


# Adding


@in_each
@pytest.mark.parametrize("root", FACES)
def test_a_tag_is_added_by_an_operation(http: httpx2.Client, own: str, root: str) -> None:
    started = post(http, root, NUMBER | {"vr": "IS"})
    told = started.json()
    assert (started.status_code, started.headers["Location"], told["href"]) == (202, told["href"], told["href"])
    assert told["href"] == f"{own}{root}/operations/{told['id']}"
    service.wait_until(lambda: http.get(told["href"]).status_code == 200)
    ended = http.get(told["href"]).json()
    assert (ended["type"], ended["percentComplete"]) == ("reindex", 100)
    assert ended["resources"] == [f"{own}{root}{PATH}/00200012"]
    assert http.get(f"{root}{PATH}/00200012").json() == {
        "path": "00200012",
        "vr": "IS",
        "level": "instance",
        "status": "ready",
        "queryStatus": "enabled",
    }


def test_a_private_tag_is_listed_with_its_creator(http: httpx2.Client, root: str) -> None:
    declare(http, root, PRIVATE, AGE)
    private, age = http.get(root + PATH).json()
    assert (private["privateCreator"], private["level"], age["path"]) == ("MAKER", "series", "00101010")
    assert "privateCreator" not in age
    assert [tag["path"] for tag in http.get(f"{root}{PATH}?limit=1&offset=1").json()] == ["00101010"]


@pytest.mark.parametrize("vr", "AE AS CS DA DS DT FD FL IS LO PN SH SL SS TM UI UL US".split())  # noqa: SIM905
def test_vrs_that_are_searched_by(http: httpx2.Client, vr: str) -> None:
    assert post(http, "/v2", PRIVATE | {"vr": vr}).status_code == 202
    service.wait_until(lambda: http.get(f"/v2{PATH}/00111003").json()["status"] == "ready")


REQUIRED = "must be specified and must not be null, empty or whitespace."
LEVEL = "The field '[0].Level' in request body is invalid: The Dicom Tag Property Level " + REQUIRED
PATH_MISSING = "The field '[0].Path' in request body is invalid: The Dicom Tag Property Path " + REQUIRED
NO_LEVEL = (
    "The field '$[0].Level' in request body is invalid: "
    "Expected value 'Studys' to be one of the following values: ['Instance', 'Series', 'Study']"
)
REFUSALS = [
    ([], "The extended query tag(s) is missing."),
    ([{"path": "00200012"}], LEVEL),
    ([{"path": "00200012", "level": None}], LEVEL),
    ([{"path": "00200012", "level": " "}], LEVEL),
    ([{"level": "Study"}], PATH_MISSING),
    ([{"path": "", "level": "Study"}], PATH_MISSING),
    ([{"path": "00200012", "level": "Studys"}], NO_LEVEL),
    (
        [{"path": "Nothing", "level": "Study"}],
        "The extended query tag 'Nothing' is invalid as it cannot be parsed into",
    ),
    (
        [{"path": "0020001", "level": "Study"}],
        "The extended query tag '0020001' is invalid as it cannot be parsed into",
    ),
    ([NUMBER, NUMBER | {"path": "AcquisitionNumber"}], "'AcquisitionNumber' has been specified before."),
    ([{"path": "PatientName", "level": "Study"}], "The query tag 'PatientName' is already supported."),
    (
        [NUMBER | {"vr": "LO"}],
        "The VR code 'LO' is incorrectly specified for '00200012'. The expected VR code for it is 'IS'. "
        "Retry this request either with the correct VR code or without specifying it.",
    ),
    ([{"path": "PatientComments", "level": "Study"}], "The VR code 'LT' specified for tag 'PatientComments' is not"),
    ([{"path": "00400275", "level": "Study"}], "The VR code 'SQ' specified for tag '00400275' is not supported."),
    ([PRIVATE | {"vr": None}], "The vr for tag '00111003' is missing."),
    ([PRIVATE | {"privateCreator": None}], "The private creator for tag '00111003' is missing."),
    ([PRIVATE | {"privateCreator": "x" * 65}], "The private creator for tag '00111003' is not a valid LO value."),
    ([NUMBER | {"privateCreator": "MAKER"}], "The private creator for tag '00200012' must be left out"),
    ([PRIVATE | {"path": "00110010"}], "The private creator for tag '00110010' must be left out"),
    ([1], "The field '$[0]' in request body is invalid: "),
    ([NUMBER | {"vr": 1}], "The field '$[0].VR' in request body is invalid: "),
    ({}, "The field '$' in request body is invalid: "),
]


@pytest.mark.parametrize(("body", "message"), REFUSALS)
def test_what_is_refused(http: httpx2.Client, root: str, body: Any, message: str) -> None:
    answer = http.post(root + PATH, json=body)
    assert answer.status_code == 400
    assert message in answer.text
    assert http.get(root + PATH).json() == []


def test_a_creator_is_searched_by_itself(http: httpx2.Client, root: str) -> None:
    declare(http, root, {"path": "00110010", "level": "Instance"})
    assert http.get(f"{root}{PATH}/00110010").json()["vr"] == "LO"


def test_paths_in_sequences_are_for_the_standard_alone(http: httpx2.Client, root: str) -> None:
    entry = {"path": "OtherPatientIDsSequence.PatientID", "level": "Study"}
    answer = post(http, root, entry)
    assert (answer.status_code, "cannot be parsed" in answer.text) == (400, True)
    declare(http, "/dicomweb", entry)
    other = uid()
    made = sent(OtherPatientIDsSequence=[sent(PatientID=other).dataset])
    store(http, "/dicomweb", made.content)
    for name in ("OtherPatientIDsSequence.PatientID", "00101002.00100020"):
        assert find(http, f"/dicomweb/studies?{name}={other}") == [made.dataset.StudyInstanceUID]
    refused = http.get(f"{root}/studies?OtherPatientIDsSequence.PatientID={other}", headers=JSON)
    assert (refused.status_code, refused.text) == (400, "Sequential dicom tags are currently not supported.")


@pytest.mark.parametrize("content", [b"", b"[", b"x"])
def test_what_is_no_json(http: httpx2.Client, root: str, content: bytes) -> None:
    answer = http.post(root + PATH, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.text) == (400, "The syntax of the request body is invalid.")


def test_a_body_of_another_type_is_415(http: httpx2.Client, root: str) -> None:
    assert http.post(root + PATH, content=b"[]", headers={"Content-Type": "text/plain"}).status_code == 415


def test_a_tag_is_added_once(http: httpx2.Client, root: str) -> None:
    declare(http, root, NUMBER)
    answer = post(http, root, AGE, NUMBER)
    assert (answer.status_code, answer.text) == (409, "One or more extended query tags already exist.")
    assert len(http.get(root + PATH).json()) == 1


def test_more_than_128_are_503(http: httpx2.Client, root: str) -> None:
    answer = post(http, root, *(PRIVATE | {"path": f"0011{number:04X}"} for number in range(0x1000, 0x1081)))
    assert (answer.status_code, answer.text) == (503, "Extended query tags exceeds max allowed count '128'.")


# Read, update, delete


@pytest.mark.parametrize(
    ("path", "status"), [("/00101010", 404), ("/PatientAge", 404), ("/x", 400), ("/00101010/errors", 404)]
)
def test_a_tag_that_is_not_there(http: httpx2.Client, root: str, path: str, status: int) -> None:
    assert http.get(root + PATH + path).status_code == status
    if not path.endswith("errors"):
        assert http.delete(root + PATH + path).status_code == status
        assert http.patch(root + PATH + path, json={"queryStatus": "Enabled"}).status_code == status


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "offset=-1"])
@pytest.mark.parametrize("path", ["", "/00200012/errors"])
def test_bad_pages_are_400(http: httpx2.Client, root: str, query: str, path: str) -> None:
    assert http.get(f"{root}{PATH}{path}?{query}").status_code == 400


@in_each
def test_a_tag_is_disabled_and_enabled(http: httpx2.Client, root: str) -> None:
    declare(http, root, NUMBER)
    answer = http.patch(f"{root}{PATH}/AcquisitionNumber", json={"queryStatus": "disabled"})
    assert (answer.status_code, answer.json()["queryStatus"]) == (200, "disabled")
    refused = http.get(f"{root}/instances?AcquisitionNumber=1", headers=JSON)
    assert (refused.status_code, refused.text) == (
        400,
        "Query is disabled on specified attribute 'AcquisitionNumber'.",
    )
    warned = http.get("/dicomweb/instances?AcquisitionNumber=1&limit=0", headers=JSON)
    assert "AcquisitionNumber was ignored: searches by it are disabled" in warned.headers["Warning"]
    http.patch(f"{root}{PATH}/00200012", json={"QueryStatus": "Enabled"})
    assert http.get(f"{root}/instances?AcquisitionNumber=1", headers=JSON).status_code == 204


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"level": "Study"}, 'The field is not supported: "level".'),
        ({"queryStatus": "Enabled", "vr": "LO"}, 'The field is not supported: "vr".'),
        ({"queryStatus": "On"}, "Expected value 'On' to be one of the following values: ['Disabled', 'Enabled']"),
        ({}, "The field 'QueryStatus' in request body is invalid"),
        ([], "The field '$' in request body is invalid"),
    ],
)
def test_bad_updates(http: httpx2.Client, root: str, body: Any, message: str) -> None:
    declare(http, root, NUMBER)
    answer = http.patch(f"{root}{PATH}/00200012", json=body)
    assert answer.status_code == 400
    assert message in answer.text


@in_each
def test_a_deleted_tag_is_gone(http: httpx2.Client, root: str) -> None:
    declare(http, root, NUMBER)
    deleted = http.delete(f"{root}{PATH}/00200012")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert http.get(f"{root}{PATH}/00200012").status_code == 404
    answer = http.get(f"{root}/instances?AcquisitionNumber=1", headers=JSON)
    assert answer.text.startswith("Invalid query: AttributeId AcquisitionNumber is not queryable.  ")


# Store


def test_v1_refuses_a_bad_value_and_v2_warns(http: httpx2.Client, root: str) -> None:
    declare(http, root, AGE)
    answer = store(http, root, bad(PatientAge="34").content)
    if root == "/v1":
        assert failures(answer) == [43264]
        (item,) = values(answer.json(), "00081198")
        assert comments(item) == [
            "DICOM100: (0010,1010) - Dicom element 'PatientAge' failed validation for VR 'AS': Value length is not 4."
        ]
    else:
        assert answer.status_code == 202
        assert http.get(f"{root}{PATH}/00101010").json().get("errors") is None


def test_v1_refuses_another_vr(http: httpx2.Client) -> None:
    declare(http, "/v1", PRIVATE)
    made = sent().dataset
    made.private_block(0x11, "MAKER", create=True).add_new(3, "SH", "x")
    answer = store(http, "/v1", sent(made).content)
    (item,) = values(answer.json(), "00081198")
    assert comments(item) == [
        "DICOM100: (0011,1003) - The extended query tag '00111003' is expected to have VR 'LO' but has 'SH' in file."
    ]


# Search


@in_each
def test_a_tag_of_a_level_is_a_key_there_and_below(http: httpx2.Client, root: str) -> None:
    level = {"Study": 1, "Series": 2, "Instance": 3}
    keys = {"MedicalAlerts": "Study", "ProtocolName": "Series", "AcquisitionNumber": "Instance"}
    declare(http, root, *({"path": path, "level": at} for path, at in keys.items()))
    made = sent(MedicalAlerts="1", ProtocolName="1", AcquisitionNumber=1)
    store(http, root, made.content)
    searched = {
        "/studies": (0, 1),
        "/series": (0, 2),
        "/instances": (0, 3),
        f"{made.study}/series": (1, 2),
        f"{made.study}/instances": (1, 3),
        f"{made.series}/instances": (2, 3),
    }
    for resource, (above, own_level) in searched.items():
        for path, at in keys.items():
            answer = http.get(f"{root}{resource}?{path}=1", headers=JSON)
            allowed = above < level[at] <= own_level
            assert answer.status_code == (200 if allowed else 400), (resource, path)
            if not allowed:
                assert answer.text.startswith(f"Invalid query: AttributeId {path} is not queryable.  ")


@in_each
def test_what_was_stored_before_is_found(http: httpx2.Client, root: str) -> None:
    made = [sent(AcquisitionNumber=number) for number in (31, 32, 31)]
    store(http, root, *(one.content for one in made))
    declare(http, root, NUMBER)
    wanted = {made[0].dataset.SOPInstanceUID, made[2].dataset.SOPInstanceUID}
    assert wanted <= set(find(http, f"{root}/instances?AcquisitionNumber=0031&limit=200"))
    http.delete(root + made[0].instance)
    http.delete(root + made[2].instance)
    assert not wanted & set(find(http, f"{root}/instances?00200012=31&limit=200"))


@in_each
@pytest.mark.parametrize(
    ("path", "given", "asked"),
    [
        ("AcquisitionNumber", 3, "=0003"),
        ("MagneticFieldStrength", "1.5", "1.50"),
        ("AcquisitionDate", "20240105", "20240101-20240131"),
        ("AcquisitionDateTime", "20240105101112", "2024-2025"),
        ("AcquisitionTime", "101112", "10-11"),
        ("OperatorsName", "Müller^Jürgen", "muller^jurgen"),
        ("ProtocolName", "Head", "HEAD"),
        ("StationAETitle", "TITLE", "title"),
        ("FrameOfReferenceUID", "1.2.3", "1.2.3"),
        ("ExaminedBodyThickness", 0.1, "0.10"),
        ("ReferencePixelX0", -5, "-5"),
        ("ImagesInAcquisition", "7", "07"),
    ],
)
def test_types_of_values(http: httpx2.Client, path: str, given: Any, asked: str) -> None:
    declare(http, "/v2", {"path": path, "level": "Instance"})
    made, other = sent(**{path: given}), sent()
    store(http, "/v2", made.content, other.content)
    found = find(http, f"/v2/instances?{path}={asked.removeprefix('=')}&SOPInstanceUID={made.dataset.SOPInstanceUID}")
    assert found == [made.dataset.SOPInstanceUID]
    asked = "99991231" if path.endswith("Date") else "9999" if path.endswith("DateTime") else "23"
    uid_of = f"SOPInstanceUID={made.dataset.SOPInstanceUID}"
    assert find(http, f"/v2/instances?{path}={asked}&{uid_of}") == []


@pytest.mark.parametrize(("path", "kind"), [("AcquisitionNumber", "long"), ("ExaminedBodyThickness", "double")])
def test_what_is_no_number(http: httpx2.Client, root: str, path: str, kind: str) -> None:
    declare(http, root, {"path": path, "level": "Instance"})
    answer = http.get(f"{root}/instances?{path}=x", headers=JSON)
    tag = {"long": "00200012", "double": "00109431"}[kind]
    message = f"Invalid query: specified value 'x' extended query tag with path '{tag}' is not a valid {kind} value."
    assert (answer.status_code, answer.text) == (400, message)


@in_each
def test_fuzzy_names(http: httpx2.Client, root: str) -> None:
    declare(http, root, {"path": "OperatorsName", "level": "Series"})
    made = sent(OperatorsName=f"Quux{uid()[-6:]}^Johann")
    store(http, root, made.content)
    assert http.get(f"{root}/series?OperatorsName=joh%20quux&fuzzymatching=true", headers=JSON).status_code == 204
    series = http.get(f"{root}/series?OperatorsName=quux%20joh&fuzzymatching=true", headers=JSON)
    assert made.dataset.SeriesInstanceUID in [values(one, "0020000E")[0] for one in series.json()]


def test_a_key_is_answered_with(http: httpx2.Client, root: str) -> None:
    declare(http, root, NUMBER, AGE)
    made = sent(AcquisitionNumber=77, PatientAge="077Y")
    store(http, root, made.content)
    instance = f"SOPInstanceUID={made.dataset.SOPInstanceUID}"
    (found,) = http.get(
        f"{root}/instances?AcquisitionNumber=77&{instance}&includefield=PatientAge", headers=JSON
    ).json()
    assert (found["00200012"]["Value"], found["00101010"]["Value"]) == ([77], ["077Y"])


@in_each
@pytest.mark.parametrize("root", ["/v1", "/v2", "/dicomweb"])
def test_a_private_tag_in_another_block(http: httpx2.Client, root: str) -> None:
    declare(http, root, PRIVATE)
    text = uid()[-20:]
    made = sent().dataset
    made.private_block(0x11, "OTHER", create=True).add_new(3, "LO", text)
    made.private_block(0x11, "MAKER", create=True).add_new(3, "LO", f"{text}M")
    store(http, root, sent(made).content)
    assert http.get(f"{root}/series?00111003={text}&limit=200", headers=JSON).text in {"", "[]"}
    (found,) = http.get(f"{root}/series?00111003={text}M", headers=JSON).json()
    assert (found["00111103"]["Value"], found["00110011"]["Value"]) == ([f"{text}M"], ["MAKER"])
    assert "00111003" not in found


@in_each
def test_the_newest_value_of_a_study_counts(http: httpx2.Client, root: str) -> None:
    declare(http, root, {"path": "MedicalAlerts", "level": "Study"})
    first, second = uid(), uid()
    study = uid()
    store(http, root, sent(StudyInstanceUID=study, MedicalAlerts=first).content)
    store(http, root, sent(StudyInstanceUID=study, MedicalAlerts=second).content)
    store(http, root, sent(StudyInstanceUID=study).content)
    assert find(http, f"{root}/studies?MedicalAlerts={first}") == []
    assert find(http, f"{root}/studies?MedicalAlerts={second}") == [study]


@in_each
def test_errors_disable_a_tag_and_are_told_once_it_is_enabled(http: httpx2.Client, own: str, root: str) -> None:
    good, wrong = sent(PatientAge="034Y"), bad(PatientAge="34")
    store(http, "/dicomweb", good.content, wrong.content)
    declare(http, root, AGE)
    tag = http.get(f"{root}{PATH}/00101010").json()
    assert (tag["status"], tag["queryStatus"]) == ("ready", "disabled")
    assert tag["errors"] == {"count": 1, "href": f"{own}{root}{PATH}/00101010/errors"}
    (error,) = http.get(tag["errors"]["href"]).json()
    assert error.pop("createdTime").startswith("20")
    assert error == {
        "studyInstanceUid": wrong.dataset.StudyInstanceUID,
        "seriesInstanceUid": wrong.dataset.SeriesInstanceUID,
        "sopInstanceUid": wrong.dataset.SOPInstanceUID,
        "partitionName": "Microsoft.Default",
        "errorMessage": "Value length is not 4.",
    }
    query = f"{root}/studies?PatientAge=034Y&StudyInstanceUID={good.dataset.StudyInstanceUID}"
    assert http.get(query, headers=JSON).status_code == 400
    http.patch(f"{root}{PATH}/00101010", json={"queryStatus": "Enabled"})
    found = http.get(query, headers=JSON)
    assert (len(found.json()), found.headers["erroneous-dicom-attributes"]) == (1, "00101010")
    nothing = http.get(f"{root}/studies?PatientAge=999Y", headers=JSON)
    assert (nothing.status_code, nothing.headers["erroneous-dicom-attributes"]) == (204, "00101010")
    http.delete(root + wrong.study)
    assert "errors" not in http.get(f"{root}{PATH}/00101010").json()
    assert "erroneous-dicom-attributes" not in http.get(query, headers=JSON).headers


def test_values_that_v2_left_out_are_no_errors(http: httpx2.Client) -> None:
    store(http, "/v2", bad(PatientAge="34").content)
    declare(http, "/v2", AGE)
    assert http.get(f"/v2{PATH}/00101010").json()["queryStatus"] == "enabled"


# Keys inside sequences, by the Standard


@in_each
def test_required_keys_inside_sequences(http: httpx2.Client, root: str) -> None:
    step, request = uid()[-12:], uid()[-12:]
    requested = sent(ScheduledProcedureStepID=step, RequestedProcedureID=request).dataset
    referenced = sent(AccessionNumber=step).dataset
    made = sent(RequestAttributesSequence=[requested], ReferencedRequestSequence=[referenced])
    store(http, root, made.content)
    for key in (
        f"RequestAttributesSequence.ScheduledProcedureStepID={step}",
        f"00400275.00401001={request}",
        f"0040A370.00080050={step}",
    ):
        answer = http.get(f"/dicomweb/series?{key}", headers=JSON)
        assert [values(one, "0020000E")[0] for one in answer.json()] == [made.dataset.SeriesInstanceUID]
        refused = http.get(f"{root}/series?{key}", headers=JSON)
        assert (refused.status_code, refused.text) == (400, "Sequential dicom tags are currently not supported.")
    (found,) = http.get(f"/dicomweb/series?00400275.00401001={request}", headers=JSON).json()
    assert found["00400275"]["Value"][0]["00401001"]["Value"] == [request]


# Matching that is negotiated, by the Standard


@in_each
def test_no_value_and_several_values(http: httpx2.Client) -> None:
    declare(http, "/dicomweb", {"path": "MedicalAlerts", "level": "Study"})
    patient = uid()
    both, one, none = (sent(PatientID=patient, MedicalAlerts=alerts) for alerts in (["Rash", "Gout"], "Rash", None))
    without = sent(PatientID=patient)
    for made in (both, one, none, without):
        store(http, "/v2", made.content)
    studies = {made.dataset.StudyInstanceUID: made for made in (both, one, none, without)}
    asked = {
        "MedicalAlerts=gout%5Crash&multiplevaluematching=true": [both],
        "MedicalAlerts=rash&MedicalAlerts=g*&multiplevaluematching=true": [both],
        "MedicalAlerts=gout%5Crash": [],
        "MedicalAlerts=%22%22&emptyvaluematching=true": [without, none],
        "MedicalAlerts=%22%22": [],
    }
    for query, expected in asked.items():
        found = find(http, f"/dicomweb/studies?PatientID={patient}&{query}")
        assert [studies[study] for study in found] == expected, query


@in_each
def test_a_tag_declared_later_is_met_by_the_item_of_one_declared_before(http: httpx2.Client) -> None:
    paths = [f"OtherPatientIDsSequence.{name}" for name in ("PatientID", "IssuerOfPatientID")]
    declare(http, "/dicomweb", {"path": paths[0], "level": "Study"})
    number = uid()[-12:]
    items = [(number, "East"), (f"{number}.1", "West")]
    made = sent(OtherPatientIDsSequence=[sent(PatientID=a, IssuerOfPatientID=b).dataset for a, b in items])
    store(http, "/dicomweb", made.content)
    declare(http, "/dicomweb", {"path": paths[1], "level": "Study"})
    studies = [made.dataset.StudyInstanceUID]
    for issuer, expected in (("east", studies), ("west", []), ("w*", [])):
        assert find(http, f"/dicomweb/studies?{paths[0]}={number}&{paths[1]}={issuer}") == expected
