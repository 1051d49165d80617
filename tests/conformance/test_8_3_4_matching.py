"""Search query parameters (PS3.18 §8.3.4) with the attribute matching of PS3.4 C.2.2.2, a test for each rule."""

from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from pydicom.dataset import Dataset

from tests.messages import JSON, sent, store, values

ROOT = "/dicomweb"


def keep(http: httpx2.Client, **attributes: Any) -> Dataset:
    whole = sent(**attributes)
    assert store(http, ROOT, whole.content).status_code == 200
    return whole.dataset


def ask(http: httpx2.Client, made: Dataset, query: str, level: str = "studies") -> httpx2.Response:
    """A search in the Study of a test alone, for the tests share a service."""
    return http.get(f"{ROOT}/{level}?StudyInstanceUID={made.StudyInstanceUID}&{query}", headers=JSON)


def found(http: httpx2.Client, made: Dataset, query: str, level: str = "studies") -> bool:
    answer = ask(http, made, query, level)
    assert (answer.status_code, "Warning" in answer.headers) == (200, False), answer.text
    return bool(answer.json())


@pytest.fixture(scope="module")
def plain(http: httpx2.Client) -> Dataset:
    """A Study of a patient with accents, without a timezone."""
    return keep(
        http,
        PatientName="Müller^José",
        PatientID="Pat_1%",
        AccessionNumber="Acc\"1'",
        StudyDate="20240229",
        StudyTime="101112.5",
        StudyDescription="Knie, 50%_links",
        StudyID=None,
        Modality="MR",
        SeriesNumber="03",
    )


# --- Single value (C.2.2.2.1), universal (C.2.2.2.3)


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("PatientID=Pat_1%25", True),
        ("PatientID=pat_1%25", True),  # more than the Standard has: it asks for case to count but in names
        ("PatientID=Pat_1", False),
        ("AccessionNumber=Acc%221'", True),
        ("SeriesNumber=3", True),
        ("SeriesNumber=0003", True),
        ("StudyDate=20240229", True),
        ("StudyTime=101112.500", True),
        ("StudyTime=101112", False),
        ("PatientID=", True),
        ("PatientID=*", True),
        ("StudyID=", True),
        ("StudyID=1", False),
    ],
)
def test_single_value(http: httpx2.Client, plain: Dataset, query: str, matches: bool) -> None:
    assert found(http, plain, query, "series") is matches


# --- List of UID (C.2.2.2.2)


@pytest.mark.parametrize("between", [",", "%2C", "%5C", "&SeriesInstanceUID="])
def test_a_list_of_uids_finds_each(http: httpx2.Client, plain: Dataset, between: str) -> None:
    assert found(http, plain, f"SeriesInstanceUID=1.2.3{between}{plain.SeriesInstanceUID}", "series")
    assert not found(http, plain, f"SeriesInstanceUID=1.2.3{between}1.2.4", "series")


# --- Wild card (C.2.2.2.4)


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("PatientID=Pat*", True),
        ("PatientID=*1%25", True),
        ("PatientID=P?t_1?", True),
        ("PatientID=P??t_1?", False),
        ("PatientID=%25", False),
        ("PatientID=Pat%251*", False),
        ("StudyDescription=*50%25_L*", True),
        ("StudyDescription=*50__L*", False),
        ("StudyDate=2024*", None),
        ("StudyInstanceUID=1.2*", False),
    ],
)
def test_wild_card(http: httpx2.Client, plain: Dataset, query: str, matches: bool | None) -> None:
    if matches is None:
        assert ask(http, plain, query).status_code == 400
    elif "StudyInstanceUID" in query:
        assert http.get(f"{ROOT}/studies?{query}").json() == []
    else:
        assert found(http, plain, query) is matches


# --- Range (C.2.2.2.5)


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("StudyDate=20240229-20240229", True),
        ("StudyDate=20240229-", True),
        ("StudyDate=-20240229", True),
        ("StudyDate=20240301-", False),
        ("StudyTime=10-10", True),
        ("StudyTime=1011-101112", True),
        ("StudyTime=101113-", False),
        ("StudyTime=-101112.4", False),
    ],
)
def test_ranges(http: httpx2.Client, plain: Dataset, query: str, matches: bool) -> None:
    assert found(http, plain, query) is matches


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("StudyDate=20240228-20240301&StudyTime=18-09", True),  # from the evening of the 28th to the morning of the 1st
        ("StudyDate=20240229-20240301&StudyTime=11-09", False),
        ("StudyDate=20240229-&StudyTime=09-", True),
        ("StudyDate=20240229-&StudyTime=11-", False),
        ("StudyDate=20240228-&StudyTime=11-", True),
        ("StudyDate=-20240229&StudyTime=-09", False),
        ("StudyDate=-20240229&StudyTime=-1011", True),
        ("StudyDate=-20240301&StudyTime=-09", True),
        # Different ends, or one value: each for itself
        ("StudyDate=20240228-20240301&StudyTime=-09", False),
        ("StudyDate=20240229&StudyTime=09-11", True),
        ("StudyDate=20240228-20240301&StudyTime=101112.5", True),
    ],
)
def test_a_date_and_its_time_are_one_range(http: httpx2.Client, plain: Dataset, query: str, matches: bool) -> None:
    assert found(http, plain, query) is matches


@pytest.mark.parametrize(
    ("date", "time", "level"),
    [
        ("SeriesDate", "SeriesTime", "series"),
        ("PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime", "series"),
        ("ContentDate", "ContentTime", "instances"),
    ],
)
def test_so_are_the_others(http: httpx2.Client, date: str, time: str, level: str) -> None:
    made = keep(http, **{date: "20240229", time: "1011"})
    assert found(http, made, f"{date}=20240228-20240301&{time}=18-09", level)
    assert not found(http, made, f"{date}=20240229-20240301&{time}=11-09", level)


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("20240229101112", True),
        ("2024-2024", True),
        ("2025-", False),
        ("-202402", True),
        ("20240229101112%2B0100", True),
        ("20240229091112%2B0000", True),
        ("20240229041112-0500", True),
        ("20240229101112-0500", False),
        ("20240229040000-0500-20240229050000-0500", True),
        ("2024022905-0500-", False),
        ("-2024022905-0500", True),
        ("20240229101112 0100", True),  # "+" that nobody encoded
    ],
)
def test_moments_with_offsets(http: httpx2.Client, query: str, matches: bool) -> None:
    made = keep(http, AcquisitionDateTime="20240229101112+0100")
    assert found(http, made, f"AcquisitionDateTime={query}", "instances") is matches


# --- Timezone (§8.3.4.1)


@pytest.fixture(scope="module")
def berlin(http: httpx2.Client) -> Dataset:
    """2024-02-29 23:30 in Berlin: still the 29th in London (22:30), already the 1st in Tokyo (07:30)."""
    return keep(http, StudyDate="20240229", StudyTime="2330", TimezoneOffsetFromUTC="+0100")


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("StudyDate=20240229", True),
        ("StudyDate=20240229&TimezoneOffsetFromUTC=%2B0100", True),
        ("StudyDate=20240229&TimezoneOffsetFromUTC=%2B0000", True),
        ("StudyDate=20240229&TimezoneOffsetFromUTC=%2B0900", False),
        ("StudyDate=20240301&TimezoneOffsetFromUTC=%2B0900", True),
        ("StudyDate=20240301-&00080201=+0900", True),
        ("StudyDate=-20240229&TimezoneOffsetFromUTC=%2B0900", False),
        ("StudyTime=2330&TimezoneOffsetFromUTC=%2B0100", True),
        ("StudyTime=0730&TimezoneOffsetFromUTC=%2B0900", True),
        ("StudyTime=07-08&TimezoneOffsetFromUTC=%2B0900", True),
        ("StudyTime=-08&TimezoneOffsetFromUTC=%2B0900", True),
        ("StudyTime=08-&TimezoneOffsetFromUTC=%2B0900", False),
        ("StudyTime=22-&TimezoneOffsetFromUTC=-0000", True),
        ("StudyTime=17-18&TimezoneOffsetFromUTC=-0500", True),
        ("StudyDate=20240301-20240301&StudyTime=07-08&TimezoneOffsetFromUTC=%2B0900", True),
        ("StudyDate=20240229-20240229&StudyTime=22-23&TimezoneOffsetFromUTC=%2B0000", True),
        ("StudyDate=20240229-20240229&StudyTime=23-2359&TimezoneOffsetFromUTC=%2B0000", False),
        ("PatientBirthDate=19700101&TimezoneOffsetFromUTC=%2B0900", True),
    ],
)
def test_the_timezone_of_the_keys(http: httpx2.Client, berlin: Dataset, query: str, matches: bool) -> None:
    assert found(http, berlin, query) is matches


def test_values_without_a_timezone_are_compared_as_they_stand(http: httpx2.Client, plain: Dataset) -> None:
    assert found(http, plain, "StudyDate=20240229&StudyTime=09-11&TimezoneOffsetFromUTC=%2B0900")
    assert found(http, plain, "StudyDate=20240229-&StudyTime=09-&TimezoneOffsetFromUTC=%2B0900")


def test_the_timezone_itself_is_no_condition(http: httpx2.Client, berlin: Dataset) -> None:
    (match,) = ask(http, berlin, "TimezoneOffsetFromUTC=-0500").json()
    assert values(match, "00080201") == ["+0100"]


# --- Person Names: by component group, without regard to case and accents


@pytest.fixture(scope="module")
def yamada(http: httpx2.Client) -> Dataset:
    return keep(http, PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう")


@pytest.mark.parametrize(
    ("name", "matches"),
    [
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", True),
        ("yamada^tarou", True),
        ("YAMADA^TAROU^^", True),
        ("山田^太郎", True),
        ("やまだ^たろう", True),
        ("=山田^太郎", True),
        ("==山田^太郎", False),
        ("yamada^tarou=山田^太郎", True),
        ("yamada^tarou=山田^花子", False),
        ("山田*", True),
        ("=山田*", True),
        ("==山田*", False),
        ("*太郎", True),
        ("*tarou", True),
        ("Yamada^T*", True),
        ("?amada^*=山?^*", True),
        ("太郎", False),
        ("Yamada", False),
        ("*=*", True),
    ],
)
def test_names_by_group(http: httpx2.Client, yamada: Dataset, name: str, matches: bool) -> None:
    assert found(http, yamada, f"PatientName={quote(name)}") is matches


@pytest.mark.parametrize(("name", "matches"), [("山", True), ("yam tar", True), ("やま た", True), ("amada", False)])
def test_fuzzy_names_are_words_of_any_group(http: httpx2.Client, yamada: Dataset, name: str, matches: bool) -> None:
    assert found(http, yamada, f"PatientName={quote(name)}&fuzzymatching=true") is matches


@pytest.mark.parametrize(
    ("name", "matches"),
    [("muller^jose", True), ("MÜLLER^J*", True), ("*^José", True), ("Mu\u0308ller^*", True), ("M?ller^*", True)],
)
def test_names_without_case_and_accents(http: httpx2.Client, plain: Dataset, name: str, matches: bool) -> None:
    assert found(http, plain, f"PatientName={quote(name)}") is matches


# --- Several stored values, and several asked for (C.2.2.2.8, §8.3.4.6)


@pytest.fixture(scope="module")
def both(http: httpx2.Client) -> Dataset:
    """A Study with a CT and a PT Series, referred by two."""
    first = keep(http, Modality="CT", ReferringPhysicianName=["Doe^A", "Roe^Bé"])
    keep(
        http,
        Modality="PT",
        StudyInstanceUID=first.StudyInstanceUID,
        SOPClassUID="1.2.840.10008.5.1.4.1.1.128",
        ReferringPhysicianName=["Doe^A", "Roe^Bé"],
    )
    return first


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("ReferringPhysicianName=doe^a", True),
        ("ReferringPhysicianName=Roe^Be", True),
        ("ReferringPhysicianName=r*", True),
        ("ReferringPhysicianName=ro+be&fuzzymatching=true", True),
        ("ReferringPhysicianName=a+ro&fuzzymatching=true", False),
        ("ReferringPhysicianName=doe^a%5Croe^be&multiplevaluematching=true", True),
        ("ReferringPhysicianName=doe^a%5Croe^x&multiplevaluematching=true", False),
        ("ModalitiesInStudy=CT", True),
        ("ModalitiesInStudy=CT%5CMR", True),
        ("ModalitiesInStudy=CT%5CMR&multiplevaluematching=false", True),
        ("ModalitiesInStudy=CT%5CPT&multiplevaluematching=true", True),
        ("ModalitiesInStudy=PT&ModalitiesInStudy=CT&multiplevaluematching=TRUE", True),
        ("ModalitiesInStudy=CT%5CMR&multiplevaluematching=true", False),
        ("SOPClassesInStudy=1.2.840.10008.5.1.4.1.1.128", True),
        ("SOPClassesInStudy=1.2.3,1.2.840.10008.5.1.4.1.1.128", True),
        ("SOPClassesInStudy=1.2.840.10008.5.1.4.1.1.12", False),
    ],
)
def test_any_of_the_values_will_do(http: httpx2.Client, both: Dataset, query: str, matches: bool) -> None:
    assert found(http, both, query) is matches


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("NumberOfStudyRelatedSeries=2", True),
        ("NumberOfStudyRelatedInstances=02", True),
        ("NumberOfStudyRelatedInstances=1", False),
        ("NumberOfStudyRelatedInstances=4294967298", False),
        ("NumberOfSeriesRelatedInstances=1", True),
        ("NumberOfSeriesRelatedInstances=2", False),
    ],
)
def test_counts_can_be_asked_for(http: httpx2.Client, both: Dataset, query: str, matches: bool) -> None:
    assert found(http, both, query, "series") is matches


# --- Empty values (C.2.2.2.7, §8.3.4.5)


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("StudyID=%22%22&emptyvaluematching=true", True),
        ('StudyID=""&EmptyValueMatching=true', True),
        ("PatientID=%22%22&emptyvaluematching=true", False),
        ("PatientName=%22%22&emptyvaluematching=true", False),
        ("PatientName=%22%22&emptyvaluematching=true&fuzzymatching=true", False),
        ("StudyDate=%22%22&emptyvaluematching=true", False),
        ("StudyDate=%22%22&emptyvaluematching=true&TimezoneOffsetFromUTC=-0500", False),
        ("ModalitiesInStudy=%22%22&emptyvaluematching=true", False),
        ("SOPClassesInStudy=%22%22&emptyvaluematching=true", False),
        ("StudyID=%22%22", False),
    ],
)
def test_no_value(http: httpx2.Client, plain: Dataset, query: str, matches: bool) -> None:
    assert found(http, plain, query) is matches


def test_no_modality(http: httpx2.Client) -> None:
    made = keep(http, Modality=None)
    assert found(http, made, "ModalitiesInStudy=%22%22&emptyvaluematching=true")
    assert found(http, made, "Modality=%22%22&emptyvaluematching=true", "series")


# --- Sequences (C.2.2.2.6)

STEP, REQUESTED = (f"RequestAttributesSequence.{name}" for name in ("ScheduledProcedureStepID", "RequestedProcedureID"))


@pytest.fixture(scope="module")
def requested(http: httpx2.Client) -> Dataset:
    """A Series of two requests; the second is of two steps, the third Item is of a step without a request."""
    items = [("A", "1"), (["B", "C"], "2"), ("D", None)]
    made = [sent(ScheduledProcedureStepID=step, RequestedProcedureID=of).dataset for step, of in items]
    return keep(http, RequestAttributesSequence=made)


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        (f"{STEP}=a&{REQUESTED}=1", True),
        (f"{STEP}=a&{REQUESTED}=2", False),
        (f"{STEP}=A*&{REQUESTED}=2", False),
        (f"{STEP}=?&{REQUESTED}=2", True),
        (f"{STEP}=d&{REQUESTED}=*", True),
        (f"{STEP}=d&{REQUESTED}=?", False),
        (f"{STEP}=b%5Cc&{REQUESTED}=2&multiplevaluematching=true", True),
        (f"{STEP}=a%5Cb&multiplevaluematching=true", False),
        (f"{STEP}=a&{STEP}=b&multiplevaluematching=true", False),
        (f"{REQUESTED}=%22%22&emptyvaluematching=true", True),
        (f"{STEP}=%22%22&emptyvaluematching=true", False),
        (f"{STEP}=d&{REQUESTED}=%22%22&emptyvaluematching=true", True),
        (f"{STEP}=a&{REQUESTED}=%22%22&emptyvaluematching=true", False),
    ],
)
@pytest.mark.parametrize("level", ["series", "instances"])
def test_keys_of_one_sequence_are_met_by_one_item(
    http: httpx2.Client, requested: Dataset, query: str, matches: bool, level: str
) -> None:
    assert found(http, requested, query, level) is matches


def test_an_absent_sequence_has_no_value(http: httpx2.Client, plain: Dataset) -> None:
    assert found(http, plain, f"{STEP}=%22%22&{REQUESTED}=%22%22&emptyvaluematching=true", "series")
    assert not found(http, plain, f"{STEP}=%22%22&{REQUESTED}=1&emptyvaluematching=true", "series")


# --- includefield (§8.3.4.3)


@pytest.fixture(scope="module")
def detailed(http: httpx2.Client) -> Dataset:
    request, code = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-1", "99X", "Knee"
    request.ScheduledProcedureStepID, request.RequestedProcedureID = "S1", "R1"
    request.RequestedProcedureCodeSequence = [code]
    whole = sent(RequestAttributesSequence=[request], ProcedureCodeSequence=[code], PatientComments="calm")
    block = whole.dataset.private_block(0x0009, "FILMROOM TEST", create=True)
    block.add_new(0x01, "LO", "mine")
    assert store(http, ROOT, sent(whole.dataset).content).status_code == 200
    return whole.dataset


def test_a_sequence_whole_and_in_part(http: httpx2.Client, detailed: Dataset) -> None:
    (match,) = ask(http, detailed, "includefield=ProcedureCodeSequence").json()
    assert set(match["00081032"]["Value"][0]) == {"00080100", "00080102", "00080104"}
    (match,) = ask(http, detailed, "includefield=ProcedureCodeSequence.CodeValue,00081032.00080104").json()
    assert set(match["00081032"]["Value"][0]) == {"00080100", "00080104"}
    (match,) = ask(http, detailed, "includefield=ProcedureCodeSequence.CodeValue,ProcedureCodeSequence").json()
    assert set(match["00081032"]["Value"][0]) == {"00080100", "00080102", "00080104"}


def test_what_is_returned_anyway_is_returned_whole(http: httpx2.Client, detailed: Dataset) -> None:
    query = "includefield=RequestAttributesSequence.RequestedProcedureCodeSequence.CodeValue"
    (match,) = ask(http, detailed, query, "series").json()
    assert set(match["00400275"]["Value"][0]) == {"00400009", "00401001", "00321064"}


@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_a_group(http: httpx2.Client, detailed: Dataset, level: str) -> None:
    (match,) = ask(http, detailed, "includefield=0010xxxx", level).json()
    assert {key for key in match if key.startswith("0010")} >= {"00100010", "00100020", "00100030", "00104000"}
    assert values(match, "00104000") == ["calm"]


def test_a_private_attribute_comes_with_its_creator(http: httpx2.Client, detailed: Dataset) -> None:
    (match,) = ask(http, detailed, "includefield=00091001").json()
    assert (values(match, "00091001"), values(match, "00090010")) == (["mine"], ["FILMROOM TEST"])


def test_all_is_all(http: httpx2.Client, detailed: Dataset) -> None:
    (match,) = ask(http, detailed, "includefield=all", "instances").json()
    assert match.keys() >= {"00104000", "00091001", "00081032", "00080062", "00201208"}


# --- What can't be


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("StudyDate=2024*", "StudyDate"),
        ("StudyDate=20240301-20240229", "ends before it begins"),
        ("StudyDate=20240229-20240229&StudyTime=11-10", "StudyTime ends before it begins"),
        ("StudyDate=20240301-20240229&StudyTime=10-11", "StudyDate ends before it begins"),
        ("StudyDate=-&StudyTime=-", "A range needs a beginning or an end"),
        ("AcquisitionDateTime=-", "A range needs a beginning or an end"),
        ("AcquisitionDateTime=20240229101112%2B2400", "AcquisitionDateTime"),
        ("AcquisitionDateTime=2025%2B0100-2024%2B0100", "ends before it begins"),
        ("TimezoneOffsetFromUTC=CET", "TimezoneOffsetFromUTC must be"),
        ("TimezoneOffsetFromUTC=%2B0100&TimezoneOffsetFromUTC=%2B0200", "TimezoneOffsetFromUTC must be"),
        ("emptyvaluematching=2", "emptyvaluematching must be true or false"),
        ("multiplevaluematching=yes", "multiplevaluematching must be true or false"),
        ("PatientID=a&PatientID=b", "PatientID is given more than once"),
        ("SOPInstanceUID=" + ",".join(map(str, range(10_001))), "10000 can be searched by at once"),
        ("SOPClassesInStudy=" + ",".join(map(str, range(201))), "200 at most"),
        ("fuzzymatching=true&PatientName=" + "a=" * 2000, "is given 512 words, and 20 can be searched by at once"),
        ("PatientID=" + "%5C".join(map(str, range(101))) + "&multiplevaluematching=true", "100 can be searched by"),
    ],
)
def test_refused_with_a_reason(http: httpx2.Client, plain: Dataset, query: str, said: str) -> None:
    answer = ask(http, plain, query, "instances")
    assert (answer.status_code, said in answer.text) == (400, True), answer.text


HOSTILE = [
    "%", "_", "'", '"', "''; DROP TABLE study; --", "\\", "/", "[a-z]", "(", "a\0b", "\u202eevil", "a\u0301\u0323",
    "a=" * 20,
    "\\".join(map(str, range(90))),
    "*" * 5000, "?" * 2000, "x" * 10_000, "山" * 3000, "^" * 3000, "=" * 3000, "\ufffd", "😀*", "\r\nX-Evil: 1",
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("more", ["", "&fuzzymatching=true", "&multiplevaluematching=true&emptyvaluematching=true"])
def test_hostile_text_is_text(http: httpx2.Client, plain: Dataset, value: str, more: str) -> None:
    for keyword in ("PatientName", "PatientID", "ModalitiesInStudy", "SOPClassesInStudy"):
        answer = ask(http, plain, f"{keyword}={quote(value, safe='')}{more}")
        assert answer.status_code == 200
        assert answer.json() == [] or not value.strip("*")
        assert "X-Evil" not in answer.headers


@pytest.mark.parametrize("value", ["%FF", "%ED%A0%80", "%C3", "%00", "%", "%zz", "%u0041"])
def test_what_is_no_text_finds_nothing_and_breaks_nothing(http: httpx2.Client, plain: Dataset, value: str) -> None:
    for keyword in ("PatientName", "PatientID"):
        answer = ask(http, plain, f"{keyword}=x{value}")
        assert (answer.status_code, answer.json()) == (200, [])


def test_a_thousand_keys(http: httpx2.Client, plain: Dataset) -> None:
    answer = ask(http, plain, "&".join(f"0009{number:04X}=x" for number in range(0x1000, 0x13E8)))
    assert (answer.status_code, len(answer.json())) == (200, 1)
    assert len(answer.headers["Warning"]) < 2000
    assert ask(http, plain, "&".join(["PatientID=Pat*"] * 1000)).status_code == 200
