"""`filmroom search` asks what was typed, and prints for people and for programs."""

import csv
import io

import orjson
import pytest

from filmroom import Client
from tests import data
from tests.cli.program import Program
from tests.client.recorder import Recorder, json


@pytest.fixture
def study(service: str) -> str:
    """A study of two instances that is stored."""
    uid = data.uid()
    with Client(service) as client:
        client.store_instances([data.dataset(StudyInstanceUID=uid, InstanceNumber=number) for number in (1, 2)])
    return uid


def test_a_table_has_a_line_for_each_result_and_whole_uids(run: Program, study: str) -> None:
    ran = run("search", "instances", f"StudyInstanceUID={study}")
    heading, _, *lines = ran.out.splitlines()
    assert ran.code == 0
    assert heading.split() == [
        "InstanceNumber",
        "SOPClassUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
    ]
    assert [len(line.split()) for line in lines] == [4, 4]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("PatientNme=a", "'PatientNme' is not the keyword of an attribute; do you mean PatientName?"),
        ("patientname=a", "do you mean PatientName?"),
        ("Xyzzy=a", "is neither the keyword of an attribute (PatientID) nor its tag (00100020)"),
        ("StudyDate=2020-09-22-2020-10-01", "right are: 20260131, 2026-01-31, 2026-01-01..2026-03-31."),
        ("StudyDate=2020-09-31", "'2020-09-31' is no date, time or range of StudyDate"),
        *(
            (f"StudyDate={typed}", "is no date, time or range of StudyDate")
            for typed in ("01/02/2020", "today", "2020")
        ),
        ("StudyTime=8am", "right are: 143000, 14:30"),
        ("StudyDate=2020-12-31..2020-01-01", "ends before it begins"),
        (
            "RequestAttributesSequence=1",
            "RequestAttributesSequence is a sequence: match what is inside, as RequestAttributesSequence.C",
        ),
    ],
)
def test_what_was_probably_meant_is_said(run: Program, recorder: Recorder, key: str, said: str) -> None:
    ran = run("search", "studies", key)
    assert (ran.code, recorder.targets) == (2, [])
    assert said in ran.said


@pytest.mark.parametrize("key", ["0010,0020", "(0010,0020)", "00100020", "PatientID"])
def test_a_tag_may_be_written_as_the_standard_prints_it(run: Program, recorder: Recorder, key: str) -> None:
    assert run("search", "studies", f"{key}=1").code == 0
    assert recorder.targets == ["/studies?PatientID=1"]


def test_json_is_an_array_of_dicom_json(run: Program, study: str) -> None:
    [found] = orjson.loads(run("search", "studies", f"0020000D={study}", "--json").out)
    assert found["0020000D"] == {"vr": "UI", "Value": [study]}


def test_patients_are_not_of_the_azure_service(run: Program, service: str) -> None:
    ran = run("search", "patients", "--url", service.replace("/dicomweb", "/v2"))
    assert (ran.code, f"{service} does" in ran.err) == (1, True)


def test_csv_has_every_column_under_its_keyword(run: Program, study: str) -> None:
    [found] = csv.DictReader(io.StringIO(run("search", "studies", f"StudyInstanceUID={study}", "--csv").out))
    assert found["PatientName"] == "Anony^Mous"
    assert found["NumberOfStudyRelatedInstances"] == "2"
    assert found["StudyInstanceUID"] == study


def test_nothing_found_is_no_error(run: Program, service: str) -> None:
    assert run("search", "studies", f"StudyInstanceUID={data.uid()}").code == 0


def test_a_field_is_asked_for_and_shown(run: Program, study: str) -> None:
    ran = run("search", "series", f"StudyInstanceUID={study}", "--field", "SeriesDate", "--field", "00080021", "--csv")
    assert ran.out.splitlines()[0].split(",").count("SeriesDate") == 1


@pytest.mark.parametrize(
    ("arguments", "target"),
    [
        ("studies PatientID=a=b 00080060=CT", "/studies?PatientID=a%3Db&Modality=CT"),
        (
            "studies --limit 5 --offset 10 --fuzzy PatientName=doe",
            "/studies?PatientName=doe&fuzzymatching=true&limit=5&offset=10",
        ),
        ("studies --field all --json", "/studies?includefield=all"),
        ("studies --field all --json-lines", "/studies?includefield=all"),
        ("studies --field 0010,XXXX", "/studies?includefield=0010xxxx"),
        (
            "studies StudyDate=2026-01-01..2026-03-31 StudyTime=..12:00",
            "/studies?StudyDate=20260101-20260331&StudyTime=-1200",
        ),
        ("studies --order -StudyDate --order 0010,0010", "/studies?orderby=-StudyDate%2CPatientName"),
        (
            "patients PatientID=1 TimezoneOffsetFromUTC=+0100 --emptyvaluematching --multiplevaluematching",
            "/patients?PatientID=1&TimezoneOffsetFromUTC=%2B0100&emptyvaluematching=true&multiplevaluematching=true",
        ),
        ("series StudyInstanceUID=1.2 Modality=CT", "/studies/1.2/series?Modality=CT"),
        ("instances SeriesInstanceUID=1.3 StudyInstanceUID=1.2", "/studies/1.2/series/1.3/instances"),
        ("instances SeriesInstanceUID=1.3", "/instances?SeriesInstanceUID=1.3"),
        ("series StudyInstanceUID=1.2 StudyInstanceUID=1.4", "/series?StudyInstanceUID=1.2&StudyInstanceUID=1.4"),
        ("series StudyInstanceUID=1.2,1.4", "/series?StudyInstanceUID=1.2%2C1.4"),
        ("instances 00091001=private", "/instances?00091001=private"),
    ],
)
def test_what_is_typed_becomes_a_request(run: Program, recorder: Recorder, arguments: str, target: str) -> None:
    assert run("search", *arguments.split()).code == 0
    assert recorder.targets == [target]


def test_all_asks_page_by_page(run: Program, recorder: Recorder) -> None:
    pages = [[{"0020000D": {"vr": "UI", "Value": [f"1.{number}"]}}] for number in (1, 2)]
    recorder.replies = [*map(json, pages), json([])]
    assert run("search", "studies", "--all", "--limit", "1", "--csv").out.splitlines()[1:] == [
        ",,,,,,,,1.1",
        ",,,,,,,,1.2",
    ]


def test_a_limit_is_asked_for_in_pages_that_every_service_grants(run: Program, recorder: Recorder) -> None:
    recorder.replies = [json([{"0020000D": {"vr": "UI", "Value": [f"1.{number}"]}} for number in range(100)]), json([])]
    assert run("search", "studies", "--limit", 150, "--json-lines").out.count("\n") == 100
    assert recorder.targets == ["/studies?limit=100", "/studies?limit=50&offset=100"]


@pytest.mark.parametrize("form", ["--csv", "--json-lines"])
def test_lines_are_printed_while_the_pages_come(run: Program, recorder: Recorder, form: str) -> None:
    pages = [json([{"0020000D": {"vr": "UI", "Value": [f"1.{number}"]}}]) for number in (1, 2)]
    recorder.replies = [*pages, json("no", 400)]
    ran = run("search", "studies", "--all", "--limit", 1, form)
    assert (ran.code, [line[-3:] for line in ran.out.replace('"]}}', "").splitlines()[-2:]]) == (3, ["1.1", "1.2"])


@pytest.mark.parametrize(
    "headers",
    [
        {"Link": '<studies?cursor=x>; rel="next"'},
        {"Warning": '299 host "There are 7 additional results that can be requested"'},
    ],
)
def test_that_there_is_a_further_page_is_said(run: Program, recorder: Recorder, headers: dict[str, str]) -> None:
    recorder.replies = [json([{}], 200, **headers)]
    assert "1 shown; there may be more" in run("search", "studies").err


@pytest.mark.parametrize("key", ["PatientID", "=1"])
def test_a_key_without_value_is_a_usage_error(run: Program, recorder: Recorder, key: str) -> None:
    ran = run("search", "studies", key)
    assert (ran.code, recorder.targets) == (2, [])
    assert "PatientID=ID1" in ran.err


def test_json_and_csv_exclude_each_other(run: Program, recorder: Recorder) -> None:
    assert run("search", "studies", "--json", "--csv").code == 2


@pytest.mark.parametrize(
    "arguments", ["patientid=1", "--order -StudyDat", "PatientID=1 --field Patient", "RequestAttributesSequence.Foo=1"]
)
def test_what_is_no_attribute_is_a_usage_error(run: Program, recorder: Recorder, arguments: str) -> None:
    ran = run("search", "studies", *arguments.split())
    assert (ran.code, recorder.targets) == (2, [])
    assert "keyword of an attribute" in ran.said


def test_a_path_into_a_sequence_is_a_key(run: Program, recorder: Recorder) -> None:
    key = "RequestAttributesSequence.00400009"
    assert run("search", "series", f"{key}=1").code == 0
    assert recorder.targets == ["/series?RequestAttributesSequence.ScheduledProcedureStepID=1"]


@pytest.mark.parametrize("uid", ["nonsense", "1.2,nonsense", "1" * 65])
def test_a_uid_that_is_none_is_a_usage_error(run: Program, recorder: Recorder, uid: str) -> None:
    ran = run("search", "series", f"StudyInstanceUID={uid}")
    assert (ran.code, recorder.targets) == (2, [])
    assert "is not a UID" in ran.said


def test_a_key_that_the_service_passed_over_shows_nothing(run: Program, study: str) -> None:
    ran = run("search", "studies", "PatientWeight=80", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "PatientWeight was ignored" in ran.err
    assert "nothing is shown" in ran.err


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("The fuzzymatching parameter is not supported.", "--fuzzy"),
        ("PatientWeight was ignored: not there.", "--field PatientWeight"),
        ("-PatientWeight was ignored: answers can't be ordered by it.", "--order -PatientWeight"),
        ("There are additional results.", ""),
    ],
)
def test_other_warnings_do_no_harm(run: Program, recorder: Recorder, text: str, options: str) -> None:
    recorder.replies = [json([{}], Warning=f'299 host "{text}"')]
    assert run("search", "studies", "PatientID=1", *options.split()).code == 0


@pytest.mark.parametrize(("count", "options", "full"), [(100, [], True), (2, ["--limit", 2], True), (3, [], False)])
def test_a_full_page_is_said(run: Program, recorder: Recorder, count: int, options: list[object], full: bool) -> None:
    recorder.replies = [json([{"0020000D": {"vr": "UI", "Value": [f"1.{number}"]}} for number in range(count)])]
    ran = run("search", "studies", *options)
    assert (f"{count} shown; there may be more" in ran.err) is full


@pytest.mark.parametrize("options", ["all", "all --csv", "0010xxxx --csv"])
def test_all_attributes_are_for_json(run: Program, recorder: Recorder, options: str) -> None:
    assert run("search", "studies", "--field", *options.split()).code == 2
