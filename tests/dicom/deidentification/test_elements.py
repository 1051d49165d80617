"""Data sets in the DICOM JSON Model: what stays, what becomes of the rest."""

from typing import Any

import pytest

from filmroom.dicom.deidentification import Deidentification, Option
from filmroom.dicom.deidentification.elements import of_json
from filmroom.dicom.json_model import Elements

BASIC = Deidentification.of([], b"a secret")


def profile(*options: Option) -> Deidentification:
    return Deidentification.of(options, b"a secret")


def value(vr: str, *values: Any) -> dict[str, Any]:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def cleaned(elements: Elements, *options: Option) -> Elements:
    return of_json(elements, profile(*options))


NAME, ID = {"00100010": value("PN", {"Alphabetic": "Doe^Jane"})}, {"00100020": value("LO", "ID1 ")}


def test_patients_get_one_pseudonym_each() -> None:
    made = cleaned(NAME | ID)
    assert made["00100020"] == value("LO", BASIC.patient("ID1"))
    assert made["00100010"] == value("PN", {"Alphabetic": BASIC.patient("ID1")})


def test_what_was_empty_stays_empty() -> None:
    empty = {"00100010": value("PN"), "00100020": value("LO"), "00080070": value("LO"), "00080023": value("DA")}
    assert empty.items() <= cleaned(empty).items()


def test_without_a_patient_id_a_study_is_a_patient_of_its_own() -> None:
    made = [cleaned(NAME | {"0020000D": value("UI", uid)})["00100010"] for uid in ("1.2", "1.3")]
    assert made[0] != made[1]


def test_it_is_said_what_was_done() -> None:
    made = cleaned({}, Option.UIDS, Option.MODIFIED_DATES)
    assert made["00120062"] == value("CS", "YES")
    assert made["00120063"]["Value"][0] == "Basic Application Confidentiality Profile"
    codes = [item["00080100"]["Value"][0] for item in made["00120064"]["Value"]]
    assert codes == ["113100", "113107", "113110"]
    assert made["00280303"] == value("CS", "MODIFIED")


def test_urls_that_name_the_original_are_removed_also_inside_sequences_and_where_uids_are_kept() -> None:
    urls = {
        "00081190": value("UR", "https://pacs.example/dicomweb/studies/1.2.3?patient=Doe"),
        "0040E001": value("ST", "1.2.3^document4711"),
        "0040E010": value("UR", "https://xds.example/?studyUID=1.2.3"),
    }
    made = cleaned(urls | {"00081199": value("SQ", urls)}, Option.UIDS)
    assert not made.keys() & urls.keys()
    assert made["00081199"]["Value"] == [{}]


@pytest.mark.parametrize(("options", "said"), [((), "REMOVED"), ((Option.FULL_DATES,), "UNMODIFIED")])
def test_it_is_said_what_became_of_dates(options: tuple[Option, ...], said: str) -> None:
    assert cleaned({}, *options)["00280303"] == value("CS", said)


def test_intervals_between_the_dates_of_a_patient_stay() -> None:
    first, second = (
        cleaned(ID | {"00080020": value("DA", date), "00080030": value("TM", "1011")}, Option.MODIFIED_DATES)
        for date in ("20240229", "20240301")
    )
    days = [int(made["00080020"]["Value"][0]) for made in (first, second)]
    assert days[0] < days[1] < 20240229
    assert first["00080030"] == value("TM", "1011")


@pytest.mark.parametrize(
    ("key", "element", "becomes"),
    [
        ("00080020", value("DA", "Smith"), value("DA")),
        ("00080023", value("DA", "20240101", "Smith"), value("DA", "19000101")),
        ("00080023", {"vr": "DA", "BulkDataURI": "bulkdata/00080023"}, value("DA", "19000101")),
        ("0018A002", value("DT", "20240230"), None),
    ],
)
def test_what_is_no_date_is_as_in_the_basic_profile(key: str, element: Any, becomes: Any) -> None:
    assert cleaned({key: element}, Option.MODIFIED_DATES).get(key) == becomes


def test_items_are_cleaned_at_any_depth_and_keep_their_numbers() -> None:
    inner = {"00081155": value("UI", "1.2.3"), "00100010": value("PN", {"Alphabetic": "Doe"}), "00091001": value("LO")}
    made = cleaned({"00081115": value("SQ", {"00081199": value("SQ", {}, inner)})})
    ((empty, found),) = [item["00081199"]["Value"] for item in made["00081115"]["Value"]]
    assert empty == {}
    assert found == {
        "00081155": value("UI", BASIC.uid("1.2.3")),
        "00100010": value("PN", {"Alphabetic": BASIC.patient("")}),
    }


def test_with_retained_uids_a_referenced_patient_is_a_uid_and_no_name() -> None:
    item = {"00081155": value("UI", "1.2.3"), "00100020": value("LO", "ID1"), "00100021": value("LO", "North")}
    elements = {"00081120": value("SQ", item)}
    assert "00081120" not in cleaned(elements)
    (found,) = cleaned(elements, Option.UIDS)["00081120"]["Value"]
    assert found == {"00081155": value("UI", "1.2.3"), "00100020": value("LO", BASIC.patient("ID1"))}


@pytest.mark.parametrize(
    ("key", "element"),
    [
        ("52009230", {"vr": "UN", "InlineBinary": "AAAA"}),  # a sequence that could not be read
        ("52009230", {"vr": "OB", "BulkDataURI": "bulkdata/52009230"}),
        ("0008FFFF", value("LO", "Doe")),  # nobody knows it
        ("00091001", value("SQ", {"00080060": value("CS", "MR")})),
        ("00080060", value("PN", {"Alphabetic": "Doe^Jane"})),  # Modality, as a malformed file has it
        ("00080060", value("DA", "20260131")),
    ],
)
def test_what_nobody_can_know_is_removed(key: str, element: Any) -> None:
    assert key not in cleaned({key: element})


def test_bulk_data_that_is_kept_stays_where_it_is() -> None:
    kept = {"vr": "OW", "BulkDataURI": "bulkdata/7FE00010"}
    assert cleaned({"7FE00010": kept, "00420011": {"vr": "OB", "BulkDataURI": "bulkdata/00420011"}}) == cleaned({}) | {
        "7FE00010": kept,
        "00420011": {"vr": "OB", "InlineBinary": "AAA="},
    }


def test_keys_come_in_the_order_of_tags() -> None:
    made = cleaned({"00080060": value("CS", "MR"), "7FE00010": {"vr": "OW"}})
    assert list(made) == sorted(made)
