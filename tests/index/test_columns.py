import pytest

from filmroom.dicom.resources import Level
from filmroom.index import columns
from tests.index import given


def test_a_row_holds_the_elements_of_its_level() -> None:
    elements = given.elements(StudyDate="20240229", Modality="CT", PatientName="Doe", Rows=8, PatientComments="x")
    assert list(columns.held(Level.STUDY, elements)) == ["00080020", "00100010"]
    assert list(columns.held(Level.SERIES, elements)) == ["00080060"]
    assert list(columns.held(Level.INSTANCE, elements)) == ["00280010"]


def test_a_row_holds_no_binary_elements_of_sequences() -> None:
    item = given.elements(CodeValue="T-1", EncapsulatedDocument=()) | {
        "00091001": {"vr": "UN", "BulkDataURI": "bulkdata/1"}
    }
    nested = given.elements(PurposeOfReferenceCodeSequence=(item,))
    elements = given.elements(ProcedureCodeSequence=(item, nested), RequestAttributesSequence=())
    kept = given.elements(CodeValue="T-1")
    assert columns.held(Level.STUDY, elements) == given.elements(
        ProcedureCodeSequence=(kept, given.elements(PurposeOfReferenceCodeSequence=(kept,)))
    )
    assert columns.held(Level.SERIES, elements) == given.elements(RequestAttributesSequence=())


def test_a_later_value_is_taken_over() -> None:
    row = given.elements(PatientID="1", StudyID="7")
    assert columns.merge(row, given.elements(PatientID="2", PatientSex="O"))
    assert row == given.elements(PatientID="2", StudyID="7", PatientSex="O")


@pytest.mark.parametrize("empty", [(), ("",), (None,), ({},)])
def test_an_empty_value_never_overwrites(empty: tuple[object, ...]) -> None:
    row = given.elements(PatientID="1")
    later = {"00100020": {"vr": "LO", "Value": list(empty)} if empty else {"vr": "LO"}}
    assert not columns.merge(row, later)
    assert row == given.elements(PatientID="1")


def test_an_empty_value_is_taken_over_where_there_is_none() -> None:
    row = given.elements()
    assert columns.merge(row, given.elements(PatientID=()))
    assert row == given.elements(PatientID=())


def test_uids_stay_as_they_were_stored_first() -> None:
    row = given.elements(StudyInstanceUID="1.2 ", SeriesInstanceUID="1.3")
    assert not columns.merge(row, given.elements(StudyInstanceUID="1.2", SeriesInstanceUID="1.3\0"))


def test_columns_hold_what_is_compared() -> None:
    found = columns.derived(
        Level.STUDY,
        given.elements(
            PatientID=" Ab1 ", PatientName="Müller^Jörg", StudyDate="2024.02.29", StudyTime="1011", StudyID=("a", "b")
        ),
    )
    assert found["PatientID"] == "ab1"
    assert (found["PatientName"], found["PatientNameWords"]) == ("muller^jorg", " muller jorg ")
    assert (found["StudyDate"], found["StudyTime"]) == ("20240229", "101100.000000")
    assert found["StudyID"] == "a"  # the first of several
    assert found["AccessionNumber"] is None


@pytest.mark.parametrize(
    ("value", "column"), [(3, 3), ("03", 3), ("-7", -7), ("x", None), (str(2**63), None), ((), None), ("²", None)]
)
def test_numbers_are_compared_as_numbers(value: object, column: int | None) -> None:
    assert columns.derived(Level.SERIES, given.elements(SeriesNumber=value))["SeriesNumber"] == column


def test_no_column_holds_nul() -> None:
    """PostgreSQL has no place for it."""
    found = columns.derived(Level.STUDY, given.elements(PatientID="a\0b\0", PatientName="A\0B", StudyID="\0"))
    assert (found["PatientID"], found["PatientName"], found["PatientNameWords"]) == ("ab", "ab", " ab ")
    assert found["StudyID"] is None


@pytest.mark.parametrize("text", ["--12", "-", "9" * 5000, "1_0", "٣", "1.5"])
def test_what_is_no_integer_has_no_column(text: str) -> None:
    """But it is stored, and can be asked for."""
    assert columns.comparable("IS", text) is None


def test_a_row_holds_no_endless_value() -> None:
    elements = given.elements(StudyDescription="x" * 100_000, PatientID="1")
    assert list(columns.held(Level.STUDY, elements)) == ["00100020"]


def test_values_beside_the_columns() -> None:
    elements = given.elements(
        PatientName="Yamada^Tarou=山田^太郎",
        ReferringPhysicianName=("Doe", "", "Röe=R"),
        StudyID=("a", "B\0"),
        PatientID="1",
    )
    assert columns.further(Level.STUDY, elements) == [
        (given.tag("ReferringPhysicianName"), "roe=r"),
        (given.tag("ReferringPhysicianName"), "roe"),
        (given.tag("ReferringPhysicianName"), "=r"),
        (given.tag("ReferringPhysicianName"), "r"),
        (given.tag("PatientName"), "yamada^tarou"),
        (given.tag("PatientName"), "=山田^太郎"),
        (given.tag("PatientName"), "山田^太郎"),
        (given.tag("StudyID"), "b"),
    ]
    assert columns.further(Level.SERIES, given.elements(SeriesNumber=("1", "02"))) == [(given.tag("SeriesNumber"), "2")]
    assert columns.further(Level.STUDY, given.elements(PatientName="Doe^John", PatientID="1", StudyID=())) == []


def test_a_name_without_an_alphabetic_group_is_found_by_its_group() -> None:
    elements = given.elements(PatientName="=山田")
    assert columns.derived(Level.STUDY, elements)["PatientName"] == "=山田"
    assert columns.further(Level.STUDY, elements) == [(given.tag("PatientName"), "山田")]


def test_the_words_of_several_names_are_apart() -> None:
    found = columns.derived(Level.STUDY, given.elements(ReferringPhysicianName=("Doe^A", "Roe^B")))
    assert found["ReferringPhysicianNameWords"] == " doe a  roe b "


def test_values_without_end_are_not_searched_by() -> None:
    elements = given.elements(StudyID=tuple(map(str, range(1000))))
    assert len(columns.further(Level.STUDY, elements)) == 99


@pytest.mark.parametrize(
    ("zone", "time", "moment"),
    [
        ("+0100", "2330", "20240229223000.000000"),
        (" +0100\0", "2330", "20240229223000.000000"),
        ("-0500", "2330", "20240301043000.000000"),
        ("", "2330", None),
        ("CET", "2330", None),
        ("+0100", "late", None),
        ("+0100", (), None),
    ],
)
def test_the_moment_in_utc_where_the_timezone_is_known(zone: str, time: object, moment: str | None) -> None:
    found = columns.derived(
        Level.STUDY, given.elements(StudyDate="20240229", StudyTime=time, TimezoneOffsetFromUTC=zone)
    )
    assert found["StudyDateUTC"] == moment


@pytest.mark.parametrize(
    ("value", "zone", "moment"),
    [
        ("20240229233000+0100", "-0500", "20240229223000.000000"),  # its own counts
        ("20240229233000", "-0500", "20240301043000.000000"),
        ("20240229233000", (), None),
        ("20240229233000+9900", (), None),
    ],
)
def test_the_moment_of_a_dt(value: str, zone: object, moment: str | None) -> None:
    found = columns.derived(Level.INSTANCE, given.elements(AcquisitionDateTime=value, TimezoneOffsetFromUTC=zone))
    assert found["AcquisitionDateTimeUTC"] == moment
