"""What is unpacked from a ZIP archive, or saved by the client, lies where it was said."""

import io
import warnings
import zipfile
from pathlib import PurePosixPath

import httpx2
import pytest

from tests import data
from tests.messages import sent, store


@pytest.mark.parametrize("uid", ["1..2", "..1", "...9", "1.2" + "." * 40 + "3"])
def test_names_in_an_archive(http: httpx2.Client, uid: str) -> None:
    warnings.simplefilter("ignore")  # of pydicom, at what no UID is
    made = sent(data.image(SeriesInstanceUID=uid, PatientID="../../../etc/passwd", PatientName="..\\..\\evil"))
    store(http, "/v2", made.content)  # which is less strict
    for dicomdir in ("true", "false"):
        answer = http.get(f"/dicomweb{made.study}?dicomdir={dicomdir}", headers={"Accept": "application/zip"})
        if answer.status_code == 404:
            continue  # such a UID is refused
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            for name in archive.namelist():
                assert not name.startswith("/")
                assert "\\" not in name
                assert ".." not in PurePosixPath(name).parts
        assert "/" not in answer.headers["Content-Disposition"]
