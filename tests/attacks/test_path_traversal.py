"""A path never leads out of what it names: not in URLs, not in names of partitions, operations and places."""

import httpx2
import pytest

from tests.attacks.conftest import Target, status

UP = [b"..", b"%2e%2e", b"..%2f..%2f..%2fetc%2fpasswd", b"..%5c..%5cetc", b"%252e%252e%252f", b"%00", b"%c0%ae%c0%ae"]
PATHS = [
    b"/dicomweb/studies/%b",
    b"/dicomweb/studies/1.2/series/%b/metadata",
    b"/dicomweb/studies/1.2/series/1.3/instances/1.4/bulkdata/%b",
    b"/dicomweb/studies/1.2/series/1.3/instances/1.4/frames/%b",
    b"/dicomweb/partitions/%b/studies",
    b"/dicomweb/operations/%b",
    b"/v2/operations/%b",
    b"/v2/extendedquerytags/%b",
    b"/%b/etc/passwd",
]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out(target: Target, path: bytes) -> None:
    for up in UP:
        answer = target.get(path % up)
        assert status(answer) in {400, 404}, (up, answer[:100])
        assert b"root:" not in answer


@pytest.mark.parametrize("end", ["/../outside", "/%2e%2e/outside", "/..", "-beside", "/a/../../outside"])
def test_places_of_exports_and_imports_do_not(target: Target, http: httpx2.Client, end: str) -> None:
    url = target.place.as_uri() + end
    where = {"type": "file", "settings": {"url": url}}
    source = {"type": "identifiers", "settings": {"values": ["1.2"]}}
    assert http.post("/v2/export", json={"source": source, "destination": where}).status_code in {400, 403, 404}
    assert http.post("/dicomweb/import", json={"source": where}).status_code in {400, 403, 404}
