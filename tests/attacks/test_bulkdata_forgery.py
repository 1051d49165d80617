"""Nobody makes the service, or its client, say or fetch a BulkDataURI that it did not make."""

import httpx2

from tests import data
from tests.messages import BOUNDARY, body, sent, store

EVIL = "http://evil.example/steal"


def test_metadata_with_uris_are_not_stored(http: httpx2.Client) -> None:
    metadata = b'[{"7FE00010":{"vr":"OW","BulkDataURI":"http://evil.example/steal"}}]'
    related = {"Content-Type": f'multipart/related; type="application/dicom+json"; boundary={BOUNDARY}'}
    for root in ("/dicomweb", "/v2"):
        content = body(metadata, head="Content-Type: application/dicom+json")
        assert http.post(f"{root}/studies", content=content, headers=related).status_code == 415


def test_every_uri_in_metadata_is_the_services_own(http: httpx2.Client) -> None:
    made = sent(data.image(RetrieveURL=EVIL, RetrieveURI=EVIL, StudyDescription='","BulkDataURI":"' + EVIL))
    made.dataset.add_new(0x00091010, "OB", b"\0" * 5000)
    assert store(http, "/dicomweb", data.file(made.dataset)).status_code == 200

    def uris(value: object) -> list[str]:
        if isinstance(value, list):
            return [uri for one in value for uri in uris(one)]
        if isinstance(value, dict):
            own = [value["BulkDataURI"]] if "BulkDataURI" in value else []
            return own + [uri for one in value.values() for uri in uris(one)]
        return []

    metadata = http.get(f"/dicomweb{made.instance}/metadata", headers={"Accept": "application/dicom+json"}).json()
    found = uris(metadata)
    assert found
    assert all(uri.startswith(f"{http.base_url}/dicomweb/studies/".replace("//dicomweb", "/dicomweb")) for uri in found)
    match = http.get("/dicomweb/instances", params={"SOPInstanceUID": made.dataset.SOPInstanceUID}).json()[0]
    assert "evil" not in str(match.get("00081190"))
