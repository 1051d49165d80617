"""Data partitions: what lies in one is never seen through another. Every route of the table is tried.

The same UIDs are stored in two partitions with other content: `mine` holds what is told here, and more of everything;
`theirs` has the least, so that whatever is found there too much shows.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset

from filmroom.dicom.resources import Resource
from filmroom.protocol.dialects import ALL, DICOMWEB, V2, Dialect
from filmroom.protocol.negotiation import Kind
from filmroom.server import table
from filmroom.server.methods import Method
from tests import data, service
from tests.conformance.conftest import served
from tests.conftest import Elsewhere
from tests.messages import DICOM, JSON, parts, store
from tests.postgresql import EACH

MINE, THEIRS = "mine", "Their.Clinic_2-b"
SAID = {DICOMWEB.name: (404, "There is no data partition of this name: a store makes it.")}
AZURE_SAYS = (400, "Specified PartitionName does not exist.")
AZURE = [dialect for dialect in ALL if dialect.version is not None]

ROWS = [(dialect, one) for dialect in ALL for one in table.methods(dialect, partitions=True)]
INSIDE = [(dialect, one) for dialect, one in ROWS if table.PARTITION in one.path]
SHARED = [(dialect, one) for dialect, one in ROWS if table.PARTITION not in one.path]
READ = [(dialect, one) for dialect, one in INSIDE if one.verb == "GET" and one.kind is not Kind.CAPABILITIES]
SEARCHES = {Kind.SEARCH, Kind.PATIENTS}
DELETES = [(dialect, one) for dialect, one in INSIDE if one.verb == "DELETE"]
OPERATIONS = [(dialect, one) for dialect, one in INSIDE if one.kind in {Kind.UPDATE, Kind.EXPORT, Kind.IMPORT}]
STORES = [(dialect, one) for dialect, one in INSIDE if one.kind is Kind.STORE]

_OCTETS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
_FILES = 'multipart/related; type="application/dicom"; transfer-syntax=*'
ACCEPT = {Kind.STUDY: _FILES, Kind.INSTANCE: _FILES, Kind.FRAMES: _OCTETS, Kind.RENDERED: "image/jpeg"} | dict.fromkeys(
    (Kind.METADATA, Kind.SEARCH, Kind.PATIENTS, Kind.STORE), "application/dicom+json"
)


def _name(value: object) -> str | None:
    if isinstance(value, Dialect):
        return value.name
    return f"{value.verb} {value.path.removeprefix(table.PARTITION)}" if isinstance(value, Method) else None


@dataclass(frozen=True, slots=True)
class Stored:
    """What lies in the partitions of one service."""

    http: httpx2.Client
    shared: Dataset  # its UIDs are those of an Instance in each
    alone: Dataset  # another Study, in `mine` alone
    folder: Path  # where exports may go to, and imports may come from

    def ask(self, dialect: Dialect, method: Method, partition: str, of: Dataset, **headers: str) -> httpx2.Response:
        uids = {"study": of.StudyInstanceUID, "series": of.SeriesInstanceUID, "instance": of.SOPInstanceUID}
        values = {"partition": partition, "frames": "1", "path:path": "7FE00010", **uids}
        path = re.sub(r"\{([\w:]+)\}", lambda found: values[found[1]], method.path)
        query = dict(zip(("studyUID", "seriesUID", "objectUID"), uids.values(), strict=True)) | {"requestType": "WADO"}
        accept = ACCEPT.get(method.kind, "*/*") if method.kind else "*/*"
        return self.http.request(
            method.verb,
            dialect.root + path,
            params=query if method.kind is Kind.URI else None,
            headers={"Accept": accept, **headers},
        )

    def do(self, dialect: Dialect, method: Method, partition: str, body: Any) -> dict[str, Any]:
        """Start an operation, and what it says at its end."""
        url = dialect.root + method.path.format(partition=partition)
        answer = self.http.request(method.verb, url, json=body, headers={"Accept": "*/*"})
        assert answer.status_code == 202, answer.text
        href = answer.json()["href"]
        assert "/partitions/" not in href
        service.wait_until(lambda: self.http.get(href).status_code == 200)
        ended: dict[str, Any] = self.http.get(href).json()
        assert ended["partitionName"] == partition
        assert ended["partitionName"] == self.http.get("/dicomweb/operations").json()[0]["partitionName"]
        return ended

    def words(self, partition: str) -> set[str]:
        found = self.http.get(f"/dicomweb/partitions/{partition}/studies", headers=JSON).json()
        return {one["00100010"]["Value"][0]["Alphabetic"] for one in found}

    def uids(self, partition: str) -> set[str]:
        found = self.http.get(f"/dicomweb/partitions/{partition}/instances", headers=JSON).json()
        return {one["00080018"]["Value"][0] for one in found}


def _image(word: str, number: int, /, **attributes: Any) -> Dataset:
    made = data.image(bits=8, PatientName=word, PatientID=word, SeriesDescription=word, **attributes)
    made.PixelData = bytes((number * place * place) % 251 for place in range(64))
    return made


@pytest.fixture(scope="module", params=EACH)
def archive(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere
) -> Iterator[Stored]:
    folder = tmp_path_factory.mktemp("partitions") / "data"
    other = tmp_path_factory.mktemp("exported")
    options = ("--export-to", other.as_uri(), "--import-from", other.as_uri())
    with (
        served(folder, elsewhere(request.param), "--partitions", *options) as url,
        httpx2.Client(base_url=url, timeout=60) as http,
    ):
        http.headers.clear()
        shared, alone = _image("Alfa", 1), _image("Gamma", 2)
        study, series = shared.StudyInstanceUID, shared.SeriesInstanceUID
        more = (
            _image("Alfa", 3, StudyInstanceUID=study, SeriesInstanceUID=series),
            _image("Alfa", 4, StudyInstanceUID=study),
        )
        same = _image("Beta", 5, **_uids(shared))
        assert store(http, f"/dicomweb/partitions/{MINE}", *map(data.file, (shared, alone, *more))).status_code == 200
        assert store(http, f"/dicomweb/partitions/{THEIRS}", data.file(same)).status_code == 200
        yield Stored(http, shared, alone, other)


def _uids(of: Dataset) -> dict[str, str]:
    return {name: of[name].value for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")}


def _content(answer: httpx2.Response) -> list[bytes]:
    if answer.headers.get("Content-Type", "").startswith("multipart"):
        return [part.content for part in parts(answer)]
    return [answer.content]


def test_every_route_of_a_partition_is_tried_here() -> None:
    capabilities = [(dialect, one) for dialect, one in INSIDE if one.kind is Kind.CAPABILITIES]
    assert [row for row in INSIDE if row not in [*READ, *DELETES, *STORES, *OPERATIONS, *capabilities]] == []


@pytest.mark.parametrize(("dialect", "method"), READ, ids=_name)
def test_the_same_uids_are_something_else_in_another(archive: Stored, dialect: Dialect, method: Method) -> None:
    mine, theirs, again = (archive.ask(dialect, method, where, archive.shared) for where in (MINE, THEIRS, MINE))
    assert (mine.status_code, theirs.status_code) == (200, 200)
    assert _content(mine) == _content(again)
    assert not set(_content(mine)) & set(_content(theirs))
    assert b"Alfa" not in theirs.content
    assert b"Beta" not in mine.content
    for answer, other in ((mine, THEIRS), (theirs, MINE)):
        assert f"/partitions/{other}".encode() not in answer.content
        assert other not in str(answer.headers)
    if etag := mine.headers.get("ETag"):
        known = archive.ask(dialect, method, THEIRS, archive.shared, **{"If-None-Match": etag})
        assert (known.status_code, _content(known)) == (200, _content(theirs))
        assert archive.ask(dialect, method, MINE, archive.shared, **{"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize(("dialect", "method"), READ, ids=_name)
def test_what_lies_in_another_is_not_there(archive: Stored, dialect: Dialect, method: Method) -> None:
    assert archive.ask(dialect, method, MINE, archive.alone).status_code == 200
    elsewhere = archive.ask(dialect, method, THEIRS, archive.alone)
    scoped = "{study}" in method.path
    if method.kind not in SEARCHES:
        assert elsewhere.status_code == 404
    elif scoped:
        assert elsewhere.status_code == dialect.empty_search_status
        assert elsewhere.content in (b"", b"[]")
    else:
        assert len(elsewhere.json()) == 1
    assert b"Gamma" not in elsewhere.content
    assert archive.alone.SOPInstanceUID.encode() not in elsewhere.content


@pytest.mark.parametrize(("dialect", "method"), DELETES, ids=_name)
def test_a_delete_is_of_one_partition(archive: Stored, dialect: Dialect, method: Method) -> None:
    mine = archive.uids(MINE)
    assert archive.ask(dialect, method, THEIRS, archive.alone).status_code == 404
    temporary = f"/dicomweb/partitions/temporary-{dialect.name}"
    copy = data.file(_image("Delta", 6, **_uids(archive.shared)))
    assert store(archive.http, temporary, copy).status_code == 200
    partition = temporary.rpartition("/")[2]
    assert archive.ask(dialect, method, partition, archive.shared).status_code == 204
    assert archive.ask(dialect, method, partition, archive.shared).status_code == 404
    assert (archive.uids(partition), archive.uids(MINE)) == (set(), mine)
    assert archive.uids(THEIRS) == {archive.shared.SOPInstanceUID}


@pytest.mark.parametrize(("dialect", "method"), STORES, ids=_name)
def test_a_store_is_into_one_partition(archive: Stored, dialect: Dialect, method: Method) -> None:
    mine = archive.uids(MINE)
    new = f"new-{dialect.name}-{method.identifier}"
    path = method.path.format(partition=new, study=archive.shared.StudyInstanceUID)
    content = data.file(_image("Delta", 7, **_uids(archive.shared)))
    answer = archive.http.request(method.verb, dialect.root + path, content=content, headers={**JSON, **DICOM})
    assert answer.status_code == 200
    [item] = answer.json()["00081199"]["Value"]
    url = item["00081190"]["Value"][0]
    assert f"{dialect.root}/partitions/{new}/studies/" in url
    assert archive.http.get(url, headers={"Accept": "application/dicom; transfer-syntax=*"}).content == content
    assert (archive.uids(new), archive.uids(MINE)) == ({archive.shared.SOPInstanceUID}, mine)


@pytest.mark.parametrize(("dialect", "method"), OPERATIONS, ids=_name)
def test_an_operation_is_of_one_partition(archive: Stored, dialect: Dialect, method: Method) -> None:
    partition, mine = f"{method.identifier}-{dialect.name}", archive.uids(MINE)
    copy = data.file(_image("Delta", 8, **_uids(archive.shared)))
    assert store(archive.http, f"/dicomweb/partitions/{partition}", copy).status_code == 200
    place = {"type": "file", "settings": {"url": archive.folder.as_uri()}}
    if method.kind is Kind.UPDATE:
        name = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Renamed"}]}}
        studies = [archive.shared.StudyInstanceUID, archive.alone.StudyInstanceUID]
        archive.do(dialect, method, partition, {"studyInstanceUids": studies, "changeDataset": name})
        assert archive.words(partition) == {"Renamed"}
    elif method.kind is Kind.EXPORT:
        ended = archive.do(dialect, method, partition, {"destination": place})
        assert ended["results"]["exported"] == 1
        [file] = (archive.folder / ended["operationId"]).rglob("*.dcm")
        assert file.read_bytes() == copy
        values = [archive.alone.StudyInstanceUID, archive.shared.StudyInstanceUID]
        named = {"type": "identifiers", "settings": {"values": values}}
        ended = archive.do(dialect, method, partition, {"destination": place, "source": named})
        assert (ended["results"]["exported"], ended["results"]["skipped"]) == (1, 1)
    else:
        inbox = archive.folder / "inbox"
        inbox.mkdir()
        (inbox / "one.dcm").write_bytes(data.file(_image("Delta", 9)))
        source = {"type": "file", "settings": {"url": inbox.as_uri()}}
        archive.do(dialect, method, partition, {"source": source})
        assert len(archive.uids(partition)) == 2
    assert (archive.uids(MINE), archive.words(MINE)) == (mine, {"Alfa", "Gamma"})
    assert archive.words(THEIRS) == {"Beta"}


@pytest.mark.parametrize(("dialect", "method"), INSIDE, ids=_name)
def test_no_partition_is_every_partition(archive: Stored, dialect: Dialect, method: Method) -> None:
    """Without one nothing is done; at the root of the Standard the Capabilities are described."""
    if method.path == table.PARTITION:
        return
    answer = archive.ask(dialect, table.within(method), MINE, archive.shared)
    assert (answer.status_code, answer.text) == (400, dialect.wording.which_partition)


@pytest.mark.parametrize(("dialect", "method"), INSIDE, ids=_name)
def test_a_partition_that_is_not_there_is_nothing(archive: Stored, dialect: Dialect, method: Method) -> None:
    if method.kind is Kind.STORE:
        return
    answer = archive.ask(dialect, method, "nowhere", archive.shared)
    assert (answer.status_code, answer.text) == SAID.get(dialect.name, AZURE_SAYS)
    if dialect.version is not None:
        assert answer.headers["api-supported-versions"]


@pytest.mark.parametrize(("dialect", "method"), SHARED, ids=_name)
def test_what_is_of_all_partitions_is_in_none(archive: Stored, dialect: Dialect, method: Method) -> None:
    path = re.sub(r"\{[\w:]+\}", "1", method.path)
    if path != "/":
        answer = archive.http.request(method.verb, f"{dialect.root}/partitions/{MINE}{path}")
        assert answer.status_code == 404


@pytest.mark.parametrize("name", ["a" * 65, "a b", "ä", "a%2Bb", "a:b", "%2E%2E", "%2e"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("dialect", ALL, ids=_name)
def test_names_have_a_rule(archive: Stored, dialect: Dialect, method: str, name: str) -> None:
    url = f"{dialect.root}/partitions/{name}/studies"
    answer = archive.http.request(method, url, content=data.file(), headers={**JSON, **DICOM})
    assert (answer.status_code, answer.text) == (400, dialect.wording.partition_name)


def test_the_words_of_the_azure_service() -> None:
    said = V2.wording
    assert said.which_partition == "PartitionName value is missing in the route segment."
    assert said.no_partition == "Specified PartitionName does not exist."
    assert said.partition_name == "The specified PartitionName is invalid. "
    assert said.partitions_off == "Data partitions feature is disabled."


@pytest.mark.parametrize("dialect", ALL, ids=_name)
def test_they_are_listed(archive: Stored, dialect: Dialect) -> None:
    listed = archive.http.get(f"{dialect.root}/partitions").json()
    assert [(one["partitionKey"], one["partitionName"]) for one in listed][:3] == [
        (1, "Microsoft.Default"),
        (2, MINE),
        (3, THEIRS),
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", one["createdDate"]) for one in listed)


@pytest.mark.parametrize(("content", "status"), [(b"no file", 409), (b"", 409)])
def test_a_store_of_nothing_makes_no_partition(archive: Stored, content: bytes, status: int) -> None:
    answer = archive.http.post("/v2/partitions/void/studies", content=content, headers={**JSON, **DICOM})
    assert answer.status_code == status
    answer = archive.http.post("/v2/partitions/void/studies", content=content, headers={**JSON, "Content-Type": "x/y"})
    assert answer.status_code == 415
    assert archive.http.get("/v2/partitions/void/studies", headers=JSON).status_code == 400


def test_several_first_stores_make_one_partition(archive: Stored) -> None:
    files = [data.file() for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda file: store(archive.http, "/v2/partitions/rush", file), files))
    assert {answer.status_code for answer in answers} == {200}
    assert len(archive.uids("rush")) == 12
    names = [one["partitionName"] for one in archive.http.get("/v2/partitions").json()]
    assert names.count("rush") == 1


@pytest.mark.parametrize("dialect", AZURE, ids=_name)
def test_azure_ignores_the_case_of_the_word_but_not_of_the_name(archive: Stored, dialect: Dialect) -> None:
    root = dialect.root.upper()
    assert len(archive.http.get(f"{root}/Partitions/{THEIRS}/STUDIES", headers=JSON).json()) == 1
    assert archive.http.get(f"{root}/partitions/{THEIRS.upper()}/studies", headers=JSON).status_code == 400


def test_the_change_feed_is_of_all_and_names_them(archive: Stored) -> None:
    entries = archive.http.get("/dicomweb/changefeed?limit=5").json()
    assert {one["partitionName"] for one in entries} == {MINE, THEIRS}
    for one in entries:
        uri = one["metadata"]["7FE00010"]["BulkDataURI"]
        assert f"/dicomweb/partitions/{one['partitionName']}{_path(one)}/bulkdata/7FE00010" in uri
        assert archive.http.get(uri, headers={"Accept": "*/*"}).status_code == 200


def _path(entry: dict[str, str]) -> str:
    return Resource(entry["studyInstanceUid"], entry["seriesInstanceUid"], entry["sopInstanceUid"]).path


def test_the_errors_of_a_query_tag_are_of_all_and_name_them(archive: Stored) -> None:
    with disable_value_validation():
        wrong = data.file(_image("Epsilon", 6, PatientAge="34"))
    for partition in ("Errors.1", "Errors.2"):
        assert store(archive.http, f"/dicomweb/partitions/{partition}", wrong).status_code in {200, 202}
    started = archive.http.post("/v2/extendedquerytags", json=[{"path": "PatientAge", "level": "study"}])
    service.wait_until(lambda: archive.http.get(started.headers["Location"]).status_code == 200)
    for dialect in ALL:
        found = archive.http.get(f"{dialect.root}/extendedquerytags/PatientAge/errors").json()
        assert [one["partitionName"] for one in found] == ["Errors.1", "Errors.2"]
    assert archive.http.delete("/v2/extendedquerytags/PatientAge").status_code == 204


def test_pages_stay_in_their_partition(archive: Stored) -> None:
    base = f"/dicomweb/partitions/{MINE}"
    answer = archive.http.get(f"{base}/instances?limit=1", headers=JSON)
    link = answer.links["next"]["url"]
    assert f"{base}/instances?" in link
    assert archive.http.get(link, headers=JSON).status_code == 200
    assert archive.http.get(link.replace(MINE, THEIRS), headers=JSON).status_code == 400


def test_urls_in_metadata_and_answers_lead_into_the_partition(archive: Stored) -> None:
    base = f"/dicomweb/partitions/{THEIRS}"
    [study] = archive.http.get(f"{base}/studies?includefield=RetrieveURL", headers=JSON).json()
    url = study["00081190"]["Value"][0]
    assert f"{base}/studies/" in url
    [metadata] = archive.http.get(f"{url}/metadata", headers=JSON).json()
    assert f"{base}/studies/" in metadata["7FE00010"]["BulkDataURI"]
    part = archive.http.get(url, headers={"Accept": "application/dicom; transfer-syntax=*"})
    assert f"{base}/studies/" in part.headers["Content-Location"]


def test_a_partition_is_a_base_url_of_its_own(archive: Stored) -> None:
    """PS3.18 §8.9: its Capabilities are described, and no other's."""
    base = f"/dicomweb/partitions/{MINE}"
    answer = archive.http.options(base, headers={"Accept": "application/json"})
    [resources] = answer.json()["application"]["resources"]
    assert resources["base"].endswith(base)
    assert {one["path"] for one in resources["resource"]} == {
        "studies", "series", "instances", "patients", "wado", "export", "import",
    }  # fmt: skip
    whole = archive.http.options("/dicomweb", headers={"Accept": "application/json"}).json()
    top = {one["path"] for one in whole["application"]["resources"][0]["resource"]}
    assert {"partitions", "changefeed", "operations"} <= top
    assert "studies" not in top


def test_openapi_has_the_paths_as_they_are(archive: Stored) -> None:
    paths = archive.http.get("/openapi.json").json()["paths"]
    assert "/v2/partitions/{partition}/studies/{study}" in paths
    assert "/v2/studies/{study}" not in paths
    assert {"/v2/partitions", "/v2/changefeed"} <= paths.keys()
