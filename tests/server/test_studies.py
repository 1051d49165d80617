"""The Studies Service in process: what depends on settings, on failing parts, and what no other test asks for."""

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as some
from starlette.testclient import TestClient

from filmroom.archive import Archive
from filmroom.dicom import attributes, part10, search_attributes
from filmroom.index.instances import fetch_expired
from filmroom.protocol.expiry import TIME, fields
from filmroom.server.app import create
from filmroom.server.errors import INTERNAL
from filmroom.settings import Settings
from tests import data
from tests.messages import DICOM, JSON, encoded, failures, parts, related, sent, store, stored, values

ROOT = "/dicomweb"
STORED = {"Accept": "application/dicom; transfer-syntax=*"}
LARGE = 1600  # rows and columns of an image that goes through the spool


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path / "data", codec_processes=1, part_limit=6_000_000, public_url="https://pacs.example/x/"
    )


# --- Studies that expire


@pytest.mark.parametrize("root", ["/v1", "/v2", "/dicomweb"])
@pytest.mark.parametrize("verb", ["POST", "PUT"])
def test_a_store_says_when_its_study_expires(http: TestClient, settings: Settings, root: str, verb: str) -> None:
    made = sent()
    answer = http.request(verb, f"{root}{made.study}", content=made.content, headers=DICOM | JSON | fields(60))
    assert answer.status_code == 200
    with closing(Archive.open(settings)) as archive, archive.index.read() as tx:
        assert len(fetch_expired(tx, time.time() + 61, 9)) == 1
        assert fetch_expired(tx, time.time() + 30, 9) == []


def test_a_bad_time_is_400_and_nothing_is_stored(http: TestClient) -> None:
    made = sent()
    answer = http.post(f"{ROOT}/studies", content=made.content, headers=DICOM | JSON | {TIME: "30d"})
    assert (answer.status_code, "whole number of milliseconds" in answer.text) == (400, True)
    assert http.get(f"{ROOT}{made.study}/metadata").status_code == 404


# --- Limits and URLs


def test_a_part_above_the_limit_is_413(http: TestClient) -> None:
    content = data.file(data.image(rows=2048, columns=2048))
    for body, headers in (
        (content, DICOM),
        (b"--frontier\r\nContent-Type: application/dicom\r\n\r\n" + content, related()),
    ):
        answer = http.post(f"{ROOT}/studies", content=body, headers=headers)
        assert (answer.status_code, answer.text) == (413, "The request exceeded the allowed limit of 6000000 bytes.")


def test_the_public_url_is_in_all_urls(http: TestClient) -> None:
    made, base = sent(data.image()), "https://pacs.example/x/dicomweb"
    answer = store(http, ROOT, made.content)
    assert values(answer.json()["00081199"]["Value"][0], "00081190") == [base + made.instance]
    (match,) = http.get(f"{ROOT}/studies").json()
    (metadata,) = http.get(f"{ROOT}{made.study}/metadata").json()
    (part,) = parts(http.get(ROOT + made.study))
    assert values(match, "00081190") == [base + made.study]
    assert metadata["7FE00010"]["BulkDataURI"] == f"{base}{made.instance}/bulkdata/7FE00010"
    assert part.headers["Content-Location"] == base + made.instance


# --- Long bodies


def test_head_of_a_long_body_has_its_length(http: TestClient) -> None:
    made = sent(data.image(rows=LARGE, columns=LARGE))
    store(http, ROOT, made.content)
    head = http.head(ROOT + made.instance, headers=STORED)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(made.content))


@pytest.mark.parametrize("count", [1, 3])
def test_long_bodies_have_their_length(http: TestClient, count: int) -> None:
    study = data.uid()
    made = [sent(data.image(rows=LARGE, columns=LARGE, StudyInstanceUID=study)) for _ in range(count)]
    assert stored(store(http, ROOT, *(one.content for one in made)))
    answer = http.get(f"{ROOT}/studies/{study}")
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert sorted(part.content for part in parts(answer)) == sorted(one.content for one in made)


def test_the_metadata_of_a_long_study_is_one_array(http: TestClient) -> None:
    study = data.uid()
    store(http, ROOT, *(data.file(data.dataset(StudyInstanceUID=study, ImageComments="x" * 9000)) for _ in range(150)))
    answer = http.get(f"{ROOT}/studies/{study}/metadata")
    assert len(answer.content) > 1 << 20
    assert len(answer.json()) == 150


def test_known_metadata_is_304_in_each_dialect(http: TestClient) -> None:
    made = sent()
    store(http, ROOT, made.content)
    for root in (ROOT, "/v2"):
        path = f"{root}{made.study}/metadata"
        tag = http.get(path, headers=JSON).headers["ETag"]
        answer = http.get(path, headers={**JSON, "If-None-Match": tag})
        assert (answer.status_code, answer.headers.get("ETag")) == (304, tag if root == ROOT else None)
        assert http.get(path, headers={**JSON, "If-None-Match": '"0-0"'}).status_code == 200


@pytest.mark.parametrize("known", ["*", "{tag}, other", '"{tag}"', 'W/"{tag}"'])
def test_azure_compares_etags_as_plain_text(http: TestClient, known: str) -> None:
    made = sent()
    store(http, ROOT, made.content)
    path = f"{made.study}/metadata"
    tag = http.get(f"/v2{path}", headers=JSON).headers["ETag"]
    for root, status in (("/v2", 200), (ROOT, 304)):
        answer = http.get(root + path, headers={**JSON, "If-None-Match": known.format(tag=tag)})
        assert answer.status_code == status


def test_delete_and_no_parts(http: TestClient) -> None:
    made = sent()
    assert store(http, ROOT).status_code == 204
    store(http, ROOT, made.content)
    assert [http.delete(ROOT + made.study).status_code for _ in range(2)] == [204, 404]


BROKEN = encoded(b"no codestream", syntax="1.2.840.10008.1.2.4.90")


def test_what_cannot_be_decoded_is_sent_as_stored_and_says_so(http: TestClient) -> None:
    store(http, ROOT, BROKEN.content, data.file(data.image(StudyInstanceUID=BROKEN.dataset.StudyInstanceUID)))
    (broken, good) = parts(
        http.get(ROOT + BROKEN.study, headers={"Accept": 'multipart/related; type="application/dicom"'})
    )
    assert broken.headers["Content-Type"] == "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90"
    assert broken.content == BROKEN.content
    assert good.headers["Content-Type"] == "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"
    answer = http.get(ROOT + BROKEN.instance, headers={"Accept": "application/dicom"})
    assert (answer.headers["Content-Type"], answer.content) == (broken.headers["Content-Type"], BROKEN.content)
    for accept in ("*/*", "application/octet-stream"):
        answer = http.get(f"{ROOT}{BROKEN.instance}/frames/1", headers={"Accept": accept})
        assert b"no codestream" in answer.content
        assert b"transfer-syntax=1.2.840.10008.1.2.4.90" in answer.content + answer.headers["Content-Type"].encode()


def test_an_answer_that_breaks_off_is_logged_with_its_reason(
    http: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    large = sent(data.image(rows=LARGE, columns=LARGE, StudyInstanceUID=BROKEN.dataset.StudyInstanceUID))
    store(http, ROOT, large.content)
    store(http, ROOT, BROKEN.content)
    accept = 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1'
    assert len(http.get(ROOT + BROKEN.study, headers={"Accept": accept}).content) < len(large.content) + 1000
    (line,) = [line for line in capsys.readouterr().err.splitlines() if '"level": "error"' in line]
    assert ('"error": "NotAcceptable"' in line, "can't be sent as asked for" in line, "unforeseen" in line) == (
        True,
        True,
        False,
    )


# --- Search


def test_an_empty_search_of_each_dialect(http: TestClient) -> None:
    assert http.get("/v2/studies", headers=JSON).status_code == 204
    answer = http.get(f"{ROOT}/studies")
    assert (answer.status_code, answer.content) == (200, b"[]")


def test_several_warnings_in_one_header(http: TestClient) -> None:
    answer = http.get(f"{ROOT}/studies?Nonsense=1&Rows=2")
    assert answer.headers["Warning"].count('299 127.0.0.1: "') == 2


# --- The disk is full


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets a function of `os` say from here on that there is no space left."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return lambda function: monkeypatch.setattr(os, function, fail)


@pytest.mark.parametrize("root", [ROOT, "/v1", "/v2"])
@pytest.mark.parametrize(("function", "side"), [("fsync", 8), ("fsync", LARGE), ("rename", LARGE)])
def test_a_full_disk_is_503_and_nothing_is_stored(
    http: TestClient,
    settings: Settings,
    full_disk: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    root: str,
    function: str,
    side: int,
) -> None:
    made = sent(data.image(rows=side, columns=side))
    full_disk(function)
    answer = store(http, root, made.content)
    monkeypatch.undo()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "the disk is full" in answer.text
    assert http.get(f"{root}{made.study}/metadata", headers=JSON).status_code == 404
    assert not [path for path in settings.data.rglob("*/*") if path.is_file()]
    assert store(http, root, made.content).status_code == 200
    assert failures(store(http, "/v2", made.content)) == [45070]


def test_a_lost_file_is_500_and_nobody_is_told_to_try_again(http: TestClient, settings: Settings) -> None:
    made = sent(data.image())
    store(http, ROOT, made.content)
    for blob in (settings.data / "blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    for path in (made.study, made.instance, f"{made.instance}/frames/1", f"{made.instance}/bulkdata/7FE00010"):
        answer = http.get(ROOT + path)
        assert (answer.status_code, "missing from the blob store" in answer.text) == (500, True)
        assert "Retry-After" not in answer.headers
    answer = http.get(f"/v2{made.instance}", headers=STORED)
    assert (answer.status_code, answer.text, "Retry-After" in answer.headers) == (500, INTERNAL, False)
    assert http.get(f"{ROOT}{made.study}/metadata").status_code == 200


# --- Whatever comes, the answer is below 500


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client for many examples on one archive."""
    settings = Settings(data=tmp_path_factory.mktemp("lasting"), codec_processes=1)
    with TestClient(create(settings), raise_server_exceptions=False, base_url="http://127.0.0.1:8080") as client:
        client.headers.clear()
        yield client


FILES = [
    data.file(data.image(frames=2)),
    data.file(data.image(frames=2), "1.2.840.10008.1.2"),
    data.file(data.image(frames=2), "1.2.840.10008.1.2.2"),
    data.file(data.image(), "1.2.840.10008.1.2.1.99"),
    encoded(b"first!", b"second").content,
]
CHANGES = some.tuples(some.integers(0, 2000), some.integers(0, 6), some.binary(max_size=6))  # place, removed, put there


@examples(max_examples=120)
@given(some.sampled_from(FILES), some.lists(CHANGES, max_size=5))
@example(FILES[0], [(134, 4, b"")])
@example(FILES[3], [(134, 4, b"")])
def test_a_damaged_file_is_refused_or_can_be_read(
    lasting: TestClient, content: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    for place, removed, put in changes:
        content = content[:place] + put + content[place + removed :]
    answer = lasting.put(f"{ROOT}/studies", content=content, headers=DICOM)
    assert answer.status_code in {200, 202, 409}
    for item in values(answer.json(), "00081199"):
        path = values(item, "00081190")[0].partition(ROOT)[2]
        sent_again = lasting.get(ROOT + path, headers=STORED).content
        # Without file meta information, or with none that can be read as that, a file is completed (PS3.10 §7.1).
        assert sent_again == content or (part10.read(sent_again).complete and not part10.read(content).complete)
        assert len(lasting.get(f"{ROOT}{path}/metadata").json()) == len(
            lasting.get(f"/v2{path}/metadata", headers=JSON).json()
        )
        for resource in ("frames/1", "frames/2", "bulkdata/7FE00010"):
            assert lasting.get(f"{ROOT}{path}/{resource}").status_code in {200, 404, 406}


NAMES = [
    *map(attributes.key, search_attributes.MATCHING_KEYS),
    "limit",
    "offset",
    "includefield",
    "fuzzymatching",
    "x.y",
]
VALUES = (
    some.text(max_size=9)
    | some.text("-*?%_^=\\,.0129\0 ", max_size=18)
    | some.sampled_from(["all", "true", "20240229"])
)


@examples(max_examples=150)
@given(some.sampled_from(["/v1", "/v2", ROOT]), some.lists(some.tuples(some.sampled_from(NAMES), VALUES), max_size=4))
def test_no_query_is_an_error_of_the_server(lasting: TestClient, root: str, query: list[tuple[str, str]]) -> None:
    for resource in ("studies", "instances"):
        answer = lasting.get(f"{root}/{resource}?{urlencode(query)}", headers=JSON)
        assert answer.status_code in {200, 204, 400}
