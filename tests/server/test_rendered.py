"""Rendered answers that do not fit one batch are streamed, with their length."""

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests import data
from tests.messages import parts, sent, store

ROOT = "/dicomweb"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_large_document_is_streamed_with_its_length(http: TestClient, method: str) -> None:
    content = b"%PDF-1.7" + bytes(3 << 20)
    made = data.dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1")
    made.add_new(0x00420011, "OB", content)
    whole = sent(made)
    store(http, ROOT, whole.content)
    answer = http.request(method, f"{ROOT}{whole.instance}/rendered")
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.content == (content if method == "GET" else b"")


def test_large_images_are_streamed_in_parts(http: TestClient) -> None:
    made = data.image(frames=3, rows=1024, columns=1024, bits=8)
    made.PixelData = np.random.default_rng(1).bytes(3 << 20)
    whole = sent(made)
    store(http, ROOT, whole.content)
    path = f"{ROOT}{whole.instance}/frames/1,2,3/rendered"
    answer = http.get(path, headers={"Accept": "image/png"})
    assert [len(part.content) > 1 << 20 for part in parts(answer)] == [True] * 3
    assert http.head(path, headers={"Accept": "image/png"}).content == b""


def test_any_version_will_do_for_who_has_one(http: TestClient) -> None:
    whole = sent(data.image())
    store(http, ROOT, whole.content)
    path = f"{ROOT}{whole.instance}/rendered"
    tag = http.get(path).headers["ETag"]
    for known, status in (("*", 304), (f'"other", W/{tag}', 304), ('"other"', 200)):
        assert http.get(path, headers={"If-None-Match": known}).status_code == status


def test_a_message_of_several_parts_has_a_weak_etag(http: TestClient) -> None:
    whole = sent(data.image(frames=2))
    store(http, ROOT, whole.content)
    assert http.get(f"{ROOT}{whole.instance}/frames/1,2/rendered").headers["ETag"].startswith('W/"')
    assert http.get(f"{ROOT}{whole.instance}/frames/1/rendered").headers["ETag"].startswith('"')


@pytest.mark.parametrize("path", ["/thumbnail", "/frames/1/thumbnail"])
def test_a_thumbnail_of_one_instance_is_dated(http: TestClient, path: str) -> None:
    whole = sent(data.image())
    store(http, ROOT, whole.content)
    modified = http.get(ROOT + whole.instance + path).headers["Last-Modified"]
    again = http.get(ROOT + whole.instance + path, headers={"If-Modified-Since": modified})
    assert again.status_code == 304
    assert "Last-Modified" not in http.get(f"{ROOT}{whole.study}/thumbnail").headers
