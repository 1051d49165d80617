"""Store Transaction (PS3.18 §10.5), and every kind of bad input: a clear answer, and nothing lost."""

import httpx2
import pytest

from tests import data
from tests.messages import (
    BOUNDARY,
    DICOM,
    JSON,
    Sent,
    body,
    comments,
    failures,
    parts,
    related,
    sent,
    store,
    stored,
    values,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, when a test writes bad values

ROOT = "/dicomweb"
STUDIES = f"{ROOT}/studies"
UUID = "0f3cf5c0-70e0-41ef-baef-c6f9f65ec3e1"


def is_stored(http: httpx2.Client, made: Sent) -> bool:
    """Whether the Instance is there, byte for byte."""
    answer = http.get(ROOT + made.instance, headers={"Accept": "application/dicom; transfer-syntax=*"})
    assert answer.status_code in {200, 404}
    return answer.status_code == 200 and answer.content == made.content


def others(answer: httpx2.Response) -> list[int]:
    """The Failure Reasons in the Other Failures Sequence."""
    return [values(item, "00081197")[0] for item in values(answer.json(), "0008119A")]


# --- The response (§10.5.3)


def test_response(http: httpx2.Client, url: str) -> None:
    made = sent()
    answer = store(http, ROOT, made.content)
    assert answer.headers["Content-Type"] == "application/dicom+json"
    assert answer.json() == {
        "00081190": {"vr": "UR", "Value": [f"{url}{ROOT}{made.study}"]},
        "00081199": {
            "vr": "SQ",
            "Value": [
                {
                    "00081150": {"vr": "UI", "Value": [made.dataset.SOPClassUID]},
                    "00081155": {"vr": "UI", "Value": [made.dataset.SOPInstanceUID]},
                    "00081190": {"vr": "UR", "Value": [f"{url}{ROOT}{made.instance}"]},
                }
            ],
        },
    }


@pytest.mark.parametrize("accept", ["*/*", "application/dicom+json", "application/json", "application/dicom+xml", None])
def test_accept(http: httpx2.Client, accept: str | None) -> None:
    made = sent()
    answer = store(http, ROOT, made.content, headers={"Accept": accept} if accept else {})
    assert (answer.status_code, stored(answer)) == (200, [made.dataset.SOPInstanceUID])


def test_several_studies_in_one_request(http: httpx2.Client) -> None:
    made = [sent() for _ in range(3)]
    answer = store(http, ROOT, *(one.content for one in made))
    assert (answer.status_code, stored(answer)) == (200, [one.dataset.SOPInstanceUID for one in made])
    assert answer.json()["00081190"] == {"vr": "UR"}


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    "syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"]
)
def test_every_transfer_syntax(http: httpx2.Client, syntax: str, method: str) -> None:
    made = data.image()
    whole = Sent(made, data.file(made, syntax))
    assert store(http, ROOT, whole.content, method=method).status_code == 200
    assert is_stored(http, whole)


def test_an_instance_that_can_be_stored_is_stored_with_a_warning(http: httpx2.Client) -> None:
    made = sent(StudyDate="NotADate", SOPClassUID="1.2.x")
    answer = store(http, ROOT, made.content)
    (item,) = answer.json()["00081199"]["Value"]
    assert (answer.status_code, values(item, "00081196")) == (202, [45063])
    assert len(comments(item)) == 2
    assert is_stored(http, made)


def test_identical_bytes_again_succeed(http: httpx2.Client) -> None:
    made = sent()
    first, second = store(http, ROOT, made.content), store(http, ROOT, made.content)
    assert (second.status_code, second.json()) == (200, first.json())


def test_other_bytes_under_the_same_uids_are_refused_unless_put(http: httpx2.Client) -> None:
    made = sent()
    store(http, ROOT, made.content)
    made.dataset.PatientID = "ID2"
    other = Sent(made.dataset, data.file(made.dataset))
    answer = store(http, ROOT, other.content)
    assert (answer.status_code, failures(answer)) == (409, [45070])
    assert is_stored(http, made)
    assert store(http, ROOT, other.content, method="PUT").status_code == 200
    assert is_stored(http, other)


def test_identical_bytes_twice_in_one_request(http: httpx2.Client) -> None:
    made = sent()
    answer = store(http, ROOT, made.content, made.content)
    assert (answer.status_code, stored(answer)) == (200, [made.dataset.SOPInstanceUID] * 2)
    assert len(http.get(f"{ROOT}{made.study}/metadata").json()) == 1


def test_other_bytes_twice_in_one_request(http: httpx2.Client) -> None:
    made = sent()
    made.dataset.PatientID = "ID2"
    answer = store(http, ROOT, made.content, data.file(made.dataset))
    assert (answer.status_code, failures(answer)) == (202, [45070])
    assert is_stored(http, made)


def test_put_twice_in_one_request_keeps_the_last(http: httpx2.Client) -> None:
    made = sent()
    made.dataset.PatientID = "ID2"
    last = Sent(made.dataset, data.file(made.dataset))
    assert store(http, ROOT, made.content, last.content, method="PUT").status_code == 200
    assert is_stored(http, last)


# --- Bodies that clients send


def test_python_client(http: httpx2.Client) -> None:
    made = sent()
    headers = {"Accept": "*/*", "Content-Type": f'multipart/related; type="application/dicom"; boundary="{UUID}"'}
    content = b"\r\n" + body(made.content, boundary=UUID).removesuffix(b"\r\n")
    assert http.post(STUDIES, content=content, headers=headers).status_code == 200
    assert is_stored(http, made)


def test_dcm4che(http: httpx2.Client) -> None:
    made = sent()
    headers = {"Content-Type": 'multipart/related;type="application/dicom";boundary=myboundary'}
    content = b"\r\n" + body(made.content, boundary="myboundary")
    assert http.post(STUDIES, content=content, headers=headers).status_code == 200


def test_form_data_of_the_azure_tutorial(http: httpx2.Client) -> None:
    made = sent()
    head = 'Content-Disposition: form-data; name="file"; filename="blue-circle.dcm"\r\nContent-Type: application/dicom'
    content = body(made.content, head=head)
    assert http.post(STUDIES, content=content, headers=related(kind="")).status_code == 200


def test_single_part(http: httpx2.Client) -> None:
    made = sent()
    assert http.post(STUDIES, content=made.content, headers=DICOM).status_code == 200
    assert is_stored(http, made)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_chunked_in_pieces_of_any_size(http: httpx2.Client, size: int) -> None:
    made = sent(data.image())
    content = body(made.content)
    pieces = (content[start : start + size] for start in range(0, len(content), size))
    assert http.post(STUDIES, content=pieces, headers=related()).status_code == 200
    assert is_stored(http, made)


@pytest.mark.parametrize(
    "head", ["X-Nothing: 1", "Content-Type: application/dicom; transfer-syntax=1.2.840.10008.1.2.1"]
)
def test_part_without_type_or_with_parameters(http: httpx2.Client, head: str) -> None:
    made = sent()
    content = body(made.content, made.content, head=head)
    assert http.post(STUDIES, content=content, headers=related()).status_code == 200


def test_large_parts_go_through_the_spool(http: httpx2.Client) -> None:
    made = [sent(data.image(rows=1024, columns=1024)) for _ in range(4)]
    assert store(http, ROOT, *(one.content for one in made)).status_code == 200
    assert all(is_stored(http, one) for one in made)


# --- Bad input: what is not DICOM


@pytest.mark.parametrize(
    "content", [b"", b"x", b"not DICOM at all" * 50, b"\0" * 132 + b"DICM", b"%PDF-1.7", b"\0" * 5_000_000]
)
def test_not_dicom(http: httpx2.Client, content: bytes) -> None:
    answer = store(http, ROOT, content)
    (item,) = values(answer.json(), "0008119A")
    assert (answer.status_code, others(answer)) == (409, [43264])
    assert comments(item)


def test_what_is_not_dicom_does_not_keep_others_out(http: httpx2.Client) -> None:
    made = sent()
    answer = store(http, ROOT, b"not DICOM", made.content)
    assert (answer.status_code, others(answer), stored(answer)) == (202, [43264], [made.dataset.SOPInstanceUID])


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.9, 0.999])
def test_truncated_file(http: httpx2.Client, share: float) -> None:
    made = sent(data.image(rows=64, columns=64))
    answer = store(http, ROOT, made.content[: int(len(made.content) * share)])
    assert answer.status_code == 409
    assert not is_stored(http, made)


@pytest.mark.parametrize("uid", [b"1.2\r\nX-Evil: 1\r\nA: 1", b"1.2.840.10008.1.2.\xff1", b'1.2"; boundary="evil '])
def test_a_transfer_syntax_that_is_no_uid(http: httpx2.Client, uid: bytes) -> None:
    content = sent().content.replace(b"1.2.840.10008.1.2.1\0", uid, 1)
    assert store(http, ROOT, content).status_code == 409


def _element(tag: bytes, vr: bytes, length: int, value: bytes = b"") -> bytes:
    return tag + vr + b"\0\0" + length.to_bytes(4, "little") + value


def test_five_gigabytes_declared_in_one_kilobyte(http: httpx2.Client) -> None:
    content = sent().content + _element(b"\xe0\x7f\x10\0", b"OW", 0xFFFFFFFE, b"\0" * 100)
    answer = http.post(STUDIES, content=content, headers=DICOM)
    assert answer.status_code == 409


def test_200_nested_sequences(http: httpx2.Client) -> None:
    opened = _element(b"\x08\0\x10\x11", b"SQ", 0xFFFFFFFF, b"\xfe\xff\0\xe0\xff\xff\xff\xff") * 200
    content = sent().content[:-10] + opened
    assert store(http, ROOT, content).status_code == 409
    closed = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0" * 200
    made = sent(StudyID=None, SeriesNumber=None, InstanceNumber=None)
    answer = store(http, ROOT, made.content + opened.replace(b"\x08\0\x10\x11", b"\x40\0\x75\x02") + closed)
    assert answer.status_code in {200, 202, 409}


# --- Bad input: multipart


@pytest.mark.parametrize("cut", [0, 1, 5, 30, 70, 200, -3, -8, -16, -40])
def test_truncated_multipart(http: httpx2.Client, cut: int) -> None:
    made = sent()
    content = body(sent().content, made.content)
    answer = http.post(STUDIES, content=content[:cut], headers=related())
    assert answer.status_code == 400
    assert answer.text
    assert not is_stored(http, made)


@pytest.mark.parametrize("boundary", ["", '""', '"' + "b" * 71 + '"', "ab\x7fc", '"é"', '"blank at the end "'])
def test_absurd_boundary(http: httpx2.Client, boundary: str) -> None:
    content_type = f'multipart/related; type="application/dicom"; boundary={boundary}'.encode("latin-1")
    answer = http.post(STUDIES, content=body(sent().content), headers=[(b"Content-Type", content_type)])
    assert answer.status_code in {400, 415}


def test_missing_boundary(http: httpx2.Client) -> None:
    headers = {"Content-Type": 'multipart/related; type="application/dicom"'}
    assert http.post(STUDIES, content=body(sent().content), headers=headers).status_code == 415


def test_wrong_boundary(http: httpx2.Client) -> None:
    made = sent()
    answer = http.post(STUDIES, content=body(made.content), headers=related(boundary="other"))
    assert answer.status_code == 400
    assert not is_stored(http, made)


def test_boundary_inside_a_file(http: httpx2.Client) -> None:
    made = sent(StudyDescription=f"--{BOUNDARY}x", StudyID=f"-{BOUNDARY}")
    assert store(http, ROOT, made.content).status_code == 200
    assert is_stored(http, made)


def test_endless_part_headers(http: httpx2.Client) -> None:
    content = b"--frontier\r\n" + b"X-Filler: " + b"x" * 1_000_000
    assert http.post(STUDIES, content=content, headers=related()).status_code == 400


def test_more_parts_than_anybody_sends(http: httpx2.Client) -> None:
    content = b"--frontier\r\n\r\n\r\n" * 100_001 + b"--frontier--"
    assert http.post(STUDIES, content=content, headers=related()).status_code == 413


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/json",
        "multipart/form-data; boundary=frontier",
        "multipart/mixed; boundary=frontier",
        "/",
    ],
)
def test_wrong_media_type(http: httpx2.Client, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    assert http.post(STUDIES, content=body(sent().content), headers=headers).status_code == 415


def test_part_of_a_wrong_media_type(http: httpx2.Client) -> None:
    made = sent()
    content = body(made.content, head="Content-Type: image/png")
    assert http.post(STUDIES, content=content, headers=related()).status_code == 415
    assert not is_stored(http, made)


# --- Bad input: UIDs


def test_part_of_another_study(http: httpx2.Client) -> None:
    made, other = sent(), sent()
    answer = store(http, ROOT, other.content, made.content, study=made.study.removeprefix("/studies"))
    assert (answer.status_code, failures(answer), stored(answer)) == (202, [43264], [made.dataset.SOPInstanceUID])
    assert not is_stored(http, other)


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
@pytest.mark.parametrize("value", [None, "1.2.x", "1.2.", "1" * 65, "1.2\\1.3", "../1", "1.2\0.3", "ü"])
def test_malformed_uid_in_the_file(http: httpx2.Client, keyword: str, value: str | None) -> None:
    answer = store(http, ROOT, sent(**{keyword: value}).content)
    assert answer.status_code == 409
    assert [*failures(answer), *others(answer)] == [43264]


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_empty_uid_in_the_file(http: httpx2.Client, keyword: str) -> None:
    assert store(http, ROOT, sent(**{keyword: ""}).content).status_code == 409


@pytest.mark.parametrize("padding", ["\0", " ", "\0\0\0", "  ", " \0"])
def test_padded_uids(http: httpx2.Client, padding: str) -> None:
    uids = {keyword: data.uid()[:60] for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")}
    plain, padded = sent(**uids), sent(**{keyword: uid + padding for keyword, uid in uids.items()})
    answer = store(http, ROOT, padded.content, study=plain.study.removeprefix("/studies"))
    assert (answer.status_code, stored(answer)) == (200, [uids["SOPInstanceUID"]])
    assert (
        http.get(ROOT + plain.instance, headers={"Accept": "application/dicom; transfer-syntax=*"}).content
        == padded.content
    )
    plain.dataset.PatientID = "ID2"
    assert failures(store(http, ROOT, data.file(plain.dataset))) == [45070]


@pytest.mark.parametrize("uid", ["x", "1" * 65, "1.2.", "%2e%2e"])
def test_malformed_uid_in_the_path(http: httpx2.Client, uid: str) -> None:
    answer = http.post(f"{STUDIES}/{uid}", content=sent().content, headers=JSON | DICOM)
    assert answer.status_code == 400
    assert "The Study Instance UID is not a UID" in answer.text


def test_no_parts(http: httpx2.Client) -> None:
    answer = store(http, ROOT)
    assert answer.status_code == 204


def test_what_was_stored_comes_back_in_one_message(http: httpx2.Client) -> None:
    study = data.uid()
    made = [sent(StudyInstanceUID=study) for _ in range(25)]
    assert store(http, ROOT, *(one.content for one in made)).status_code == 200
    found = parts(http.get(f"{ROOT}/studies/{study}"))
    assert sorted(part.content for part in found) == sorted(one.content for one in made)


def test_a_part_that_is_called_bytes(http: httpx2.Client) -> None:
    made = sent()
    message = body(made.content, head="Content-Type: application/octet-stream")
    assert http.post(f"{ROOT}/studies", content=message, headers=related()).status_code == 200
    assert http.post("/v2/studies", content=message, headers={**JSON, **related()}).status_code == 415


@pytest.mark.parametrize("root", [ROOT, "/v2"])
def test_a_coded_body_is_refused_by_the_name_of_its_header(http: httpx2.Client, root: str) -> None:
    made = sent()
    for coding, status in (("gzip", 415), ("identity, br", 415), ("Identity", 200)):
        headers = {**JSON, **DICOM, "Content-Encoding": coding}
        answer = http.post(f"{root}/studies", content=made.content, headers=headers)
        assert answer.status_code == status
        assert status == 200 or f"Content-Encoding '{coding}'" in answer.text
