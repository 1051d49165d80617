"""Search by the Azure DICOM service: parameters, refusals, matching, returned attributes (its QIDO pages)."""

from typing import Any

import httpx2
import pytest
from pydicom.dataset import Dataset

from tests import data
from tests.messages import JSON, sent, store, values, words

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, when a test writes bad values

CASING = (
    "If the parameter is an attribute keyword, check the casing as they are case-sensitive. "
    "The conformance statement has a list of supported query parameters, attributes and the levels."
)
ALL_STUDY_KEYS = words(
    "StudyInstanceUID PatientName PatientID PatientBirthDate AccessionNumber ReferringPhysicianName StudyDate "
    "StudyDescription ModalitiesInStudy"
)
ALL_SERIES_KEYS = words("SeriesInstanceUID Modality PerformedProcedureStepStartDate ManufacturerModelName")


def search(http: httpx2.Client, path: str, query: str = "") -> list[dict[str, Any]]:
    """The matches, of which there are some."""
    answer = http.get(f"{path}?{query}", headers=JSON)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def refusal(http: httpx2.Client, path: str) -> str:
    answer = http.get(path, headers=JSON)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
    return answer.text


def found(http: httpx2.Client, root: str, made: Dataset, query: str, level: str = "studies") -> bool:
    """Whether a query finds the data set. The tests share a service, so the query is about its Study alone."""
    answer = http.get(f"{root}/{level}?{query}&StudyInstanceUID={made.StudyInstanceUID}", headers=JSON)
    assert answer.status_code in {200, 204}, answer.text
    return answer.status_code == 200


def keep(http: httpx2.Client, **attributes: Any) -> Dataset:
    """Store a data set with these attributes, as it is."""
    made = sent(**attributes)
    answer = store(http, "/v2", made.content)
    assert answer.status_code in {200, 202}, answer.text
    return made.dataset


@pytest.fixture(scope="module")
def knee(http: httpx2.Client) -> Dataset:
    return keep(
        http,
        PatientName="Müller^José=漢字",
        PatientID="Pat_1%",
        AccessionNumber="Acc1",
        StudyDate="20240229",
        PatientBirthDate="19700101",
        StudyDescription="Knee, left",
        Modality="MR",
        ManufacturerModelName="Magnet",
        PerformedProcedureStepStartDate="20240301",
        Manufacturer="Acme",
        InstanceNumber=5,
    )


# --- Parameters


@pytest.mark.parametrize("limit", ["0", "201", "-1", "abc", "1.5", "99999999999999999999"])
def test_limit_is_1_to_200(http: httpx2.Client, root: str, limit: str) -> None:
    message = "The query parameter 'Limit' is invalid. The field Limit must be between 1 and 200."
    assert refusal(http, f"{root}/studies?limit={limit}") == message


@pytest.mark.parametrize("offset", ["-1", "x", str(2**63)])
def test_offset_is_0_to_the_largest_integer(http: httpx2.Client, root: str, offset: str) -> None:
    assert refusal(http, f"{root}/studies?offset={offset}").startswith("The query parameter 'Offset' is invalid.")


def test_offset_past_the_end_is_204(http: httpx2.Client, root: str, knee: Dataset) -> None:
    assert http.get(f"{root}/studies?offset={2**63 - 1}", headers=JSON).status_code == 204


def test_pages_newest_first(http: httpx2.Client, root: str) -> None:
    patient = data.uid()
    made = [keep(http, PatientID=patient).StudyInstanceUID for _ in range(3)]
    pages = [search(http, f"{root}/studies", f"PatientID={patient}&limit=2&offset={offset}") for offset in (0, 2)]
    assert [values(match, "0020000D")[0] for page in pages for match in page] == made[::-1]


def test_names_of_parameters_in_any_case(http: httpx2.Client, root: str, knee: Dataset) -> None:
    assert found(http, root, knee, "PatientName=jose&FuzzyMatching=true&Limit=1&OFFSET=0&IncludeField=PatientSex")


def test_fuzzymatching_is_a_boolean(http: httpx2.Client, root: str) -> None:
    assert refusal(http, f"{root}/studies?fuzzymatching=perhaps").startswith(
        "The query parameter 'FuzzyMatching' is invalid."
    )


@pytest.mark.parametrize(
    "field", ["Manufacturer", "00080070", "PatientSex,Manufacturer", "PatientSex&includefield=Manufacturer"]
)
def test_includefield(http: httpx2.Client, root: str, knee: Dataset, field: str) -> None:
    (match,) = search(http, f"{root}/studies", f"StudyInstanceUID={knee.StudyInstanceUID}&includefield={field}")
    assert values(match, "00080070") == ["Acme"]


@pytest.mark.parametrize("accept", [None, "image/png"])
def test_accept(http: httpx2.Client, root: str, accept: str | None) -> None:
    answer = http.get(f"{root}/studies", headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.content) == (406, b"")


# --- Refusals


def test_unknown_parameter(http: httpx2.Client, root: str) -> None:
    for name in ("Nonsense", "patientname", "0010"):
        assert refusal(http, f"{root}/studies?{name}=x") == f"Invalid query: unknown query parameter '{name}'. {CASING}"


def test_attribute_of_a_lower_level(http: httpx2.Client, root: str) -> None:
    message = f"Invalid query: AttributeId Modality is not queryable.  {CASING}"
    assert refusal(http, f"{root}/studies?Modality=CT") == message


def test_attribute_that_is_not_searchable(http: httpx2.Client, root: str) -> None:
    message = f"Invalid query: AttributeId Manufacturer is not queryable.  {CASING}"
    assert refusal(http, f"{root}/instances?Manufacturer=Acme") == message


def test_duplicate_attribute(http: httpx2.Client, root: str) -> None:
    message = (
        "Invalid QIDO-RS query. Duplicate AttributeId 'PatientID'. Each attribute is only allowed to be specified once."
    )
    assert refusal(http, f"{root}/studies?PatientID=1&PatientID=2") == message


def test_the_same_attribute_as_keyword_and_tag(http: httpx2.Client, root: str) -> None:
    text = refusal(http, f"{root}/studies?PatientID=1&00100020=1")
    assert text.startswith(
        "Invalid query: attribute '00100020' has been specified more than once using different ID formats."
    )


@pytest.mark.parametrize("value", ["", "%20"])
def test_empty_value(http: httpx2.Client, root: str, value: str) -> None:
    message = "Invalid query: AttributeId 'PatientID' has empty string value that is not supported."
    assert refusal(http, f"{root}/studies?PatientID={value}") == message


@pytest.mark.parametrize(
    "query", ["RequestAttributesSequence.ScheduledProcedureStepID=1", "includefield=00400275.00400009"]
)
def test_path_into_a_sequence(http: httpx2.Client, root: str, query: str) -> None:
    assert refusal(http, f"{root}/series?{query}") == "Sequential dicom tags are currently not supported."


@pytest.mark.parametrize("value", ["2024", "20241301", "20230229", "x", "2024-02-29"])
def test_bad_date(http: httpx2.Client, root: str, value: str) -> None:
    text = refusal(http, f"{root}/studies?StudyDate={value}")
    if "-" not in value:
        assert text == (
            f"Invalid query: specified Date value '{value}' is invalid for attribute 'StudyDate'. "
            "Date should be valid and formatted as yyyyMMdd."
        )


def test_date_range_that_ends_before_it_begins(http: httpx2.Client, root: str) -> None:
    text = refusal(http, f"{root}/studies?StudyDate=20240301-20240229")
    assert text.startswith("Invalid query: specified date range '20240301-20240229' is invalid.\nThe first part date")


def test_range_without_ends(http: httpx2.Client, root: str) -> None:
    text = refusal(http, f"{root}/studies?StudyDate=-")
    assert text.startswith("Invalid query: specified range is invalid.\nBoth parts in the range cannot be empty.")


def test_unknown_includefield(http: httpx2.Client, root: str) -> None:
    message = "Invalid query: IncludeField has unknown attribute 'Nonsense'."
    assert refusal(http, f"{root}/studies?includefield=Nonsense") == message


def test_quote_in_a_fuzzy_value(http: httpx2.Client, root: str) -> None:
    text = refusal(http, f"{root}/studies?fuzzymatching=true&PatientName=%22x")
    assert text.startswith("Invalid query: specified tag 'PatientName' value")
    assert "contains unsupported character '\"'." in text


@pytest.mark.parametrize("path", ["/studies/x/series", "/studies/x/instances", "/studies/1/series/x/instances"])
def test_bad_uid_in_the_path(http: httpx2.Client, root: str, path: str) -> None:
    assert "failed validation for VR 'UI'" in refusal(http, root + path)


# --- What can be searched by, where


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/studies", ALL_STUDY_KEYS),
        ("/series", ALL_STUDY_KEYS | ALL_SERIES_KEYS),
        ("/instances", ALL_STUDY_KEYS | ALL_SERIES_KEYS | {"SOPInstanceUID"}),
        ("{study}/series", ALL_SERIES_KEYS),
        ("{study}/instances", ALL_SERIES_KEYS | {"SOPInstanceUID"}),
        ("{series}/instances", {"SOPInstanceUID"}),
    ],
)
def test_searchable_attributes(http: httpx2.Client, root: str, knee: Dataset, path: str, keys: set[str]) -> None:
    study = f"/studies/{knee.StudyInstanceUID}"
    path = path.format(study=study, series=f"{study}/series/{knee.SeriesInstanceUID}")
    held = {keyword: str(knee.get(keyword)) for keyword in (*ALL_STUDY_KEYS, *ALL_SERIES_KEYS, "SOPInstanceUID")}
    held |= {"ModalitiesInStudy": "MR", "ReferringPhysicianName": "Doctor^Doc"}
    for keyword, value in held.items():
        answer = http.get(root + path, params={keyword: value}, headers=JSON)
        assert answer.status_code == (200 if keyword in keys else 400), (keyword, answer.text)
        if keyword in keys:
            assert knee.StudyInstanceUID in {values(match, "0020000D")[0] for match in answer.json()}


def test_hexadecimal_tags_in_any_case(http: httpx2.Client, root: str, knee: Dataset) -> None:
    assert search(http, f"{root}/studies", f"0020000d={knee.StudyInstanceUID}&00100020=pat_1%25")


# --- Matching


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("PatientID=Pat_1%25", True),
        ("PatientID=pat_1%25", True),
        ("PatientID=Pat*", False),
        ("PatientID=Pat%3F1%25", False),
        ("PatientID=Pat%25", False),
        ("PatientID=Pat_1%25%20%20", True),
        ("PatientID=Pat_1%25%00", True),
        ("PatientID=Pat_1%25,other", False),
        ("AccessionNumber=ACC1", True),
        ("StudyDescription=knee, LEFT", True),
        ("StudyDescription=Knee", False),
        ("PatientName=muller^jose=漢字", True),
        ("PatientName=MÜLLER^JOSÉ=漢字", True),
        ("PatientName=Müller^José", False),
        ("PatientName=Mü*", False),
        ("StudyDate=20240229", True),
        ("StudyDate=20240228-20240301", True),
        ("StudyDate=20240229-", True),
        ("StudyDate=-20240229", True),
        ("StudyDate=20240301-", False),
        ("StudyDate=-20240228", False),
        ("PatientBirthDate=19690101-19700101", True),
        ("ModalitiesInStudy=MR", True),
        ("ModalitiesInStudy=CT", False),
    ],
)
def test_matching(http: httpx2.Client, root: str, knee: Dataset, query: str, matches: bool) -> None:
    assert found(http, root, knee, query) is matches


def test_accents_matter_in_other_strings(http: httpx2.Client, root: str) -> None:
    made = keep(http, StudyDescription="Schädel")
    assert found(http, root, made, "StudyDescription=SCHÄDEL")
    assert not found(http, root, made, "StudyDescription=Schadel")


def test_trailing_nul_does_not_matter(http: httpx2.Client, root: str) -> None:
    made = keep(http, Modality="X\0")
    assert found(http, root, made, "Modality=X", "series")
    assert found(http, root, made, "Modality=X%00", "series")


@pytest.mark.parametrize(
    ("name", "matches"),
    [
        ("jo do", True), ("Doe jo", False), ("John Doe", True), ("doe", True), ("ohn", False), ("john^d", True),
        ("JOHN", True), ("jo e", False),
    ],
)  # fmt: skip
def test_fuzzy_matching_of_names(http: httpx2.Client, root: str, name: str, matches: bool) -> None:
    made = keep(http, PatientName="John^Doe")
    assert found(http, root, made, f"fuzzymatching=true&PatientName={name}") is matches


def test_fuzzy_matching_is_for_names_alone(http: httpx2.Client, root: str, knee: Dataset) -> None:
    assert not found(http, root, knee, "fuzzymatching=true&StudyDescription=Knee")


# --- Results


def test_nothing_found_is_204(http: httpx2.Client, root: str) -> None:
    answer = http.get(f"{root}/studies?PatientID=nobody-has-this", headers=JSON)
    assert (answer.status_code, answer.content) == (204, b"")


def test_content_type(http: httpx2.Client, root: str, knee: Dataset) -> None:
    assert http.get(f"{root}/studies", headers=JSON).headers["Content-Type"] == "application/dicom+json"


def keys(match: dict[str, Any]) -> set[str]:
    return set(match)


def test_default_attributes_of_v1(http: httpx2.Client) -> None:
    made = keep(
        http, TimezoneOffsetFromUTC="+0000", InstanceAvailability="ONLINE", PerformedProcedureStepStartDate="20240101",
        PerformedProcedureStepStartTime="10", Manufacturer="Acme", Rows=1, Columns=1, BitsAllocated=8, NumberOfFrames=1,
    )  # fmt: skip
    study = words(
        "00080005 00080020 00080030 00080050 00080056 00080090 00080201 "
        "00100010 00100020 00100030 00100040 0020000D 00200010"
    )
    series = words("00080005 00080060 00080201 0008103E 0020000E 00400244 00400245")
    instance = words("00080005 00080016 00080018 00080056 00080201 00200013 00280008 00280010 00280011 00280100")
    only = f"StudyInstanceUID={made.StudyInstanceUID}"
    path = f"/v1/studies/{made.StudyInstanceUID}"
    assert keys(search(http, "/v1/studies", only)[0]) == study
    assert keys(search(http, "/v1/series", only)[0]) == study | series
    assert keys(search(http, "/v1/instances", only)[0]) == study | series | instance
    assert keys(search(http, f"{path}/series")[0]) == series | {"0020000D"}
    assert keys(search(http, f"{path}/instances")[0]) == series | instance | {"0020000D"}
    assert keys(search(http, f"{path}/series/{made.SeriesInstanceUID}/instances")[0]) == (
        instance | {"0020000D", "0020000E"}
    )


def test_default_attributes_of_v2(http: httpx2.Client, knee: Dataset) -> None:
    study = words("0020000D 00080020 00081030 00080050 00080090 00100010 00100020 00100030")
    series = words("0020000E 00080060 00400244 00081090")
    only = f"StudyInstanceUID={knee.StudyInstanceUID}"
    path = f"/v2/studies/{knee.StudyInstanceUID}"
    assert keys(search(http, "/v2/studies", only)[0]) == study
    assert keys(search(http, "/v2/series", only)[0]) == study | series
    assert keys(search(http, "/v2/instances", only)[0]) == study | series | {"00080018"}
    assert keys(search(http, f"{path}/series")[0]) == series | {"0020000D"}
    assert keys(search(http, f"{path}/instances")[0]) == series | {"0020000D", "00080018"}
    assert keys(search(http, f"{path}/series/{knee.SeriesInstanceUID}/instances")[0]) == (
        {"0020000D", "0020000E", "00080018"}
    )


def test_filtered_attributes_come_back(http: httpx2.Client, root: str, knee: Dataset) -> None:
    (match,) = search(http, f"{root}/studies", f"StudyInstanceUID={knee.StudyInstanceUID}&ModalitiesInStudy=MR")
    assert values(match, "00080061") == ["MR"]


def test_includefield_all_is_a_set_of_its_own(http: httpx2.Client, root: str) -> None:
    made = keep(http, PatientAge="030Y", Occupation="x", Laterality="L", ManufacturerModelName="M", Manufacturer="Acme")
    (match,) = search(http, f"{root}/series", f"StudyInstanceUID={made.StudyInstanceUID}&includefield=all")
    assert {"00081030", "00101010", "00102180", "00200060", "00200011", "00080030"} <= keys(match)
    assert ("00081090" in keys(match), "00080070" in keys(match)) == (root == "/v2", False)


def test_counts_and_modalities_on_demand(http: httpx2.Client, root: str) -> None:
    study, ct = data.uid(), data.uid()
    for series, modality in ((ct, "CT"), (ct, "CT"), (data.uid(), "CT"), (data.uid(), "MR")):
        keep(http, StudyInstanceUID=study, SeriesInstanceUID=series, Modality=modality)
    asked = "includefield=ModalitiesInStudy,NumberOfStudyRelatedInstances,NumberOfSeriesRelatedInstances"
    (match,) = search(http, f"{root}/studies", f"StudyInstanceUID={study}&{asked}")
    assert (sorted(values(match, "00080061")), values(match, "00201208")) == (["CT", "MR"], [4])
    (match,) = search(http, f"{root}/series", f"SeriesInstanceUID={ct}&{asked}")
    assert values(match, "00201209") == [2]


def test_a_series_attribute_asked_for_on_studies(http: httpx2.Client, root: str, knee: Dataset) -> None:
    query = f"StudyInstanceUID={knee.StudyInstanceUID}&includefield=00081030,00080060"
    (match,) = search(http, f"{root}/studies", query)
    assert values(match, "00080060") == ["MR"]


def test_other_counts_are_not_made(http: httpx2.Client, root: str, knee: Dataset) -> None:
    asked = "includefield=NumberOfStudyRelatedSeries,SOPClassesInStudy"
    (study,) = search(http, f"{root}/studies", f"StudyInstanceUID={knee.StudyInstanceUID}&{asked}")
    assert not {"00201206", "00080062"} & study.keys()


def test_nothing_is_synthesised(http: httpx2.Client, root: str, knee: Dataset) -> None:
    query = f"StudyInstanceUID={knee.StudyInstanceUID}&includefield=RetrieveURL,InstanceAvailability"
    (match,) = search(http, f"{root}/studies", query)
    assert not {"00081190", "00080056"} & keys(match)


def test_keys_are_in_the_order_of_tags(http: httpx2.Client, root: str, knee: Dataset) -> None:
    (match,) = search(http, f"{root}/instances", f"SOPInstanceUID={knee.SOPInstanceUID}&includefield=00080070")
    assert list(match) == sorted(match)


def test_scope_limits_the_search(http: httpx2.Client, root: str, knee: Dataset) -> None:
    other = keep(http)
    path = f"{root}/studies/{other.StudyInstanceUID}/series"
    assert http.get(f"{path}?SeriesInstanceUID={knee.SeriesInstanceUID}", headers=JSON).status_code == 204
    assert len(search(http, f"{path}/{other.SeriesInstanceUID}/instances")) == 1


@pytest.mark.parametrize(
    ("level", "name"),
    [("studies", "PatientID"), ("studies", "StudyInstanceUID"), ("studies", "StudyDate"), ("series", "Modality")],
)
@pytest.mark.parametrize("blank", ["", "%20", "%00", "%20%00"])
def test_an_empty_value_is_refused_padded_or_not(
    http: httpx2.Client, root: str, level: str, name: str, blank: str
) -> None:
    text = refusal(http, f"{root}/{level}?{name}={blank}")
    assert text == f"Invalid query: AttributeId '{name}' has empty string value that is not supported."


@pytest.mark.parametrize("name", ["%5E", "%3D", "%5E%00"])
def test_a_fuzzy_name_without_words_finds_nothing(http: httpx2.Client, root: str, knee: Dataset, name: str) -> None:
    assert http.get(f"{root}/studies?PatientName={name}&fuzzymatching=true", headers=JSON).status_code == 204


def test_instances_have_nothing_that_is_computed(http: httpx2.Client, root: str, knee: Dataset) -> None:
    asked = "includefield=ModalitiesInStudy,NumberOfStudyRelatedInstances,NumberOfSeriesRelatedInstances"
    query = f"SOPInstanceUID={knee.SOPInstanceUID}&ModalitiesInStudy=MR&{asked}"
    (match,) = search(http, f"{root}/instances", query)
    assert not {"00080061", "00201208", "00201209"} & keys(match)
