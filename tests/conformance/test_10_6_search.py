"""Search Transaction (PS3.18 §10.6): the six resources, matching, paging, and the queries that viewers send."""

from typing import Any

import httpx2
import pytest
from pydicom.dataset import Dataset

from tests import data
from tests.messages import JSON, sent, store, values, words

ROOT = "/dicomweb"


@pytest.fixture(scope="module")
def knee(http: httpx2.Client) -> Dataset:
    made = data.image(
        PatientName="Müller^José",
        PatientID="Pat_1%",
        AccessionNumber="Acc1",
        StudyDate="20240229",
        StudyDescription="Knee, left",
        Modality="MR",
        Manufacturer="Acme",
        BodyPartExamined="KNEE",
        InstanceNumber=5,
        SeriesNumber=3,
    )
    return keep(http, made)


def keep(http: httpx2.Client, made: Dataset | None = None, **attributes: Any) -> Dataset:
    whole = sent(made, **attributes)
    assert store(http, ROOT, whole.content).status_code == 200
    return whole.dataset


def search(http: httpx2.Client, path: str, query: str = "") -> list[dict[str, Any]]:
    answer = http.get(f"{ROOT}{path}?{query}", headers=JSON)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def found(http: httpx2.Client, made: Dataset, query: str, level: str = "studies") -> bool:
    """Whether a query finds the data set. The tests share a service, so the query is about its Study alone."""
    matches = search(http, f"/{level}", f"StudyInstanceUID={made.StudyInstanceUID}&{query}")
    assert len(matches) <= 1
    return bool(matches)


# --- The six resources (§10.6.1)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/studies", "StudyInstanceUID"),
        ("/series", "SeriesInstanceUID"),
        ("/instances", "SOPInstanceUID"),
        ("/studies/{0.StudyInstanceUID}/series", "SeriesInstanceUID"),
        ("/studies/{0.StudyInstanceUID}/instances", "SOPInstanceUID"),
        ("/studies/{0.StudyInstanceUID}/series/{0.SeriesInstanceUID}/instances", "SOPInstanceUID"),
    ],
)
def test_resource(http: httpx2.Client, knee: Dataset, path: str, key: str) -> None:
    (match,) = search(http, path.format(knee), f"{key}={knee[key].value}")
    assert values(match, "0020000D") == [knee.StudyInstanceUID]
    assert search(http, path.format(knee), f"{key}=1.2.3") == []


def test_nothing_found_is_an_empty_array(http: httpx2.Client) -> None:
    answer = http.get(f"{ROOT}/studies?PatientID=nobody-has-this")
    assert (answer.status_code, answer.json()) == (200, [])


def test_unknown_scope_is_an_empty_array(http: httpx2.Client) -> None:
    assert search(http, "/studies/1.2.3.4/series") == []


# --- Returned attributes (Tables 10.6.3-3 to 10.6.3-5)


def test_attributes_of_studies(http: httpx2.Client, url: str, knee: Dataset) -> None:
    (match,) = search(http, "/studies", f"StudyInstanceUID={knee.StudyInstanceUID}")
    assert set(match) >= words("0020000D 00080020 00080030 00080050 00080061 00081030 00080090 00100010")
    assert set(match) >= words("00100020 00100030 00201206 00201208 00200010 00100040 00081190 00080005")
    assert values(match, "00081190") == [f"{url}{ROOT}/studies/{knee.StudyInstanceUID}"]
    assert (values(match, "00201206"), values(match, "00201208"), values(match, "00080061")) == ([1], [1], ["MR"])


def test_attributes_of_series(http: httpx2.Client, url: str, knee: Dataset) -> None:
    (match,) = search(http, f"/studies/{knee.StudyInstanceUID}/series")
    assert set(match) >= words("0020000D 0020000E 00080060 0008103E 00200011 00201209 00081190")
    path = f"/studies/{knee.StudyInstanceUID}/series/{knee.SeriesInstanceUID}"
    assert values(match, "00081190") == [url + ROOT + path]


def test_series_of_all_studies_carry_the_attributes_of_the_study(http: httpx2.Client, knee: Dataset) -> None:
    (match,) = search(http, "/series", f"0020000E={knee.SeriesInstanceUID}")
    assert (values(match, "00100020"), values(match, "00081030")) == (["Pat_1%"], ["Knee, left"])


def test_attributes_of_instances(http: httpx2.Client, url: str, knee: Dataset) -> None:
    path = f"/studies/{knee.StudyInstanceUID}/series/{knee.SeriesInstanceUID}"
    (match,) = search(http, f"{path}/instances")
    assert set(match) >= words("00080016 00080018 00200013 00280010 00280011 00280100 0020000D 0020000E")
    assert values(match, "00081190") == [f"{url}{ROOT}{path}/instances/{knee.SOPInstanceUID}"]
    assert values(match, "00083002") == ["1.2.840.10008.1.2.1"]


def test_keys_in_the_order_of_tags(http: httpx2.Client, knee: Dataset) -> None:
    (match,) = search(http, "/instances", f"SOPInstanceUID={knee.SOPInstanceUID}&includefield=all")
    assert list(match) == sorted(match)


@pytest.mark.parametrize(
    "query",
    [
        "includefield=00080070", "includefield=Manufacturer", "includefield=0008103E%2C00080070",
        "includefield=PatientSex&includefield=Manufacturer", "includefield=all", "includefield=Manufacturer,all",
    ],
)  # fmt: skip
def test_includefield(http: httpx2.Client, knee: Dataset, query: str) -> None:
    (match,) = search(http, "/series", f"SeriesInstanceUID={knee.SeriesInstanceUID}&{query}")
    assert values(match, "00080070") == ["Acme"]


@pytest.mark.parametrize("field", ["NoSuchKeyword", "00083002", "AvailableTransferSyntaxUID", "00091001", "x<y", ""])
def test_an_includefield_that_gives_nothing_is_no_error(http: httpx2.Client, knee: Dataset, field: str) -> None:
    answer = http.get(f"{ROOT}/studies", params={"includefield": field, "StudyInstanceUID": knee.StudyInstanceUID})
    assert (answer.status_code, len(answer.json())) == (200, 1)


def test_retrieve_url_only_under_the_roots_own_host(http: httpx2.Client, knee: Dataset) -> None:
    answer = http.get(f"{ROOT}/studies?StudyInstanceUID={knee.StudyInstanceUID}", headers={"Host": "127.0.0.1"})
    assert values(answer.json()[0], "00081190")[0].startswith(str(http.base_url).rstrip("/"))


# --- Matching keys (Tables 10.6.1-2 to 10.6.1-5); how they match is in `test_8_3_4_matching`

STUDY_KEYS = words("StudyDate StudyTime AccessionNumber ModalitiesInStudy ReferringPhysicianName PatientName PatientID")
STUDY_KEYS |= words("StudyInstanceUID StudyID")
SERIES_KEYS = words("Modality SeriesInstanceUID SeriesNumber PerformedProcedureStepStartDate")
SERIES_KEYS |= words("PerformedProcedureStepStartTime")
INSTANCE_KEYS = words("SOPClassUID SOPInstanceUID InstanceNumber")


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/studies", STUDY_KEYS),
        ("/series", STUDY_KEYS | SERIES_KEYS),
        ("/studies/1.2/series", STUDY_KEYS | SERIES_KEYS),
        ("/instances", STUDY_KEYS | SERIES_KEYS | INSTANCE_KEYS),
        ("/studies/1.2/instances", STUDY_KEYS | SERIES_KEYS | INSTANCE_KEYS),
        ("/studies/1.2/series/1.3/instances", STUDY_KEYS | SERIES_KEYS | INSTANCE_KEYS),
    ],
)
def test_required_matching_keys(http: httpx2.Client, path: str, keys: set[str]) -> None:
    values = {"Date": "20240229", "Time": "10", "Number": "1"}
    query = {key: next((value for end, value in values.items() if key.endswith(end)), "1") for key in keys}
    answer = http.get(f"{ROOT}{path}", params=query)
    assert (answer.status_code, answer.headers.get("Warning")) == (200, None)


# --- Matching (§8.3.4.1)


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("PatientID=Pat_1%25", True),
        ("00100020=Pat_1%25", True),
        ("PatientID=Pat*", True),
        ("PatientID=%2A_1%25", True),
        ("PatientID=Pat%3F1%25", True),
        ("PatientID=Pat_1%3F%3F", False),
        ("PatientID=Pat%25", False),
        ("PatientID=", True),
        ("PatientID=*", True),
        ("PatientName=*müll*", True),
        ("PatientName=MULLER^JOSE", True),
        ("PatientName=Müller", False),
        ("PatientName=*Jose*", True),
        ("StudyDescription=*knee*", True),
        ("StudyDescription=Knee%2C+left", True),
        ("StudyDescription=Knee%2C%20left", True),
        ("AccessionNumber=*acc1*", True),
        ("StudyDate=20240229", True),
        ("StudyDate=20240201-20240301", True),
        ("StudyDate=19700102-20240229", True),
        ("StudyDate=20240301-", False),
        ("StudyDate=-20240228", False),
        ("ModalitiesInStudy=MR", True),
        ("ModalitiesInStudy=CT%5CMR", True),
        ("ModalitiesInStudy=CT,MR", True),
        ("ModalitiesInStudy=CT", False),
        ("ModalitiesInStudy=M*", True),
    ],
)
def test_matching(http: httpx2.Client, knee: Dataset, query: str, matches: bool) -> None:
    assert found(http, knee, query) is matches


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("Modality=MR", True),
        ("Modality=CT", False),
        ("SeriesNumber=3", True),
        ("BodyPartExamined=KN*", True),
        ("Manufacturer=acme", True),
    ],
)
def test_matching_of_series(http: httpx2.Client, knee: Dataset, query: str, matches: bool) -> None:
    assert found(http, knee, query, "series") is matches


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("InstanceNumber=5", True), ("InstanceNumber=6", False), ("Modality=MR", True), ("PatientID=Pat*", True),
        ("SOPClassUID=1.2.840.10008.5.1.4.1.1.7", True), ("AccessionNumber=nope", False),
    ],
)  # fmt: skip
def test_matching_of_instances_also_by_what_is_above(
    http: httpx2.Client, knee: Dataset, query: str, matches: bool
) -> None:
    assert found(http, knee, query, "instances") is matches


@pytest.mark.parametrize("query", ["fuzzymatching=true&PatientName=jos", "PatientName=mull+jos&fuzzymatching=true"])
def test_fuzzy_matching(http: httpx2.Client, knee: Dataset, query: str) -> None:
    assert found(http, knee, query)


def test_several_uids(http: httpx2.Client, knee: Dataset) -> None:
    other = keep(http)
    one, two = knee.StudyInstanceUID, other.StudyInstanceUID
    for query in (
        f"StudyInstanceUID={one}%5C{two}",
        f"StudyInstanceUID={one},{two}",
        f"0020000D={one}&0020000D={two}",
        f"StudyInstanceUID={one}&0020000d={two}",
    ):
        assert {values(match, "0020000D")[0] for match in search(http, "/studies", query)} == {one, two}


@pytest.mark.parametrize("query", ["&includefield=00080005", "&", "limit=&offset=", "fuzzymatching=", "accept=*/*"])
def test_empty_parameters_are_passed_over(http: httpx2.Client, knee: Dataset, query: str) -> None:
    answer = http.get(f"{ROOT}/studies?{query}")
    assert (answer.status_code, answer.headers.get("Warning")) == (200, None)


def test_what_cannot_be_used_is_passed_over_with_a_warning(http: httpx2.Client, knee: Dataset) -> None:
    answer = http.get(f"{ROOT}/studies?StudyInstanceUID={knee.StudyInstanceUID}&NoSuchKeyword=1&Rows=8")
    assert (answer.status_code, len(answer.json())) == (200, 1)
    assert "NoSuchKeyword was ignored" in answer.headers["Warning"]
    assert "Rows was ignored" in answer.headers["Warning"]


@pytest.mark.parametrize("name", ["a%0D%0AX-Evil: 1", "%22quoted%22", "%00", "ü", "x" * 5000])
def test_odd_names_do_not_get_into_the_header(http: httpx2.Client, name: str) -> None:
    answer = http.get(f"{ROOT}/studies?limit=1&{name}=1")
    assert answer.status_code == 200
    assert "X-Evil" not in answer.headers
    assert len(answer.headers["Warning"]) < 500


@pytest.mark.parametrize(
    "query",
    ["StudyDate=yesterday", "StudyDate=20240301-20240201", "limit=x", "limit=-1", "offset=-1", "fuzzymatching=2"],
)
def test_bad_values_are_400_and_say_so(http: httpx2.Client, query: str) -> None:
    answer = http.get(f"{ROOT}/studies?{query}")
    assert answer.status_code == 400
    name, _, value = query.partition("=")
    assert name.lower() in answer.text.lower() or value in answer.text


@pytest.mark.parametrize("path", ["/studies/x/series", "/studies/1.2/series/x/instances"])
def test_a_scope_that_is_no_uid_is_400(http: httpx2.Client, path: str) -> None:
    assert http.get(ROOT + path).status_code == 400


# --- Paging (§8.3.4.4)


def test_pages_neither_overlap_nor_leave_out(http: httpx2.Client) -> None:
    patient = data.uid()
    made = {keep(http, PatientID=patient).StudyInstanceUID for _ in range(7)}
    pages = [search(http, "/studies", f"PatientID={patient}&limit=3&offset={offset}") for offset in range(0, 12, 3)]
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert {values(match, "0020000D")[0] for page in pages for match in page} == made


def test_limit_0_gives_nothing(http: httpx2.Client, knee: Dataset) -> None:
    assert search(http, "/studies", "limit=0") == []


def test_a_limit_that_is_too_large_is_lowered_with_a_warning(http: httpx2.Client, knee: Dataset) -> None:
    answer = http.get(f"{ROOT}/studies?limit=1000000000")
    assert answer.status_code == 200
    assert "limit was lowered" in answer.headers["Warning"]


def test_counts_follow_stores_and_deletes(http: httpx2.Client) -> None:
    study, series = data.uid(), data.uid()
    made = [keep(http, StudyInstanceUID=study, SeriesInstanceUID=series, Modality="CT") for _ in range(2)]
    made.append(keep(http, StudyInstanceUID=study, Modality="MR"))
    (match,) = search(http, "/studies", f"StudyInstanceUID={study}")
    assert (values(match, "00201206"), values(match, "00201208")) == ([2], [3])
    assert sorted(values(match, "00080061")) == ["CT", "MR"]
    http.delete(f"{ROOT}/studies/{study}/series/{made[2].SeriesInstanceUID}")
    (match,) = search(http, "/studies", f"StudyInstanceUID={study}")
    assert (values(match, "00201206"), values(match, "00201208"), values(match, "00080061")) == ([1], [2], ["CT"])


@pytest.mark.parametrize(
    ("level", "query"),
    [
        ("studies", "PatientName=%5E&fuzzymatching=true"),
        ("studies", "PatientName=%3D&fuzzymatching=true"),
        ("studies", "ModalitiesInStudy=,"),
        ("studies", "StudyInstanceUID=%5C"),
        ("instances", "SOPInstanceUID=,"),
    ],
)
def test_a_key_that_holds_nothing_to_compare_finds_nothing(
    http: httpx2.Client, knee: Dataset, level: str, query: str
) -> None:
    assert search(http, f"/{level}", query) == []


@pytest.mark.parametrize("blank", ["", "%20", "%00", "%20&StudyInstanceUID=%00"])
def test_a_key_that_is_empty_but_for_padding_is_universal(http: httpx2.Client, knee: Dataset, blank: str) -> None:
    assert len(search(http, "/studies", f"StudyInstanceUID={blank}&limit=1")) == 1


def test_all_attributes_of_an_instance_are_those_of_its_metadata(http: httpx2.Client) -> None:
    made = keep(http, data.image(ImageComments="seen", StudyDescription="Knee"))
    query = f"SOPInstanceUID={made.SOPInstanceUID}&includefield="
    (every,) = search(http, "/instances", f"{query}all")
    (one,) = search(http, "/instances", f"{query}ImageComments,BitsStored")
    assert (every["00204000"], every["00280101"]) == (one["00204000"], one["00280101"])
    assert one.keys() <= every.keys()
    assert "7FE00010" not in every
    (study,) = search(http, "/studies", f"StudyInstanceUID={made.StudyInstanceUID}&includefield=all")
    assert (values(study, "00081030"), "00204000" in study) == (["Knee"], False)
