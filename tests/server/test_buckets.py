"""Exports to buckets and imports from them, over HTTP: real stores on loopback; the worker runs here, in the test."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import obstore
import pytest
from pydicom.dataset import Dataset
from starlette.testclient import TestClient

from filmroom.archive import Archive
from filmroom.blobs import buckets
from filmroom.server.app import create
from filmroom.services import exports
from filmroom.services.operations import Worker
from filmroom.settings import Settings
from tests import data
from tests.blobs import servers
from tests.blobs.test_objects import RawAzure, RawS3, azure
from tests.conftest import Elsewhere
from tests.messages import store
from tests.places.conftest import refusing
from tests.places.store import Store
from tests.services.test_operations import set_lease

__all__ = ["azure", "refusing"]  # fixtures
JSON = {"Accept": "application/json"}


class Service:
    """A service over HTTP, and the archive that its worker has."""

    def __init__(self, http: TestClient, archive: Archive) -> None:
        self.http, self.archive = http, archive

    def stored(self, count: int = 3) -> dict[str, bytes]:
        """What was stored, by the names that exports give."""
        made = [data.dataset() for _ in range(count)]
        for one in made:
            assert store(self.http, "/dicomweb", data.file(one)).status_code == 200
        return {name(one): data.file(one) for one in made}

    def start(self, path: str, body: Any) -> str:
        answer = self.http.post(path, json=body)
        assert answer.status_code == 202, answer.text
        return str(answer.headers["Location"])

    def run(self) -> str:
        ran = Worker(self.archive, "worker").run_next()
        assert ran is not None
        return str(ran.outcome)

    def results(self, started: str) -> Any:
        return self.http.get(started).json()["results"]


Serving = Callable[..., Service]


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    with ExitStack() as stack:

        def begin(**given: Any) -> Service:
            settings = Settings(data=tmp_path / "data", codec_processes=1, **given)
            http = stack.enter_context(TestClient(create(settings), base_url="http://127.0.0.1:8080"))
            archive = Archive.open(settings)
            stack.callback(archive.close)
            return Service(http, archive)

        yield begin


def name(made: Dataset) -> str:
    return f"results/{made.StudyInstanceUID}/{made.SeriesInstanceUID}/{made.SOPInstanceUID}.dcm"


def digests(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def container(raw: RawAzure) -> str:
    return raw.url.split("/")[2]


def blobs(raw: RawAzure, started: str) -> dict[str, bytes]:
    """What an export has written, looked at without the code under test."""
    found = {one["path"]: one for page in obstore.list(raw.raw) for one in page}
    ours = started.rpartition("/")[2] + "/"
    return {path.removeprefix(ours): bytes(obstore.get(raw.raw, path).bytes()) for path in found if ours in path}


def connection(endpoint: str) -> str:
    return (
        f"DefaultEndpointsProtocol=http;AccountName={servers.ACCOUNT};AccountKey={servers.ACCOUNT_KEY};"
        f"BlobEndpoint={endpoint};"
    )


def to_azure(values: list[str] | None = None, **settings: Any) -> dict[str, Any]:
    """As the C# client writes it."""
    given = {"blobContainerName": None, "blobContainerUri": None, "connectionString": None, "useManagedIdentity": False}
    source = {"source": {"type": "identifiers", "settings": {"values": values}}} if values else {}
    return source | {"destination": {"type": "azureBlob", "settings": given | settings}}


@pytest.mark.parametrize("form", ["connectionString", "blobContainerUri"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_export_as_the_clients_of_azure_ask_for_it(
    serving: Serving, azure: str, elsewhere: Elsewhere, form: str, kind: str
) -> None:
    raw = RawAzure(azure)
    known = {azure: {"account_key": servers.ACCOUNT_KEY}} if form == "blobContainerUri" else {}
    with elsewhere(kind) as index:
        service = serving(export_to=(azure,), places_options=known, **({"index": index} if index else {}))
        files = service.stored()
        absent = data.uid()
        values = [*(path.split("/")[1] for path in files), absent]
        settings = (
            {"connectionString": connection(azure), "blobContainerName": container(raw)}
            if form == "connectionString"
            else {"blobContainerUri": f"{azure}/{container(raw)}", "useManagedIdentity": True}
        )
        started = service.start("/v2/export", to_azure(values, **settings))
        assert service.run() == "succeeded"
        told = service.http.get(started).json()
        folder = f"{azure}/{container(raw)}/{told['operationId']}"
        assert (told["status"], told["type"]) == ("succeeded", "export")
        assert told["results"] == {"exported": 3, "skipped": 1, "errorHref": f"{folder}/errors.log"}
        written = blobs(raw, started)
        (line,) = [json.loads(line) for line in written.pop("errors.log").splitlines()]
        assert (line["identifier"], line["error"]) == (absent, "The specified study cannot be found.")
        assert digests(written) == digests(files)
        assert servers.ACCOUNT_KEY not in str(told)


def test_development_storage_is_where_azurite_listens(serving: Serving) -> None:
    service = serving(export_to=("https://acct.blob.core.windows.net",))
    body = to_azure(connectionString="UseDevelopmentStorage=true", blobContainerName="c")
    answer = service.http.post("/v2/export", json=body)
    assert (answer.status_code, "export_to" in answer.text) == (400, True)  # nobody has allowed it


@pytest.mark.parametrize("path", ["/v1/export", "/v2/export", "/dicomweb/export"])
def test_a_container_that_is_not_there(serving: Serving, azure: str, path: str) -> None:
    service = serving(export_to=(azure,))
    body = to_azure(connectionString=connection(azure), blobContainerName="no-such")
    answer = service.http.post(path, json=body)
    said = f"Azure Blob Storage container 'no-such' does not exist in account '{servers.ACCOUNT}'."
    assert (answer.status_code, said in answer.text) == (400, True)


def test_an_endpoint_of_the_clients_is_not_asked(serving: Serving, refusing: Store) -> None:
    asked: list[str] = []
    refusing.refuses = lambda method, name: asked.append(name)
    service = serving(export_to=("https://acct.blob.core.windows.net", "s3://bucket"))
    for url in (f"{refusing.endpoint}/acct", "http://acct.blob.core.windows.net"):
        body = to_azure(
            connectionString=f"AccountName=acct;AccountKey=c2VjcmV0;BlobEndpoint={url}", blobContainerName="c"
        )
        assert service.http.post("/v2/export", json=body).status_code == 400
    given = {"url": "s3://bucket", "endpoint": refusing.endpoint}
    body = {"destination": {"type": "s3", "settings": given}}
    assert service.http.post("/dicomweb/export", json=body).status_code == 400
    assert asked == []


def s3_at(url: str) -> dict[str, Any]:
    return {"type": "s3", "settings": {"url": url}}


def test_to_s3_and_back(serving: Serving, s3: str, tmp_path: Path) -> None:
    raw = RawS3(s3)
    service = serving(
        export_to=(raw.url,), import_from=(f"s3://{raw.bucket}",), places_options={f"s3://{raw.bucket}": raw.options}
    )
    files = service.stored()
    exported = service.start("/dicomweb/export", {"destination": s3_at(raw.url)})
    assert service.run() == "succeeded"
    folder = service.results(exported)["errorHref"].removesuffix("/errors.log")
    listed = raw.client.list_objects_v2(Bucket=raw.bucket)["Contents"]
    found = {one["Key"]: raw.client.get_object(Bucket=raw.bucket, Key=one["Key"])["Body"].read() for one in listed}
    prefix = folder.removeprefix(f"s3://{raw.bucket}/") + "/"
    written = {path.removeprefix(prefix): content for path, content in found.items()}
    assert (written.pop("errors.log"), digests(written)) == (b"", digests(files))
    for path in files:
        assert service.http.delete(f"/dicomweb/studies/{path.split('/')[1]}").status_code == 204
    raw.client.put_object(Bucket=raw.bucket, Key=f"{prefix}half", Body=data.file()[:300])
    imported = service.start("/dicomweb/import", {"source": s3_at(folder)})
    assert service.run() == "succeeded"
    # errors.log is empty: no file
    assert service.results(imported) == {"stored": 3, "storedAlready": 0, "failed": 1, "passedOver": 0}


@pytest.fixture
def refused(serving: Serving, refusing: Store, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A service with a bucket that refuses what it is told to; it is not asked for long."""
    monkeypatch.setitem(buckets._RETRIES, "max_retries", 1)
    monkeypatch.setattr(exports, "BATCH", 1)
    return serving(
        export_to=("s3://bucket",), import_from=("s3://bucket",), places_options={"s3://bucket": refusing.options}
    )


TO_BUCKET = {"destination": s3_at("s3://bucket")}


def test_what_a_bucket_refuses_is_told_and_the_rest_goes_on(refused: Service, refusing: Store) -> None:
    first, *others = refused.stored()
    refusing.refuses = lambda method, path: (403, "AccessDenied") if path.endswith(first) else None
    started = refused.start("/dicomweb/export", TO_BUCKET)
    assert refused.run() == "succeeded"
    results = refused.results(started)
    assert (results["exported"], results["skipped"]) == (2, 1)
    (log,) = [content for path, content in refusing.objects.items() if path.endswith("errors.log")]
    assert "the credentials do not allow it (403 AccessDenied)" in json.loads(log)["error"]
    assert {path.partition("/")[2] for path in refusing.objects} == {*others, "errors.log"}


def test_where_nothing_can_be_written_nothing_is_begun(refused: Service, refusing: Store) -> None:
    refused.stored()
    started = refused.start("/dicomweb/export", TO_BUCKET)
    asked: list[str] = []

    def refuses(method: str, path: str) -> tuple[int, str]:
        asked.append(path)
        return 403, "AccessDenied"

    refusing.refuses = refuses
    assert refused.run() == "failed"
    assert len(asked) == 1
    assert "403 AccessDenied" in refused.http.get(started).json()["error"]


def test_a_bucket_that_is_gone_is_waited_for(refused: Service, refusing: Store) -> None:
    files = refused.stored()
    started = refused.start("/dicomweb/export", TO_BUCKET)
    *_, last = files
    refusing.refuses = lambda method, path: (404, "NoSuchBucket") if path.endswith(last) else None
    assert refused.run() == "unavailable"
    assert len(refusing.objects) == 3  # two, and the log
    refusing.refuses = lambda method, path: (503, "SlowDown")
    set_lease(refused.archive, 0)
    assert refused.run() == "unavailable"
    refusing.refuses = lambda method, path: None
    set_lease(refused.archive, 0)
    assert refused.run() == "succeeded"
    assert refused.results(started)["exported"] == 3
    assert digests({path.partition("/")[2]: one for path, one in refusing.objects.items() if one}) == digests(files)


def test_an_import_from_a_bucket_that_is_gone_is_waited_for(refused: Service, refusing: Store) -> None:
    refusing.objects |= {"a": data.file(), "b": data.file(), "secret": data.file()}
    started = refused.start("/dicomweb/import", {"source": s3_at("s3://bucket")})
    refusing.refuses = lambda method, path: (404, "NoSuchBucket") if path == "b" else None
    assert refused.run() == "unavailable"
    refusing.refuses = lambda method, path: (403, "AccessDenied") if path == "secret" else None
    set_lease(refused.archive, 0)
    assert refused.run() == "succeeded"
    results = refused.results(started)
    assert (results["stored"] + results["storedAlready"], results["failed"]) == (2, 1)


def test_nobody_learns_of_the_keys(refused: Service, refusing: Store) -> None:
    refused.stored(1)
    started = refused.start("/dicomweb/export", TO_BUCKET)
    answers: list[httpx2.Response] = [refused.http.get(started), refused.http.get("/dicomweb/operations")]
    assert not [one for one in answers if "guessed" in one.text or "guessed" in repr(one.headers)]
    with refused.archive.index.read() as tx:
        kept = tx.core.exec_driver_sql("SELECT arguments FROM operation").scalars().all()
    assert kept
    assert "guessed" not in str(kept)
