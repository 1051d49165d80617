"""Store by the Azure DICOM service: acceptance, statuses, the response's exact shape, validation (its STOW pages)."""

import httpx2
import pytest

from tests import data
from tests.messages import DICOM, JSON, body, comments, failures, related, sent, store, stored, values

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, when a test writes bad values

UID_MESSAGE = (
    "Dicom element '{}' failed validation for VR 'UI': DICOM Identifier is invalid. Value length should not exceed "
    "the maximum length of 64 characters. Value should contain characters in '0'-'9' and '.'. Each component must "
    "start with non-zero number."
)
MISMATCH = "The StudyInstanceUid in the payload does not match the specified StudyInstanceUid."


# --- What is accepted, in order


@pytest.mark.parametrize(
    "accept",
    [None, "application/dicom", "application/dicom+json+something", "image/png", "application/data", "nonsense"],
)
def test_accept_without_dicom_json_is_406_with_empty_body(http: httpx2.Client, root: str, accept: str | None) -> None:
    answer = http.post(f"{root}/studies", headers={} if accept is None else {"Accept": accept})
    assert (answer.status_code, answer.content) == (406, b"")


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/*",
        "application/dicom+json",
        "APPLICATION/DICOM+JSON; charset=utf-8",
        "application/json",
        "image/png, application/dicom+json",
        "application/dicom+json;q=0.1",
    ],
)
def test_accept_that_fits(http: httpx2.Client, root: str, accept: str) -> None:
    assert store(http, root, sent().content, headers={"Accept": accept}).status_code == 200


def test_accept_may_be_repeated(http: httpx2.Client, root: str) -> None:
    headers = [("Accept", "image/png"), ("Accept", "application/dicom+json"), *DICOM.items()]
    assert http.post(f"{root}/studies", content=sent().content, headers=headers).status_code == 200


def test_accept_is_judged_before_the_uid(http: httpx2.Client, root: str) -> None:
    assert http.post(f"{root}/studies/not-a-uid").status_code == 406


@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form; boundary=b", "multipart/form-data; boundary=b", "text/plain"]
)
def test_other_content_types_are_415(http: httpx2.Client, root: str, content_type: str) -> None:
    answer = http.post(f"{root}/studies", content=b"x", headers={**JSON, "Content-Type": content_type})
    assert answer.status_code == 415


def test_no_content_type_is_415(http: httpx2.Client, root: str) -> None:
    answer = http.post(f"{root}/studies", content=b"x", headers=JSON)
    assert (answer.status_code, answer.text) == (415, "The specified content type '' is not supported.")


def test_single_part_takes_no_parameter(http: httpx2.Client, root: str) -> None:
    content_type = {"Content-Type": "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"}
    assert http.post(f"{root}/studies", content=sent().content, headers=JSON | content_type).status_code == 415


def test_single_part(http: httpx2.Client, root: str) -> None:
    assert http.post(f"{root}/studies", content=sent().content, headers=JSON | DICOM).status_code == 200


@pytest.mark.parametrize("uid", ["b" * 65, "1" * 65, "1.2.", "1.2.x", "1.2-3"])
def test_bad_study_uid_in_the_path_is_400(http: httpx2.Client, root: str, uid: str) -> None:
    answer = http.post(f"{root}/studies/{uid}", content=sent().content, headers=JSON | DICOM)
    assert (answer.status_code, answer.text) == (400, UID_MESSAGE.format("StudyInstanceUid"))
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("uid", ["0.00.7", "1..2", "1.2.3%20%20", "1" * 64])
def test_uids_that_the_service_lets_pass(http: httpx2.Client, root: str, uid: str) -> None:
    answer = http.post(f"{root}/studies/{uid}", content=sent().content, headers=JSON | DICOM)
    assert (answer.status_code, failures(answer)) == (409, [43264])


def test_multipart_without_boundary_is_415(http: httpx2.Client, root: str) -> None:
    headers = {**JSON, "Content-Type": "multipart/related"}
    answer = http.post(f"{root}/studies", content=body(sent().content), headers=headers)
    message = "The content type 'multipart/related' is either not multipart or is missing boundary."
    assert (answer.status_code, answer.text) == (415, message)


def test_start_parameter_is_400(http: httpx2.Client, root: str) -> None:
    answer = http.post(f"{root}/studies", content=body(sent().content), headers=JSON | related(kind=" start=x;"))
    message = "The start parameter in multipart/related request is not supported."
    assert (answer.status_code, answer.text) == (400, message)


def test_type_parameter_stands_for_the_first_part_only(http: httpx2.Client, root: str) -> None:
    first, second = sent().content, sent().content
    untyped, typed = body(first, head="X-Nothing: 1"), body(first, second, head="X-Nothing: 1")
    assert http.post(f"{root}/studies", content=untyped, headers=JSON | related()).status_code == 200
    assert http.post(f"{root}/studies", content=typed, headers=JSON | related()).status_code == 415


@pytest.mark.parametrize("head", ["Content-Type: image/png", "Content-Type: application/dicom; x=y"])
def test_one_part_of_a_wrong_type_fails_the_request(http: httpx2.Client, root: str, head: str) -> None:
    good, bad = sent(), sent()
    parts = body(good.content)[: -len("--frontier--\r\n")] + body(bad.content, head=head)
    assert http.post(f"{root}/studies", content=parts, headers=JSON | related()).status_code == 415
    assert http.get(f"{root}{good.study}/metadata", headers=JSON).status_code == 404


def test_part_type_in_any_case(http: httpx2.Client, root: str) -> None:
    content = body(sent().content, head="content-type: Application/DICOM")
    assert http.post(f"{root}/studies", content=content, headers=JSON | related()).status_code == 200


def test_truncated_multipart_is_400(http: httpx2.Client, root: str) -> None:
    content = body(sent().content)[:-20]
    answer = http.post(f"{root}/studies", content=content, headers=JSON | related())
    assert (answer.status_code, answer.text) == (400, "There was an error reading the multipart request.")


# --- The outcome


def test_no_parts_is_204(http: httpx2.Client, root: str) -> None:
    answer = store(http, root)
    assert (answer.status_code, answer.content) == (204, b"")


def test_response_is_dicom_json_with_charset(http: httpx2.Client, root: str) -> None:
    answer = store(http, root, sent().content)
    assert answer.headers["Content-Type"] == "application/dicom+json; charset=utf-8"


def test_warning_is_202_only_in_v2(http: httpx2.Client) -> None:
    made = [sent(StudyTime="notATime") for _ in range(2)]
    assert store(http, "/v1", made[0].content).status_code == 200
    assert store(http, "/v2", made[1].content).status_code == 202


@pytest.mark.parametrize("content", [b"", b"garbage", b"\0" * 200])
def test_what_is_not_dicom_is_an_item_with_just_the_reason(http: httpx2.Client, root: str, content: bytes) -> None:
    answer = store(http, root, content)
    expected = {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [43264]}}]}}
    assert (answer.status_code, answer.json()) == (409, expected)


def test_empty_single_part_is_a_failed_instance(http: httpx2.Client, root: str) -> None:
    answer = http.post(f"{root}/studies", content=b"", headers=JSON | DICOM)
    assert (answer.status_code, failures(answer)) == (409, [43264])


def test_some_stored_some_not_is_202(http: httpx2.Client, root: str) -> None:
    good = sent()
    answer = store(http, root, good.content, b"garbage")
    assert (answer.status_code, failures(answer)) == (202, [43264])
    assert stored(answer) == [good.dataset.SOPInstanceUID]


# --- The response data set


def test_success_item(http: httpx2.Client, url: str, root: str) -> None:
    made = sent()
    (item,) = store(http, root, made.content).json()["00081199"]["Value"]
    expected = {
        "00081150": {"vr": "UI", "Value": [made.dataset.SOPClassUID]},
        "00081155": {"vr": "UI", "Value": [made.dataset.SOPInstanceUID]},
        "00081190": {"vr": "UR", "Value": [f"{url}{root}{made.instance}"]},
    }
    if root == "/v2":
        expected["00741048"] = {"vr": "SQ"}
    assert item == expected


def test_retrieve_url_of_the_study_if_the_path_names_it(http: httpx2.Client, url: str, root: str) -> None:
    made = sent()
    answer = store(http, root, made.content, study=f"/{made.dataset.StudyInstanceUID}")
    assert answer.json()["00081190"] == {"vr": "UR", "Value": [f"{url}{root}{made.study}"]}
    assert "00081190" not in store(http, root, sent().content).json()


def test_all_of_another_study_has_one_top_level_element(http: httpx2.Client, root: str) -> None:
    answer = store(http, root, sent().content, sent().content, study="/1.2.3.4")
    assert (answer.status_code, list(answer.json()), failures(answer)) == (409, ["00081198"], [43264, 43264])
    assert comments(answer.json()["00081198"]["Value"][0]) == [f"DICOM100: (0020,000d) - {MISMATCH}"]


def test_one_of_another_study_has_three_top_level_elements_in_order(http: httpx2.Client, root: str) -> None:
    made = sent()
    answer = store(http, root, sent().content, made.content, study=f"/{made.dataset.StudyInstanceUID}")
    assert (answer.status_code, list(answer.json())) == (202, ["00081190", "00081198", "00081199"])


def test_the_url_names_the_version_of_the_request(http: httpx2.Client) -> None:
    made = sent()
    (item,) = store(http, "/v1.0-prerelease", made.content).json()["00081199"]["Value"]
    assert f"/v1.0-prerelease{made.instance}" in values(item, "00081190")[0]


# --- The codes


def test_stored_twice_is_45070(http: httpx2.Client, root: str) -> None:
    made = sent()
    store(http, root, made.content)
    answer = store(http, root, made.content)
    assert (answer.status_code, failures(answer)) == (409, [45070])
    item = answer.json()["00081198"]["Value"][0]
    assert list(item) == ["00081150", "00081155", "00081197"]


def test_put_replaces(http: httpx2.Client, root: str) -> None:
    made = sent(PatientName="Old")
    store(http, root, made.content)
    made.dataset.PatientName = "New"
    assert store(http, root, data.file(made.dataset), method="PUT").status_code == 200
    assert store(http, root, data.file(made.dataset), method="PUT", study=made.study[8:]).status_code == 200
    (metadata,) = http.get(f"{root}{made.study}/metadata", headers=JSON).json()
    assert values(metadata, "00100010") == [{"Alphabetic": "New"}]


def test_implicit_vr_is_stored_with_45063(http: httpx2.Client, root: str) -> None:
    answer = store(http, root, data.file(data.dataset(StudyTime="bad"), "1.2.840.10008.1.2"))
    assert answer.status_code == (200 if root == "/v1" else 202)
    assert values(answer.json()["00081199"]["Value"][0], "00081196") == [45063]


def test_dropped_attribute_is_warning_1_in_v2(http: httpx2.Client) -> None:
    (item,) = store(http, "/v2", sent(StudyDate="NotADate").content).json()["00081199"]["Value"]
    text = 'Content "NotADate" does not validate VR DA: one of the date values does not match the pattern YYYYMMDD'
    assert values(item, "00081196") == [1]
    assert comments(item) == [f"DICOM100: (0008,0020) - {text}"]


# --- Required attributes


@pytest.mark.parametrize(
    "keyword", ["SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID"]
)
def test_required_attribute(http: httpx2.Client, root: str, keyword: str) -> None:
    answer = store(http, root, sent(**{keyword: None}).content)
    tag = data.dataset()[keyword].tag
    named = f"({tag.group:04x},{tag.element:04x})"
    assert (answer.status_code, failures(answer)) == (409, [43264])
    comment = f"DICOM100: {named} - The required tag '{named}' is missing."
    assert comments(answer.json()["00081198"]["Value"][0]) == [comment]


def test_only_the_first_missing_attribute_is_named(http: httpx2.Client, root: str) -> None:
    answer = store(http, root, sent(SOPClassUID=None, SeriesInstanceUID=None).content)
    assert [comment[10:21] for comment in comments(answer.json()["00081198"]["Value"][0])] == ["(0008,0016)"]


def test_empty_patient_id(http: httpx2.Client) -> None:
    assert store(http, "/v1", sent(PatientID="").content).status_code == 409
    answer = store(http, "/v2", sent(PatientID="").content)
    assert answer.status_code == 202
    comment = "DICOM100: (0010,0020) - The required tag '(0010,0020)' is missing."
    assert comments(answer.json()["00081199"]["Value"][0]) == [comment]


def test_patient_id_of_blanks_is_a_warning_in_v2(http: httpx2.Client) -> None:
    assert store(http, "/v2", sent(PatientID="  ").content).status_code == 202


def test_validation_goes_on_after_a_missing_attribute(http: httpx2.Client) -> None:
    answer = store(http, "/v1", sent(PatientID=None, Modality="A" * 20).content)
    found = {comment[10:21] for comment in comments(answer.json()["00081198"]["Value"][0])}
    assert found == {"(0010,0020)", "(0008,0060)"}


# --- v1


def test_long_modality_is_refused_in_v1_and_warned_of_in_v2(http: httpx2.Client) -> None:
    assert store(http, "/v1", sent(Modality="A" * 20).content).status_code == 409
    assert store(http, "/v2", sent(Modality="A" * 20).content).status_code == 202


def test_nul_after_the_patient_id(http: httpx2.Client) -> None:
    made = sent(PatientID="Before Null Character, \0")
    answer = store(http, "/v1", made.content)
    text = "Dicom element 'PatientID' failed validation for VR 'LO': Value contains invalid character."
    assert answer.status_code == 409
    assert comments(answer.json()["00081198"]["Value"][0]) == [f"DICOM100: (0010,0020) - {text}"]
    assert store(http, "/v2", made.content).status_code == 200


def test_nul_before_the_patient_id_is_refused(http: httpx2.Client, root: str) -> None:
    assert store(http, root, sent(PatientID="\x00123\x00").content).status_code == 409


@pytest.mark.parametrize(
    ("keyword", "value", "tail"),
    [
        ("StudyDate", "20249999", "failed validation for VR 'DA': Value cannot be parsed as a valid date."),
        ("AccessionNumber", "A" * 17, "failed validation for VR 'SH': Value length exceeds maximum length of 16."),
        ("StudyDescription", "A" * 65, "failed validation for VR 'LO': Value length exceeds maximum length of 64."),
        ("PatientName", "a^b^c^d^e^f", "failed validation for VR 'PN': Value contains more than 5 components."),
        ("PatientName", "a=b=c=d", "failed validation for VR 'PN': Value contains more than 5 components."),
        (
            "PatientName",
            "A" * 65,
            "failed validation for VR 'PN': One or more group of person name exceeds maxium length of 64.",
        ),
    ],
)
def test_minimum_validation_of_v1(http: httpx2.Client, keyword: str, value: str, tail: str) -> None:
    answer = store(http, "/v1", sent(**{keyword: value}).content)
    tag = data.dataset()[keyword].tag
    comment = f"DICOM100: ({tag.group:04x},{tag.element:04x}) - Dicom element '{keyword}' {tail}"
    assert (answer.status_code, failures(answer)) == (409, [43264])
    assert comments(answer.json()["00081198"]["Value"][0]) == [comment]


def test_bad_uid_in_the_file_is_refused(http: httpx2.Client, root: str) -> None:
    answer = store(http, root, sent(SeriesInstanceUID="1.2.abc").content)
    text = UID_MESSAGE.format("SeriesInstanceUID")
    assert comments(answer.json()["00081198"]["Value"][0]) == [f"DICOM100: (0020,000e) - {text}"]


def test_v1_does_not_look_at_other_attributes(http: httpx2.Client) -> None:
    assert store(http, "/v1", sent(StudyTime="notATime", PatientSex="way too long for CS").content).status_code == 200


def test_several_values_of_an_indexed_attribute_give_a_warning_header(http: httpx2.Client, root: str) -> None:
    answer = store(http, root, sent(Modality=["CT", "MR"]).content)
    text = "One or more indexed Dicom tag(s) have multiple values, only first value is indexed."
    assert answer.headers["Warning"] == f'299 127.0.0.1: "{text}"'


# --- v2


def test_padded_uids_can_be_looked_up_without_the_padding(http: httpx2.Client) -> None:
    study = data.uid()
    made = sent(StudyInstanceUID=study + "\0", PatientID="123\0")
    assert store(http, "/v2", made.content, study=f"/{study}").status_code == 200
    for uid in (study, study + "%00", study + "%20"):
        (metadata,) = http.get(f"/v2/studies/{uid}/metadata", headers=JSON).json()
        assert values(metadata, "0020000D") == [study]
        assert values(metadata, "00100020") == ["123\0"]


def test_nul_inside_a_value_is_a_warning(http: httpx2.Client) -> None:
    answer = store(http, "/v2", sent(Modality="X\0X").content)
    assert answer.status_code == 202
    (comment,) = comments(answer.json()["00081199"]["Value"][0])
    assert "does not validate VR CS: value contains invalid character" in comment


def test_warned_attributes_are_not_in_metadata_nor_in_searches(http: httpx2.Client) -> None:
    made = sent(StudyDate="NotADate")
    store(http, "/v2", made.content)
    (metadata,) = http.get(f"/v2{made.study}/metadata", headers=JSON).json()
    (found,) = http.get(f"/v2/studies?StudyInstanceUID={made.dataset.StudyInstanceUID}", headers=JSON).json()
    assert "00080020" not in metadata
    assert "00080020" not in found
    file = http.get(f"/v2{made.instance}", headers={"Accept": "application/dicom; transfer-syntax=*"})
    assert file.content == made.content


# --- Side effects


def test_bytes_are_stored_as_they_are(http: httpx2.Client, root: str) -> None:
    content = data.file(preamble=bytes(range(128)))
    instance = store(http, root, content).json()["00081199"]["Value"][0]
    url = values(instance, "00081190")[0]
    assert http.get(url, headers={"Accept": "application/dicom; transfer-syntax=*"}).content == content


def test_twice_in_one_request(http: httpx2.Client, root: str) -> None:
    made = sent()
    answer = store(http, root, made.content, made.content)
    assert (answer.status_code, failures(answer), len(stored(answer))) == (202, [45070], 1)


def test_same_instance_uid_in_another_study(http: httpx2.Client, root: str) -> None:
    uid = data.uid()
    answer = store(http, root, sent(SOPInstanceUID=uid).content, sent(SOPInstanceUID=uid).content)
    assert (answer.status_code, stored(answer)) == (200, [uid, uid])


def test_more_padding_is_the_same_instance(http: httpx2.Client, root: str) -> None:
    made = sent()
    store(http, root, made.content)
    made.dataset.StudyInstanceUID += "  "
    answer = store(http, root, data.file(made.dataset))
    assert (answer.status_code, failures(answer)) == (409, [45070])


def test_empty_values_never_overwrite(http: httpx2.Client) -> None:
    study = data.uid()
    for patient_id in ("", "P123", ""):
        store(http, "/v2", sent(StudyInstanceUID=study, PatientID=patient_id).content)
    (found,) = http.get(f"/v2/studies?StudyInstanceUID={study}", headers=JSON).json()
    assert values(found, "00100020") == ["P123"]


def test_the_latest_value_speaks_for_the_study(http: httpx2.Client, root: str) -> None:
    study = data.uid()
    for name in ("First", "Second"):
        store(http, root, sent(StudyInstanceUID=study, PatientName=name).content)
    (found,) = http.get(f"{root}/studies?StudyInstanceUID={study}", headers=JSON).json()
    assert values(found, "00100010") == [{"Alphabetic": "Second"}]


def test_blanks_behind_a_uid_come_back(http: httpx2.Client, root: str) -> None:
    """And it is found with and without them."""
    bare = data.uid()[:50]
    store(http, root, sent(StudyInstanceUID=bare + "77").content.replace(bare.encode() + b"77", bare.encode() + b"  "))
    for path in (f"/studies/{bare}", f"/studies/{bare}%20%20"):
        (found,) = http.get(f"{root}{path}/metadata", headers=JSON).json()
        assert found["0020000D"]["Value"] == [bare + "  "]
    (row,) = http.get(f"{root}/studies?StudyInstanceUID={bare}", headers=JSON).json()
    assert row["0020000D"]["Value"] == [bare + "  "]
