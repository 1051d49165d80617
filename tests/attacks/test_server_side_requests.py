"""The service calls no address that a request names: only places of its settings (tests/places/test_urls.py).

That the client follows no redirect to another server with its token: tests/client/test_redirects.py.
"""

import httpx2
import pytest

URLS = [
    "http://169.254.169.254/latest/meta-data/",
    "http://localhost:1/",
    "https://127.0.0.1/",
    "file:///etc",
    "file://evil.example/etc",
    "s3://other-bucket/x",
    "az://other/x",
    "gs://other/x",
    "ftp://evil.example/",
    "gopher://127.0.0.1:25/",
    "//evil.example/",
    "http://[::1]/",
]


@pytest.mark.parametrize("url", URLS)
def test_places_that_the_settings_do_not_name(http: httpx2.Client, url: str) -> None:
    source = {"type": "identifiers", "settings": {"values": ["1.2"]}}
    for kind, where in (("file", {"url": url}), ("azureblob", {"blobContainerUri": url}), ("s3", {"url": url})):
        place = {"type": kind, "settings": where}
        assert http.post("/v2/export", json={"source": source, "destination": place}).status_code in {400, 403, 404}
        assert http.post("/dicomweb/import", json={"source": place}).status_code in {400, 403, 404}
