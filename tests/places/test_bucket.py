"""A bucket as a place: what it refuses of one file, of all, and how that it is not there is said."""

from collections.abc import Callable

import pytest

from filmroom.errors import BadRequest, Conflict, NotFound, Unavailable
from filmroom.places import Place, open_place
from tests.blobs import servers
from tests.blobs.test_objects import RawAzure, RawS3
from tests.places.store import Store


@pytest.fixture
def place(refusing: Store) -> Place:
    return open_place("s3://bucket", {"s3://bucket": refusing.options})


def write(place: Place) -> None:
    place.write("name", [b"content"])


def read(place: Place) -> None:
    list(place.stream("name"))


def list_(place: Place) -> None:
    list(place.entries())


@pytest.mark.parametrize(
    ("status", "code", "use", "error"),
    [
        (403, "AccessDenied", write, Conflict),
        (400, "KeyTooLongError", write, Conflict),
        (403, "AccessDenied", read, NotFound),
        (403, "InvalidObjectState", read, NotFound),  # in an archive, to be restored first
        (403, "AccessDenied", list_, Conflict),
        (404, "NoSuchKey", read, NotFound),
        (404, "NoSuchBucket", write, Unavailable),
        (404, "NoSuchBucket", read, Unavailable),
        (404, "NoSuchBucket", list_, Unavailable),
        (400, "ExpiredToken", write, Unavailable),
        (403, "SignatureDoesNotMatch", write, Unavailable),
        (401, "Unauthorized", read, Unavailable),
    ],
)
def test_what_is_wrong_with_one_file_is_told_from_what_is_wrong_with_the_bucket(
    refusing: Store, place: Place, status: int, code: str, use: Callable[[Place], None], error: type[Exception]
) -> None:
    refusing.refuses = lambda *_: (status, code)
    with pytest.raises(error) as raised:
        use(place)
    assert type(raised.value) is error or (error is Unavailable and isinstance(raised.value, Unavailable))
    assert "of a patient" not in str(raised.value)


def test_who_may_write_but_not_list_may_export(refusing: Store, place: Place) -> None:
    refusing.refuses = lambda method, name: None if name else (403, "AccessDenied")
    place.check()
    place.write("name", [b"content"])
    assert refusing.objects == {"name": b"content"}


def test_a_key_that_is_not_right_is_told_at_once(refusing: Store, place: Place) -> None:
    refusing.refuses = lambda *_: (403, "InvalidAccessKeyId")
    with pytest.raises(BadRequest, match="does not know the access key"):
        place.check()


def test_an_object_without_content_is_a_folder_of_a_console(refusing: Store, place: Place) -> None:
    refusing.objects |= {"a/": b"", "a/b": b"1"}
    assert [entry.name for entry in place.entries()] == ["a/b"]


def test_a_name_that_no_request_can_have_is_told(refusing: Store, place: Place) -> None:
    refusing.objects["a//b"] = b"1"
    place.check()
    with pytest.raises(Conflict, match="empty part"):
        list(place.entries())


def test_a_bucket_that_is_not_there(s3: str) -> None:
    with pytest.raises(BadRequest, match="The bucket does not exist"):
        open_place("s3://no-such", {"s3://no-such": RawS3(s3).options}).check()


def test_a_container_that_is_not_there(azure: str) -> None:
    place = open_place(f"{azure}/no-such", given={"account_key": servers.ACCOUNT_KEY})
    with pytest.raises(BadRequest) as raised:
        place.check()
    said = f"Azure Blob Storage container 'no-such' does not exist in account '{servers.ACCOUNT}'."
    assert str(raised.value) == said


def test_an_account_key_that_is_not_right(azure: str) -> None:
    container = RawAzure(azure).url.split("/")[2]
    with pytest.raises(BadRequest, match="key is not the right one"):
        open_place(f"{azure}/{container}", given={"account_key": "c2VjcmV0"}).check()
