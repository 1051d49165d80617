"""Fuzzing searches: parameters, keys, cursors and pages, down to the statement that the index runs."""

import tempfile
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl

from filmroom.archive import Archive
from filmroom.dicom.resources import Level, Resource
from filmroom.errors import Error
from filmroom.protocol import dialects, queries
from filmroom.server import matches
from filmroom.services import search, store
from filmroom.services.examination import part
from filmroom.settings import Settings
from tests import data

SECRET = b"secret"
WORDS = (
    "PatientName=", "PatientID=", "StudyDate=", "StudyTime=", "ModalitiesInStudy=", "StudyInstanceUID=", "00080020=",
    "00101010=", "RequestAttributesSequence.ScheduledProcedureStepID=", "includefield=", "fuzzymatching=true",
    "emptyvaluematching=true", "multiplevaluematching=true", "TimezoneOffsetFromUTC=%2B0100", "orderby=-StudyDate",
    "cursor=", "count=true", "limit=", "offset=", "*", "?", "%5C", '""', "-", "20240101-20241231", "%00", "%FF",
    "NumberOfStudyRelatedInstances=", "SeriesNumber=", "PatientBirthDate=", "%F0%9F%98%80", "&",
)  # fmt: skip


@cache
def _archive() -> Archive:
    """A few Instances to search."""
    folder = tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True)
    archive = Archive.open(Settings(data=Path(folder.name), codec_processes=1, threads=4))
    kept.append(folder)
    made = [data.dataset(PatientName=name, SeriesNumber=n) for n, name in enumerate(("Anony^Mous", "Üb^Ä=山田", "x"))]
    store.store(archive, dialects.DICOMWEB, Resource(), [part(data.file(one)) for one in made], replace=False)
    return archive


kept: list[tempfile.TemporaryDirectory[str]] = []  # until the process ends


def check(content: bytes) -> None:
    """The first byte chooses dialect, level and scope; the rest is the query of a URL."""
    archive, choice = _archive(), content[0] if content else 0
    parameters = parse_qsl(content[1:].decode("latin-1"), keep_blank_values=True)
    dialect, level = dialects.ALL[choice % 4], tuple(Level)[choice // 4 % 3]
    scope = Resource("1.2.3") if choice & 16 and level is not Level.STUDY else Resource()
    patients = bool(choice & 32) and level is Level.STUDY and dialect is dialects.DICOMWEB
    with suppress(Error):
        query, _ = queries.parse(dialect, level, scope, parameters, secret=SECRET, patients=patients)
        if patients:
            found = search.search_patients(archive, dialect, query)
        else:
            found = search.search(archive, dialect, query, "http://x")
        list(found.matches)
        search.erroneous(archive, query)
        if dialect.paging:
            matches.page_headers(query, found, SECRET, "http://x/studies", parameters)
            matches.page_warnings(query, found)


def seeds() -> Iterable[bytes]:
    """Searches of every dialect and level."""
    asked = (
        b"PatientName=Anony*&fuzzymatching=true&limit=2&offset=1&includefield=all",
        b"StudyDate=20240101-20241231&StudyTime=-1200&ModalitiesInStudy=OT%5CCT&PatientID=%22%22",
        b"StudyInstanceUID=1.2,1.3&00100020=ID1&includefield=00081032.CodeValue,0010xxxx&orderby=-StudyDate,PatientName",
        b"RequestAttributesSequence.ScheduledProcedureStepID=1&SeriesNumber=1&count=true&TimezoneOffsetFromUTC=%2B0100",
        b"emptyvaluematching=true&multiplevaluematching=true&PatientName=&NumberOfStudyRelatedInstances=1",
    )
    for choice in (*range(12), 3 + 32, 7 + 16):
        for one in asked:
            yield bytes([choice]) + one
