"""What is answered to who sees what is stored de-identified: by pseudonyms, and without a word of the original."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian
from starlette.testclient import TestClient

from filmroom import tokens
from filmroom.archive import Archive
from filmroom.dicom.deidentification import Deidentification, Option
from filmroom.dicom.resources import Resource
from filmroom.protocol.dialects import DICOMWEB
from filmroom.server.app import create
from filmroom.services import sharing
from filmroom.services.examination import part
from filmroom.services.store import store
from filmroom.settings import Settings
from tests import data
from tests.audit import given

SECRET = "SECRET"
ROOT = "/dicomweb"
DICOM = "application/dicom; transfer-syntax=*"
KEY = "of sixteen chars"
OPTIONS: dict[str, tuple[Option, ...]] = {
    "blind": (),
    "devices": (Option.DEVICE,),
    "kept": (Option.UIDS, Option.FULL_DATES),
}
PROFILES = {name: Deidentification.of(options, KEY.encode()) for name, options in OPTIONS.items()}
PROFILE = PROFILES["blind"]
AS_STORED = Deidentification.of([Option.UIDS], b"")
ROLES = {name: {"actions": "read", "deidentified": name} for name in OPTIONS} | {
    "plain": {"actions": "read"},
    "of some": {"actions": "read", "deidentified": "blind", "studies": "ModalitiesInStudy=OT"},
    "of none": {"actions": "read", "deidentified": "blind", "studies": "ModalitiesInStudy=CT"},
    "unknown": {"actions": "read", "deidentified": "strict"},
}


@dataclass(frozen=True, slots=True)
class Reader:
    """Asks with a token of a role."""

    http: TestClient
    tokens: Mapping[str, str]

    def get(self, path: str, headers: Mapping[str, str] | None = None, role: str = "blind") -> Any:
        return self.http.get(path, headers={**(headers or {}), "authorization": f"Bearer {self.tokens[role]}"})


def image(**attributes: Any) -> Dataset:
    """With a secret wherever there may be one: names, private and bulk values, overlays, sequences."""
    made = data.image(
        frames=2,
        StudyDescription=SECRET,
        PatientName=f"{SECRET}^Jane",
        PatientID=SECRET,
        AccessionNumber=SECRET,
        BodyPartExamined="KNEE",
        FrameOfReferenceUID=data.uid(),
        **attributes,
    )
    made.private_block(0x0009, SECRET, create=True).add_new(1, "OB", SECRET.encode() * 100)
    made.add_new(0x60000010, "US", 8)
    made.add_new(0x60000011, "US", 8)
    made.add_new(0x60000040, "CS", "G")
    made.add_new(0x60000050, "SS", [1, 1])
    made.add_new(0x60000100, "US", 1)
    made.add_new(0x60000102, "US", 0)
    made.add_new(0x60003000, "OW", SECRET.encode() * 20)
    made.add_new(0x00420011, "OB", SECRET.encode() * 20)
    made.add_new(0x00281201, "OW", np.arange(256, dtype="<u2").tobytes())  # kept
    inner = Dataset()
    inner.ReferencedSOPInstanceUID, inner.PatientName = data.uid(), SECRET
    made.ReferencedImageSequence = [inner]
    return made


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("deidentified")
    profiles = {name: {"options": options, "key": KEY} for name, options in OPTIONS.items()}
    given = {"data": folder / "data", "codec_processes": 1, "tokens": folder / "tokens.json", "roles": ROLES}
    return Settings.model_validate(given | {"deidentification": profiles})


@pytest.fixture(scope="module")
def http(settings: Settings) -> Iterator[Reader]:
    """One for all tests: they only read."""
    assert settings.tokens is not None
    made = {role: tokens.create(settings.tokens, role, [role], [], None)[1] for role in ROLES}
    made["both"] = tokens.create(settings.tokens, "both", ["blind", "plain"], [], None)[1]
    made["two"] = tokens.create(settings.tokens, "two", ["blind", "kept"], [], None)[1]
    with TestClient(create(settings), raise_server_exceptions=False, base_url="http://127.0.0.1:8080") as client:
        client.headers.clear()
        yield Reader(client, made)


@pytest.fixture(scope="module")
def stored(settings: Settings) -> list[Dataset]:
    """Two images of a Series, one of them deflated, and a report of their Study."""
    first = image()
    same = {"StudyInstanceUID": first.StudyInstanceUID}
    second = image(SeriesInstanceUID=first.SeriesInstanceUID, **same)
    report = data.report(data.item("TEXT", TextValue=SECRET), PatientName=SECRET, PatientID=SECRET, **same)
    files = [data.file(first), data.file(second, DeflatedExplicitVRLittleEndian), data.file(report)]
    archive = Archive.open(settings)
    store(archive, DICOMWEB, Resource(), [part(content) for content in files], replace=False)
    archive.close()
    return [first, second, report]


def path(made: Dataset, level: int = 3, profile: Deidentification = PROFILE) -> str:
    names = ("studies", made.StudyInstanceUID), ("series", made.SeriesInstanceUID), ("instances", made.SOPInstanceUID)
    return ROOT + "".join(f"/{name}/{profile.uid(uid)}" for name, uid in names[:level])


def originals(stored: list[Dataset]) -> set[bytes]:
    uids = {uid for made in stored for uid in (made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID)}
    uids |= {made.FrameOfReferenceUID for made in stored[:2]}
    return {str(uid).encode() for uid in uids} | {SECRET.encode()}


def check(answer: Any, stored: list[Dataset], status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    assert "last-modified" not in answer.headers
    for secret in originals(stored):
        assert secret not in answer.content
        assert secret.decode() not in str(answer.headers)
    return answer


ASKED = [
    ("/metadata", "application/dicom+json", (1, 2, 3)),
    ("/metadata", 'multipart/related; type="application/dicom+xml"', (1, 2, 3)),
    ("", 'multipart/related; type="application/dicom"; transfer-syntax=*', (1, 2, 3)),
    ("", 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.90', (1, 2, 3)),
    ("", 'multipart/related; type="application/octet-stream"', (1, 2, 3)),
    ("", "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.80", (3,)),
    ("/bulkdata", 'multipart/related; type="application/octet-stream"', (1, 2, 3)),
    ("/pixeldata", 'multipart/related; type="application/octet-stream"; transfer-syntax=*', (1, 2, 3)),
    ("/rendered", 'multipart/related; type="image/png"', (1, 2)),
    ("/rendered?annotation=patient,technique", "image/png", (3,)),
    ("/thumbnail", "image/jpeg", (1, 2, 3)),
    ("/frames/1,2", 'multipart/related; type="application/octet-stream"; transfer-syntax=*', (3,)),
    ("/frames/1", 'multipart/related; type="image/jp2"', (3,)),
    ("/frames/2/rendered", "image/jpeg", (3,)),
    ("/frames/2/thumbnail", "image/jpeg", (3,)),
    ("/bulkdata/00281201", "application/octet-stream", (3,)),
    ("/bulkdata/7FE00010", "application/octet-stream", (3,)),
]


@pytest.mark.parametrize(("what", "accept", "levels"), ASKED)
def test_no_answer_says_anything_of_the_original(
    http: Reader, stored: list[Dataset], what: str, accept: str, levels: tuple[int, ...]
) -> None:
    for made in stored[:2]:
        for level in levels:
            answer = check(http.get(path(made, level) + what, headers={"Accept": accept}), stored)
            assert answer.content
            if tag := answer.headers.get("ETag"):
                again = http.get(path(made, level) + what, {"Accept": accept, "If-None-Match": tag})
                assert again.status_code == 304


def test_a_file_is_that_of_the_metadata(http: Reader, stored: list[Dataset]) -> None:
    for made in stored[:2]:
        read = pydicom.dcmread(io.BytesIO(http.get(path(made), headers={"Accept": DICOM}).content))
        assert read.PixelData == made.PixelData
        assert (read.SOPInstanceUID, read.PatientID) == (PROFILE.uid(made.SOPInstanceUID), PROFILE.patient(SECRET))
        [told] = http.get(f"{path(made)}/metadata").json()
        assert told["00080018"]["Value"] == [read.SOPInstanceUID]
        assert told["00100020"]["Value"] == [read.PatientID]
        assert told["00120062"]["Value"] == ["YES"]
        assert told["7FE00010"]["BulkDataURI"].endswith(f"{path(made)}/bulkdata/7FE00010")
        assert http.get(told["00281201"]["BulkDataURI"]).status_code == 200


def test_zip_archives_have_pseudonyms(http: Reader, stored: list[Dataset]) -> None:
    for dicomdir in ("false", "true"):
        answer = http.get(f"{path(stored[0], 1)}?dicomdir={dicomdir}", headers={"Accept": "application/zip"})
        found = zipfile.ZipFile(io.BytesIO(answer.content))
        names = found.namelist()
        texts = b"".join([found.read(name) for name in names]) + "".join(names).encode() + str(answer.headers).encode()
        assert [secret for secret in originals(stored) if secret in texts] == []
        assert len(names) == 2 + (dicomdir == "true")
        assert {one.date_time for one in found.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("what", ["", "/metadata", "/rendered", "/thumbnail", "/frames/1", "/bulkdata/7FE00010"])
def test_a_uid_that_is_no_pseudonym_leads_nowhere(http: Reader, stored: list[Dataset], what: str) -> None:
    """Whoever knows it does not learn whether there is such an Instance."""
    made = stored[0]
    for level in (3, 2, 1):
        answers = [
            http.get(path(one, level, profile) + what)
            for one, profile in ((made, AS_STORED), (data.dataset(), AS_STORED), (data.dataset(), PROFILE))
        ]
        assert {answer.status_code for answer in answers} <= {404, 405}
        assert len({answer.content for answer in answers}) == 1
    half = f"{path(made, 2)}/instances/{made.SOPInstanceUID}{what}"
    assert http.get(half).status_code == 404


@pytest.mark.parametrize("tag", ["60003000", "00091001", "00420011", "00081140/1/00091001", "00081140/9/00091001"])
def test_bulk_values_of_what_is_removed_are_not_found(http: Reader, stored: list[Dataset], tag: str) -> None:
    check(http.get(f"{path(stored[0])}/bulkdata/{tag}"), stored, 404)


@pytest.mark.parametrize("what", ["", "/rendered", "/bulkdata/0040A730"])
def test_documents_are_refused(http: Reader, stored: list[Dataset], what: str) -> None:
    answer = check(http.get(path(stored[2]) + what, headers={"Accept": "*/*"}), stored, 404 if "bulk" in what else 403)
    assert "bulk" in what or "report or a document" in answer.text


def test_versions_differ_from_those_of_the_original_and_of_other_profiles(http: Reader, stored: list[Dataset]) -> None:
    for what in ("", "/metadata", "/frames/1", "/rendered", "/thumbnail", "/bulkdata/7FE00010"):
        accept = {"Accept": DICOM if not what else "*/*"}
        answers = [http.get(path(stored[0], 3, AS_STORED) + what, accept, "plain")]
        answers += [http.get(path(stored[0]) + what, accept, role) for role in ("blind", "devices")]
        assert len({answer.headers["ETag"] for answer in answers}) == 3


def test_rendered_images_show_no_overlay_that_is_removed(http: Reader, stored: list[Dataset]) -> None:
    png, drawn, plain = {"Accept": "image/png"}, "?annotation=overlay", path(stored[0], 3, AS_STORED)
    without, seen = (http.get(f"{plain}/rendered{how}", png, "plain").content for how in ("", drawn))
    assert http.get(f"{path(stored[0])}/rendered{drawn}", png).content == without != seen


def test_searches_answer_with_pseudonyms(http: Reader, stored: list[Dataset]) -> None:
    made = stored[0]
    for level, name in enumerate(("studies", "series", "instances"), 1):
        for where in ("", *(path(made, above).removeprefix(ROOT) for above in range(1, level))):
            for included in ("", "?includefield=all", "?includefield=StudyDescription,00091001,0010xxxx"):
                found = check(http.get(f"{ROOT}{where}/{name}{included}"), stored).json()
                assert found
                key, uid = ("0020000D", made.StudyInstanceUID)
                if not where or included == "?includefield=all":
                    assert {one[key]["Value"][0] for one in found} == {PROFILE.uid(uid)}
                assert all("00120062" not in one for one in found)
    [study] = http.get(f"{ROOT}/studies").json()
    assert study["00100020"]["Value"] == [PROFILE.patient(SECRET)]
    assert study["00081190"]["Value"][0].endswith(path(made, 1))
    table = check(http.get(f"{ROOT}/studies", headers={"Accept": "text/csv"}), stored)
    assert PROFILE.patient(SECRET) in table.text


def test_what_was_not_asked_for_is_not_answered(http: Reader, stored: list[Dataset]) -> None:
    asked = f"{path(stored[0], 1)}/series?includefield=PatientName"
    assert "00100020" not in http.get(asked).json()[0]
    assert http.get(asked).json()[0]["00100010"]["Value"] == [{"Alphabetic": PROFILE.patient(SECRET)}]


@pytest.mark.parametrize(
    "asked",
    [
        "studies?PatientName=SECRET*",
        "studies?PatientID=SECRET",
        "studies?StudyDate=20240229",
        "studies?AccessionNumber=SECRET",
        'studies?AccessionNumber=""&emptyvaluematching=true',
        "series?RequestAttributesSequence.RequestedProcedureID=1",
        "studies?orderby=StudyDate",
        "instances?SOPInstanceUID=1.2",
        "series?SeriesInstanceUID=1.2",
    ],
)
def test_keys_that_would_tell_are_refused(http: Reader, stored: list[Dataset], asked: str) -> None:
    answer = check(http.get(f"{ROOT}/{asked}"), [], 400)
    assert "de-identified for you" in answer.text


def test_patients_are_not_listed(http: Reader, stored: list[Dataset]) -> None:
    check(http.get(f"{ROOT}/patients"), stored, 403)


def test_keys_of_what_is_kept_and_uids_are_heeded(http: Reader, stored: list[Dataset]) -> None:
    first, second, report = stored
    study, other = PROFILE.uid(first.StudyInstanceUID), PROFILE.uid(data.uid())
    series, instance = PROFILE.uid(first.SeriesInstanceUID), PROFILE.uid(first.SOPInstanceUID)
    last = PROFILE.uid(second.SOPInstanceUID)

    def count(asked: str) -> int:
        return len(http.get(f"{ROOT}/{asked}").json())

    assert count("studies?ModalitiesInStudy=SR") == 1
    assert count("series?Modality=OT") == 1
    assert count("instances?BodyPartExamined=KNEE") == 2
    assert count(f"studies?StudyInstanceUID={study}") == 1
    assert count(f"studies?StudyInstanceUID={study},{other}") == 1
    assert count(f"studies?StudyInstanceUID={other}") == 0
    assert count(f"studies?StudyInstanceUID={first.StudyInstanceUID}") == 0
    assert count(f"series?StudyInstanceUID={study}&SeriesInstanceUID={series}") == 1
    assert count(f"studies/{study}/series?SeriesInstanceUID={series}") == 1
    assert count(f"studies/{study}/series?SeriesInstanceUID={first.SeriesInstanceUID}") == 0
    assert count(f"studies/{study}/instances?SOPInstanceUID={instance},{last}") == 2
    assert count(f"studies/{study}/series/{series}/instances?SOPInstanceUID={last}") == 1
    assert count(f"studies/{study}/series/{PROFILE.uid(report.SeriesInstanceUID)}/instances?SOPInstanceUID={last}") == 0
    assert count(f"studies/{first.StudyInstanceUID}/series") == 0
    assert count("studies?orderby=NumberOfStudyRelatedSeries") == 1


def test_with_kept_uids_and_dates_these_may_be_asked_for(http: Reader, stored: list[Dataset]) -> None:
    made = stored[0]
    assert len(http.get(f"{ROOT}/studies?StudyDate=20240229&orderby=StudyDate", role="kept").json()) == 1
    assert len(http.get(f"{ROOT}/series?SeriesInstanceUID={made.SeriesInstanceUID}", role="kept").json()) == 1
    [told] = http.get(f"{path(made, 3, PROFILES['kept'])}/metadata", role="kept").json()
    assert told["0020000D"]["Value"] == [made.StudyInstanceUID]
    assert SECRET not in str(told)


def test_roles_show_some_studies_de_identified(http: Reader, stored: list[Dataset]) -> None:
    for role, status in (("of some", 200), ("of none", 404)):
        for what in ("", "/metadata", "/rendered", "/thumbnail", "/bulkdata"):
            assert http.get(path(stored[0], 1) + what, {"Accept": "*/*, multipart/related"}, role).status_code == status
        assert len(http.get(f"{ROOT}/studies", role=role).json()) == (status == 200)


def test_a_share_link_may_show_a_study_de_identified(http: Reader, stored: list[Dataset], settings: Settings) -> None:
    with closing(Archive.open(settings)) as archive:
        _, token = sharing.create(archive, stored[0].StudyInstanceUID, 60.0, profile="blind")
    base = f"/shared/{token}"
    [study] = check(http.http.get(f"{base}{ROOT}/studies"), stored).json()
    assert study["00081190"]["Value"][0].endswith(base + path(stored[0], 1))
    assert check(http.http.get(f"{base}{path(stored[0])}/metadata"), stored).json()
    assert http.http.get(f"{base}{path(stored[0], 3, AS_STORED)}/metadata").status_code == 404


def test_who_sees_some_as_it_is_stored_sees_nothing_de_identified(http: Reader, stored: list[Dataset]) -> None:
    [told] = http.get(f"{path(stored[0], 3, AS_STORED)}/metadata", role="both").json()
    assert told["00100020"]["Value"] == [SECRET]
    assert http.get(f"{path(stored[0])}/metadata", role="both").status_code == 404


def test_roles_that_can_not_be_heeded_show_nothing(http: Reader, stored: list[Dataset]) -> None:
    for role, status, said in (("two", 403, "different profiles"), ("unknown", 503, "none of that name")):
        answer = http.get(f"{ROOT}/studies", role=role)
        assert (answer.status_code, said in answer.text) == (status, True)


def test_the_other_doors_are_no_way_round(http: Reader, stored: list[Dataset]) -> None:
    made = stored[0]
    uids = (made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID)
    for root in ("/v1", "/v2"):
        there = path(made).replace(ROOT, root)
        for what, accept in (("", DICOM), ("/metadata", "application/dicom+json")):
            check(http.get(there + what, headers={"Accept": accept}), stored)
        check(http.get(f"{root}/studies", headers={"Accept": "application/dicom+json"}), stored)
    wado = f"{ROOT}/wado?requestType=WADO&contentType=application/dicom&studyUID={{}}&seriesUID={{}}&objectUID={{}}"
    check(http.get(wado.format(*map(PROFILE.uid, uids))), stored)
    assert http.get(wado.format(*uids)).status_code == 404


@pytest.mark.parametrize(("below", "level"), [("/metadata", 1), ("/thumbnail", 2), ("/frames/1", 3)])
def test_the_audit_says_whose_it_was_and_by_what_name_it_was_asked_for(
    http: Reader, stored: list[Dataset], settings: Settings, below: str, level: int
) -> None:
    asked = path(stored[0], level)
    http.get(asked + below)
    http.http.app_state["archive"].audit.settled({"time": 0.0, "action": "mark"}).result(30)
    found = [line for line in given.lines(settings.data) if line["action"].startswith("retrieve")][-1]
    uids = [stored[0].StudyInstanceUID, stored[0].SeriesInstanceUID, stored[0].SOPInstanceUID][:level]
    assert [found.get(name) for name in ("study", "series", "instance")] == uids + [None] * (3 - level)
    assert (found["patient"], found["pseudonym"]) == (SECRET, asked.removeprefix(ROOT))
