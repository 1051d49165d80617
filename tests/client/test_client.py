"""What both clients send, and what they make of the answers."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydicom.dataset import Dataset

import filmroom
from filmroom import AsyncClient, BadResponse, Client, NotFound
from tests import data
from tests.client import recorder
from tests.client.recorder import Recorder, Reply

S, E, I = "1.2.3", "1.2.3.4", "1.2.3.4.5"  # noqa: E741
STUDY = {"0020000D": {"vr": "UI", "Value": [S]}, "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}}

# Method, arguments and options -> what goes out (PS3.18 §10)
DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
OCTETS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
IMAGES = 'image/jpeg, multipart/related; type="image/jpeg"'
GETS: list[tuple[str, tuple[Any, ...], dict[str, Any], str, str]] = [
    ("search_for_studies", (), {}, "/studies", recorder.JSON),
    ("search_for_series", (), {}, "/series", recorder.JSON),
    ("search_for_series", (S,), {}, f"/studies/{S}/series", recorder.JSON),
    ("search_for_instances", (), {}, "/instances", recorder.JSON),
    ("search_for_instances", (S,), {}, f"/studies/{S}/instances", recorder.JSON),
    ("search_for_instances", (S, E), {}, f"/studies/{S}/series/{E}/instances", recorder.JSON),
    ("query", (f"/studies?StudyInstanceUID={S}",), {}, f"/studies?StudyInstanceUID={S}", recorder.JSON),
    ("retrieve_study_metadata", (S,), {}, f"/studies/{S}/metadata", recorder.JSON),
    ("retrieve_series_metadata", (S, E), {}, f"/studies/{S}/series/{E}/metadata", recorder.JSON),
    ("retrieve_instance_metadata", (S, E, I), {}, f"/studies/{S}/series/{E}/instances/{I}/metadata", recorder.JSON),
    ("retrieve_study", (S,), {}, f"/studies/{S}", DICOM),
    ("retrieve_series", (S, E), {}, f"/studies/{S}/series/{E}", DICOM),
    ("retrieve_instance", (S, E, I), {}, f"/studies/{S}/series/{E}/instances/{I}", DICOM),
    ("retrieve_instance_frames", (S, E, I, [1]), {}, f"/studies/{S}/series/{E}/instances/{I}/frames/1", OCTETS),
    ("retrieve_study_rendered", (S,), {}, f"/studies/{S}/rendered", IMAGES),
    ("retrieve_series_rendered", (S, E), {"quality": 9}, f"/studies/{S}/series/{E}/rendered?quality=9", IMAGES),
    ("retrieve_study_thumbnail", (S,), {}, f"/studies/{S}/thumbnail", "image/jpeg"),
    ("retrieve_series_thumbnail", (S, E), {}, f"/studies/{S}/series/{E}/thumbnail", "image/jpeg"),
    (
        "retrieve_instance_thumbnail",
        (S, E, I),
        {"viewport": [64, 64], "media_types": ["image/png"]},
        f"/studies/{S}/series/{E}/instances/{I}/thumbnail?viewport=64%2C64",
        "image/png",
    ),
    (
        "retrieve_instance_frames_thumbnail",
        (S, E, I, [3]),
        {"window": (40, 400, "linear")},
        f"/studies/{S}/series/{E}/instances/{I}/frames/3/thumbnail?window=40%2C400%2Clinear",
        "image/jpeg",
    ),
    ("retrieve_instance_rendered", (S, E, I), {}, f"/studies/{S}/series/{E}/instances/{I}/rendered", "image/jpeg"),
    (
        "retrieve_instance_frames_rendered",
        (S, E, I, [2]),
        {"params": {"quality": 80, "viewport": (64, 32)}},
        f"/studies/{S}/series/{E}/instances/{I}/frames/2/rendered?quality=80&viewport=64%2C32",
        "image/jpeg",
    ),
    ("retrieve_bulkdata", ("studies/1/bulkdata/x",), {}, "/studies/1/bulkdata/x", OCTETS),
]


def _reply_for(method: str) -> Reply:
    if "metadata" in method or "search" in method or method == "query":
        return recorder.json([STUDY])
    if any(word in method for word in ("frames", "bulkdata", "rendered", "thumbnail")):
        return recorder.multipart([b"abc"], "application/octet-stream")
    return recorder.multipart([data.file()])


@pytest.mark.parametrize(("method", "arguments", "options", "target", "accept"), GETS)
def test_each_get_names_its_target_and_what_it_accepts(
    client: Any,
    service: Recorder,
    method: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    target: str,
    accept: str,
) -> None:
    service.replies = [_reply_for(method)]
    getattr(client, method)(*arguments, **options)
    assert (service.last.method, service.targets) == ("GET", [target])
    assert service.last.headers.get_all("accept") == [accept]
    assert service.last.headers["user-agent"] == f"filmroom/{filmroom.__version__}"


@pytest.mark.parametrize(
    ("method", "arguments", "target"),
    [
        ("delete_study", (S,), f"/studies/{S}"),
        ("delete_series", (S, E), f"/studies/{S}/series/{E}"),
        ("delete_instance", (S, E, I), f"/studies/{S}/series/{E}/instances/{I}"),
    ],
)
def test_each_delete_names_its_target(
    client: Any, service: Recorder, method: str, arguments: tuple[str, ...], target: str
) -> None:
    service.replies = [Reply(204)]
    assert getattr(client, method)(*arguments) is None
    assert (service.last.method, service.targets, service.last.headers["accept"]) == ("DELETE", [target], "*/*")


@pytest.mark.parametrize("uids", [("",), (".",), ("..",), (" ",), (S, ""), (S, E, "")])
def test_a_delete_of_nothing_is_not_sent(client: Any, uids: tuple[str, ...]) -> None:
    method = ("delete_study", "delete_series", "delete_instance")[len(uids) - 1]
    with pytest.raises(ValueError, match="must not be empty"):
        getattr(client, method)(*uids)


def test_an_instance_without_its_series_is_not_sent(client: Any) -> None:
    with pytest.raises(ValueError, match="Series is named with its Study"):
        client.search_for_instances(None, E)


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.retrieve_study(None),
        lambda client: client.delete_series(S, None),
        lambda client: client.retrieve_instance_metadata(S, E, None),
        lambda client: client.retrieve_series(S, 7),
    ],
)
def test_none_is_no_uid(client: Any, service: Recorder, call: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="is a str"):
        call(client)
    assert service.requests == []


def test_a_download_names_a_study(client: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="names a Study"):
        client.download(None, folder=tmp_path)


@pytest.mark.parametrize("numbers", [[], [0], [1, -1]])
def test_frame_numbers_begin_at_one(client: Any, numbers: list[int]) -> None:
    with pytest.raises(ValueError, match="Frame"):
        client.retrieve_instance_frames(S, E, I, numbers)


def test_what_is_not_plain_in_a_path_is_encoded(client: Any, service: Recorder) -> None:
    service.replies = [Reply(204)]
    client.delete_study("1/2?ä", partition="a b")
    assert service.targets == ["/partitions/a%20b/studies/1%2F2%3F%C3%A4"]


def test_the_partition_of_a_client_may_be_changed_for_one_call(connect: Callable[..., Any], service: Recorder) -> None:
    service.replies = [recorder.json([])]
    client = connect(service.url + "/", partition="one")
    client.search_for_studies()
    client.search_for_studies(partition="two")
    client.query("/studies")
    assert service.targets == ["/partitions/one/studies", "/partitions/two/studies", "/partitions/one/studies"]


def test_search_keywords_become_parameters(client: Any, service: Recorder) -> None:
    service.replies = [recorder.json([])]
    client.search_for_studies(
        search_filters={"PatientName": "Dôe*", "0020000D": ["1.2", "1.3"], "StudyID": None},
        fields=["00081030", "StudyID"], fuzzymatching=True, limit=5, offset=0, additional_params={"x": "a b"},
    )  # fmt: skip
    assert service.targets == [
        "/studies?PatientName=D%C3%B4e%2A&0020000D=1.2&0020000D=1.3&fuzzymatching=true&includefield=00081030"
        "&includefield=StudyID&limit=5&offset=0&x=a%20b"
    ]


def test_a_query_is_sent_as_it_is(client: Any, service: Recorder) -> None:
    service.replies = [recorder.json([])]
    client.query("/studies?PatientName=A%2A&&PatientID=x y")
    assert service.targets == ["/studies?PatientName=A%2A&&PatientID=x%20y"]


@pytest.mark.parametrize("path", ["studies", "http://elsewhere/studies", ""])
def test_a_query_stays_under_the_base_url(client: Any, path: str) -> None:
    with pytest.raises(ValueError, match="path under the URL"):
        client.query(path)


@pytest.mark.parametrize("url", ["", "host/path", "ftp://host", "http://", "http://host/?a=1", "http://host/#a"])
def test_a_base_url_is_http_without_query(url: str) -> None:
    with pytest.raises(ValueError, match="looks like"):
        Client(url)


@pytest.mark.parametrize(
    ("options", "accept"),
    [
        ({"transfer_syntax": None}, 'multipart/related; type="application/dicom"'),
        ({"transfer_syntax": "1.2.3"}, 'multipart/related; type="application/dicom"; transfer-syntax=1.2.3'),
        (
            {"media_types": (("application/dicom", "1.2"), "image/jp2")},
            'multipart/related; type="application/dicom"; transfer-syntax=1.2, multipart/related; type="image/jp2"',
        ),
        (
            {"media_types": ("application/octet-stream", "image/jls", ("image/jp2", "*"))},
            'multipart/related; type="application/octet-stream"; transfer-syntax=*, '
            'multipart/related; type="image/jls", multipart/related; type="image/jp2"; transfer-syntax=*',
        ),
    ],
)
def test_media_types_and_transfer_syntax_are_asked_for(
    client: Any, service: Recorder, options: dict[str, Any], accept: str
) -> None:
    service.replies = [recorder.multipart([data.file()])]
    client.retrieve_study(S, **options)
    assert service.last.headers["accept"] == accept


def test_the_original_version_is_asked_for(client: Any, service: Recorder) -> None:
    service.replies = [recorder.multipart([data.file()]), recorder.json([])]
    client.retrieve_study(S, request_original=True)
    client.retrieve_study_metadata(S, request_original=True)
    assert [request.headers["msdicom-request-original"] for request in service.requests] == ["True", "True"]


@pytest.mark.parametrize(("given", "sent"), [((0, 99), "bytes=0-99"), ((100,), "bytes=100-")])
def test_a_range_of_a_bulk_value_is_asked_for(
    client: Any, service: Recorder, given: tuple[int, ...], sent: str
) -> None:
    service.replies = [Reply(206, {"Content-Type": "application/octet-stream"}, b"abc")]
    assert client.retrieve_bulkdata("/x", byte_range=given, additional_params={"a": 1}) == [b"abc"]
    assert (service.last.headers["range"], service.last.target) == (sent, "/x?a=1")


@pytest.mark.parametrize(
    ("given", "cut"), [((0, 2), b"012"), ((7,), b"789"), ((3, 3), b"3"), ((8, 99), b"89"), ((10, 12), b"")]
)
def test_a_service_that_sends_all_of_a_bulk_value_does_not_change_what_comes(
    client: Any, service: Recorder, given: tuple[int, ...], cut: bytes
) -> None:
    service.replies = [recorder.multipart([b"0123456789"], "application/octet-stream")]
    assert client.retrieve_bulkdata("/x", byte_range=given) == [cut]


@pytest.mark.parametrize("given", [(-1,), (5, 4), (-5, -1)])
def test_a_range_that_is_none_is_not_sent(client: Any, service: Recorder, given: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="first and its last"):
        client.retrieve_bulkdata("/x", byte_range=given)
    assert not service.requests


def test_rendered_images_may_be_asked_for_as_other_types(client: Any, service: Recorder) -> None:
    service.replies = [Reply(200, {"Content-Type": "image/png"}, b"png")]
    image = client.retrieve_instance_rendered(S, E, I, media_types=("image/png", ("image/jpeg", "1.2")))
    assert (image, image.media_type, image.transfer_syntax) == (b"png", "image/png", None)
    assert service.last.headers["accept"] == "image/png, image/jpeg"


def test_search_results_are_datasets(client: Any, service: Recorder) -> None:
    service.replies = [recorder.json([STUDY, STUDY | {"00200010": {"vr": "SH", "Value": ["7"]}}])]
    found = client.search_for_studies()
    assert [study.PatientName for study in found] == ["Doe^Jane", "Doe^Jane"]
    assert (found[-1].StudyID, len(found[:1]), found.json[0], repr(found)) == ("7", 1, STUDY, "<Datasets: 2>")


@pytest.mark.parametrize("reply", [Reply(204), recorder.json([]), Reply(200, {"Content-Type": recorder.JSON}, b"")])
def test_nothing_found_is_an_empty_result(client: Any, service: Recorder, reply: Reply) -> None:
    service.replies = [reply]
    assert not client.search_for_studies()


def test_metadata_has_an_etag_and_may_not_be_modified(client: Any, service: Recorder) -> None:
    service.replies = [recorder.json([STUDY], ETag="7-1"), Reply(304)]
    first = client.retrieve_study_metadata(S)
    second = client.retrieve_study_metadata(S, if_none_match=first.etag)
    assert (first.etag, first.not_modified, len(first)) == ("7-1", False, 1)
    assert (second.etag, second.not_modified, len(second)) == ("7-1", True, 0)
    assert (service.last.headers["if-none-match"], repr(second)) == ("7-1", "<Datasets: 0, not modified>")


def test_metadata_of_an_instance_is_a_dataset(client: Any, service: Recorder) -> None:
    service.replies = [recorder.json([STUDY], ETag="7"), Reply(304)]
    first = client.retrieve_instance_metadata(S, E, I)
    second = client.retrieve_instance_metadata(S, E, I, if_none_match="7")
    assert isinstance(first, Dataset)
    assert (first.StudyInstanceUID, first.etag, first.not_modified, first.json) == (S, "7", False, STUDY)
    assert (len(second), second.etag, second.not_modified) == (0, "7", True)


@pytest.mark.parametrize("items", [[], [STUDY, STUDY]])
def test_metadata_of_an_instance_is_one(client: Any, service: Recorder, items: list[Any]) -> None:
    service.replies = [recorder.json(items)]
    with pytest.raises(BadResponse, match="one was asked for"):
        client.retrieve_instance_metadata(S, E, I)


def _rows(first: int, count: int) -> list[dict[str, Any]]:
    return [{"0020000D": {"vr": "UI", "Value": [f"1.{number}"]}} for number in range(first, first + count)]


@pytest.mark.parametrize(
    ("pages", "offsets", "found"),
    [
        ([_rows(0, 3), _rows(3, 3), _rows(6, 1)], [0, 3, 6], 7),  # ends with a short page
        ([_rows(0, 3), _rows(3, 3), []], [0, 3, 6], 6),  # ends with an empty page
        ([_rows(0, 2), []], [0, 2], 2),  # the service may grant less than the limit, so one page proves nothing
        ([_rows(0, 3), _rows(0, 3)], [0, 3], 3),  # a service that does not know offset
        ([_rows(0, 3), _rows(2, 3), _rows(5, 1)], [0, 3, 6], 6),  # something was stored meanwhile
        ([[]], [0], 0),
    ],
)
def test_remaining_pages_are_asked_for_until_there_is_nothing_new(
    client: Any, service: Recorder, pages: list[Any], offsets: list[int], found: int
) -> None:
    service.replies = [recorder.json(page) if page else Reply(204) for page in pages]
    results = client.search_for_studies(get_remaining=True, limit=3)
    assert service.targets == [f"/studies?limit=3&offset={offset}" for offset in offsets]
    assert [study.StudyInstanceUID for study in results] == [f"1.{number}" for number in range(found)]


def test_remaining_pages_begin_at_the_offset(client: Any, service: Recorder) -> None:
    service.replies = [recorder.json(_rows(0, 2)), recorder.json(_rows(2, 1))]
    client.search_for_series(S, get_remaining=True, offset=10)
    assert service.targets == [f"/studies/{S}/series?offset=10", f"/studies/{S}/series?offset=12"]


def test_a_client_with_its_own_http_leaves_it_open(service: Recorder) -> None:
    service.replies = [recorder.json([])]
    with httpx2.Client(headers={"x-mine": "1"}) as http:
        with Client(service.url, http=http) as client:
            client.search_for_studies()
        assert not http.is_closed
    assert service.last.headers["x-mine"] == "1"


def test_a_client_closes_what_it_opened(service: Recorder) -> None:
    service.replies = [recorder.json([])]
    with Client(service.url) as client:
        client.search_for_studies()
    with pytest.raises(RuntimeError, match="closed"):
        client.search_for_studies()


def test_an_asynchronous_client_closes_what_it_opened(service: Recorder) -> None:
    async def run() -> None:
        async with httpx2.AsyncClient() as http:
            async with AsyncClient(service.url, http=http) as client:
                await client.search_for_studies()
            assert not http.is_closed
        async with AsyncClient(service.url) as client:
            await client.search_for_studies()
        with pytest.raises(RuntimeError, match="closed"):
            await client.search_for_studies()

    service.replies = [recorder.json([])]
    asyncio.run(run())


def test_both_clients_have_the_same_methods() -> None:
    def public(client: type) -> set[str]:
        return {name for name in dir(client) if not name.startswith("_")}

    assert public(Client) - {"close"} == public(AsyncClient) - {"aclose"}
    assert all(getattr(AsyncClient, name).__doc__ for name in public(AsyncClient) - {"aclose"})


@pytest.mark.parametrize("content", [b"<application/>", b"[]"])
def test_capabilities_that_are_no_json_object(client: Any, service: Recorder, content: bytes) -> None:
    service.replies = [Reply(200, {"Content-Type": "application/vnd.sun.wadl+xml"}, content)]
    with pytest.raises(BadResponse, match="is no"):
        client.capabilities()
    assert (service.last.method, service.targets[-1]) == ("OPTIONS", "/")


def test_the_base_url_is_told(client: Any, service: Recorder) -> None:
    assert client.base_url == service.url


def test_importing_the_package_does_not_load_the_client_and_the_client_not_the_server() -> None:
    code = (
        "import sys, filmroom, filmroom.errors; assert 'httpx2' not in sys.modules and 'pydicom' not in sys.modules;"
        "filmroom.Client; loaded = {name.split('.')[1] for name in sys.modules if name.startswith('filmroom.')};"
        "assert loaded <= {'client', 'protocol', 'dicom', 'errors'}, loaded; assert 'starlette' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_name_of_the_package_is_there() -> None:
    assert all(getattr(filmroom, name) for name in filmroom.__all__)
    assert set(filmroom.__all__) - {"__version__"} == set(filmroom.client.__all__)
    with pytest.raises(AttributeError, match="Klient"):
        _ = filmroom.Klient


def test_retrieve_of_an_unknown_study_is_not_found(client: Any, service: Recorder, tmp_path: Path) -> None:
    service.replies = [Reply(404, {"Content-Type": "text/plain"}, b"The specified study cannot be found.")]
    with pytest.raises(NotFound, match="cannot be found"):
        client.download(S, folder=tmp_path)
