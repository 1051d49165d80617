"""What both clients say of their service: in errors, in warnings, and when they are shown."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from filmroom import AsyncClient, Client, ConnectionFailed, NotFound, ServiceWarning
from tests import data
from tests.client import recorder
from tests.client.recorder import Recorder, Reply

S = "1.2.3"


def test_a_client_shows_its_service_and_no_password(connect: Any) -> None:
    client = connect("http://user:secret@127.0.0.1:9/dicomweb", retries=0)
    shown = repr(getattr(client, "client", client))
    assert shown in {"<Client: http://127.0.0.1:9/dicomweb>", "<AsyncClient: http://127.0.0.1:9/dicomweb>"}
    with pytest.raises(ConnectionFailed, match="The connection to http://127.0.0.1:9/dicomweb failed") as raised:
        client.search_for_studies()
    assert raised.value.service == "http://127.0.0.1:9/dicomweb"


def test_errors_of_a_service_say_which_it_is(client: Any, service: Recorder) -> None:
    service.replies = [Reply(404, {}, b"Nothing.")]
    for ask in (
        client.search_for_studies,
        lambda: client.retrieve_instance(S, "1", "2"),
        lambda: client.store_instances(b"x"),
    ):
        with pytest.raises(NotFound) as raised:
            ask()
        assert raised.value.service == service.url
        assert raised.value.__notes__ == [f"The service is {service.url}"]


def test_a_url_that_goes_too_far_is_refused() -> None:
    with pytest.raises(ValueError, match="ends before /studies: is http://127.0.0.1/dicomweb meant"):
        Client("http://127.0.0.1/dicomweb/studies/")


def test_dates_of_python_are_written_as_dicom_writes_them(client: Any, service: Recorder) -> None:
    service.replies = [recorder.json([])]
    moment = datetime(2026, 1, 31, 14, 30, 5)
    filters = {
        "StudyDate": moment.date(),
        "ContentDate": moment,
        "StudyTime": moment.time(),
        "PatientBirthTime": moment,
    }
    client.search_for_studies(search_filters=filters | {"AcquisitionDateTime": [moment], "0040A13A": moment})
    assert service.targets == [
        "/studies?StudyDate=20260131&ContentDate=20260131&StudyTime=143005&PatientBirthTime=143005"
        "&AcquisitionDateTime=20260131143005&0040A13A=20260131143005"
    ]


def test_a_warning_points_to_the_line_that_asked(service: Recorder, tmp_path: Path) -> None:
    service.replies = [recorder.multipart([data.file()], Warning='299 host: "Only half."')]
    with Client(service.url) as client:
        with pytest.warns(ServiceWarning) as download:
            client.download(S, folder=tmp_path)
        service.replies = [recorder.json([], Warning='299 host: "Only half."')]
        with pytest.warns(ServiceWarning) as search:
            client.search_for_studies()
    assert (download[0].filename, search[0].filename) == (__file__, __file__)


def test_a_warning_points_to_the_coroutine_that_asked(service: Recorder) -> None:
    async def ask() -> None:
        async with AsyncClient(service.url) as client:
            await client.search_for_studies()

    service.replies = [recorder.json([], Warning='299 host: "Only half."')]
    with pytest.warns(ServiceWarning) as caught:
        asyncio.run(ask())
    assert caught[0].filename == __file__


def test_a_spool_shows_its_size(client: Any, service: Recorder) -> None:
    file = data.file()
    service.replies = [recorder.multipart([file])]
    [found] = list(client.iter_files(S))
    assert repr(found) == f"<Spool: {len(file):,} bytes>"
    assert found.read() == file
