"""Results are lines for people and exact for programs."""

import csv
import io

import orjson
import pytest

from filmroom.cli.results import COLUMNS, Form, What, keyword, show, text

STUDY = "1.2.826.0.1.3680043.8.498.13230779778012324449356534479549187420"
NAMES = [{"Alphabetic": "Wang^XiaoDong", "Ideographic": "王^小東"}, {"Ideographic": "王"}, {}, None]
FOUND = {
    "0020000D": {"vr": "UI", "Value": [STUDY]},
    "00100010": {"vr": "PN", "Value": NAMES},
    "00100020": {"vr": "LO", "Value": ["\x1b[31m[b]ID"]},
    "00081030": {"vr": "LO"},
    "00201208": {"vr": "IS", "Value": [3]},
}


def _show(
    printed: pytest.CaptureFixture[str], *found: object, fields: tuple[str, ...] = (), form: str = "table"
) -> str:
    show(What.STUDIES, list(found), fields, Form(form))  # type: ignore[arg-type]
    return printed.readouterr().out


def test_a_table_has_no_empty_columns_and_whole_uids(capsys: pytest.CaptureFixture[str]) -> None:
    heading, _, line = _show(capsys, FOUND).splitlines()
    assert heading.split() == ["PatientName", "PatientID", "Instances", "StudyInstanceUID"]
    assert line.split()[-2:] == ["3", STUDY]


def test_what_was_given_is_no_column_and_what_was_asked_for_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    show(What.STUDIES, [FOUND], ["PatientSex"], Form.TABLE, given=["StudyInstanceUID"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["PatientName", "PatientID", "Instances", "PatientSex"]
    assert [line for line in lines if line.endswith(" ")] == []


def test_a_table_wider_than_the_terminal_is_a_list(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    assert len(_show(capsys, FOUND, FOUND).splitlines()) == 4
    monkeypatch.setenv("COLUMNS", "100")
    lines = _show(capsys, FOUND, FOUND).splitlines()
    assert lines[3:6] == [f"StudyInstanceUID  {STUDY}", "", lines[0]]


def test_a_terminal_gets_no_controls_and_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    assert " [31m[b]ID" in _show(capsys, FOUND)


def test_names_are_shown_by_their_first_part_and_several_are_parted(capsys: pytest.CaptureFixture[str]) -> None:
    [row] = csv.DictReader(io.StringIO(_show(capsys, FOUND, form="csv")))
    assert row["PatientName"] == "Wang^XiaoDong\\王\\…\\"


def test_csv_has_every_column_under_its_keyword(capsys: pytest.CaptureFixture[str]) -> None:
    heading, line = _show(capsys, FOUND, fields=("PatientSex", "all", "00100040"), form="csv").splitlines()
    assert heading.split(",") == [*COLUMNS[What.STUDIES], "PatientSex"]
    assert len(line.split(",")) == len(COLUMNS[What.STUDIES]) + 1


@pytest.mark.parametrize(
    ("stored", "cell"),
    [("=1+2", "'=1+2"), ("@SUM(A1)", "'@SUM(A1)"), ("'x", "''x"), ("-7", "-7"), ("ID1", "ID1")],
)
def test_no_cell_of_csv_is_a_formula(capsys: pytest.CaptureFixture[str], stored: str, cell: str) -> None:
    found = {"00100020": {"vr": "LO", "Value": [stored]}}
    [row] = csv.DictReader(io.StringIO(_show(capsys, found, form="csv")))
    assert row["PatientID"] == cell


def test_json_is_what_came(capsys: pytest.CaptureFixture[str]) -> None:
    assert orjson.loads(_show(capsys, FOUND, form="json")) == [FOUND]


def test_a_line_of_json_is_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(map(orjson.loads, _show(capsys, FOUND, FOUND, form="json-lines").splitlines())) == [FOUND, FOUND]


def test_a_further_page_of_csv_has_no_heading(capsys: pytest.CaptureFixture[str]) -> None:
    show(What.STUDIES, [FOUND], (), Form.CSV, goes_on=True)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_group_is_a_column_for_each_attribute_that_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    sex = {"00100040": {"vr": "CS", "Value": ["F"]}}
    heading = _show(capsys, FOUND | sex, fields=("0010xxxx",)).splitlines()[0]
    assert heading.split() == ["PatientName", "PatientID", "Instances", "StudyInstanceUID", "PatientSex"]


def test_a_path_shows_what_is_in_the_items_of_a_sequence() -> None:
    items = [{"00400009": {"vr": "SH", "Value": ["1"]}}, {}, {"00400009": {"vr": "SH", "Value": ["2"]}}]
    item = {"00400275": {"vr": "SQ", "Value": items}}
    assert text(item, "RequestAttributesSequence.ScheduledProcedureStepID") == "1\\2"
    assert text(item, "PatientName.ScheduledProcedureStepID") == ""


def test_nothing_is_said_to_people_alone(capsys: pytest.CaptureFixture[str]) -> None:
    show(What.STUDIES, [], (), Form.TABLE)
    assert capsys.readouterr() == ("", "filmroom: no studies match.\n")
    assert _show(capsys, form="json") == "[]\n"
    assert _show(capsys, form="csv") == ",".join(COLUMNS[What.STUDIES]) + "\n"


def test_keys_are_keywords_where_there_is_one() -> None:
    assert [keyword(key) for key in ("00100020", "PatientID", "00091001", "Sequence.Item")] == [
        "PatientID",
        "PatientID",
        "00091001",
        "Sequence.Item",
    ]
