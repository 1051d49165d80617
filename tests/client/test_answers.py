"""What answers mean: data sets, Warnings, and the exceptions of error answers."""

import copy
import pickle
from typing import Any

import httpx2
import pytest
from pydicom.dataset import Dataset

from filmroom import (
    BadResponse,
    ClientError,
    Conflict,
    NotAcceptable,
    NotFound,
    ResponseError,
    ServiceWarning,
    Unavailable,
    errors,
)
from filmroom.client import _answers, exceptions
from tests import data
from tests.client import recorder
from tests.client.recorder import Recorder, Reply

MULTIPLE = "One or more indexed Dicom tag(s) have multiple values, only first value is indexed."


@pytest.mark.parametrize(
    ("body", "message"),
    [(b"<html>", "a web page answered"), (b"OK", "not JSON"), (b"[1]", "not a list"), (b'"text"', "not a list")],
)
def test_an_answer_that_is_not_json_is_a_bad_response(
    client: Any, service: Recorder, body: bytes, message: str
) -> None:
    service.replies = [Reply(200, {"Content-Type": recorder.JSON}, body)]
    with pytest.raises(BadResponse, match=message):
        client.search_for_studies()


@pytest.mark.parametrize(
    ("header", "texts"),
    [
        (f'299 host: "{MULTIPLE}"', (MULTIPLE,)),
        ('299 - "One, two", 299 - "say \\"three\\""', ("One, two", 'say "three"')),
        ("something else", ("something else",)),
    ],
)
def test_warnings_are_said_and_kept(client: Any, service: Recorder, header: str, texts: tuple[str, ...]) -> None:
    service.replies = [recorder.json([], Warning=header)]
    with pytest.warns(ServiceWarning) as said:
        found = client.search_for_studies()
    assert found.warnings == texts
    assert tuple(str(warning.message) for warning in said) == texts


def test_warnings_of_a_streamed_answer_are_said(client: Any, service: Recorder) -> None:
    service.replies = [recorder.multipart([data.file()], Warning='299 - "Something"')]
    with pytest.warns(ServiceWarning, match="Something"):
        client.retrieve_study("1.2")


ERRORS: list[tuple[int, bytes, type[ResponseError], str, Any]] = [
    (
        404,
        b"The specified study cannot be found.",
        NotFound,
        "404: The specified study",
        "The specified study cannot be found.",
    ),
    (410, b"", NotFound, "410: Gone", None),
    (400, b'"A JSON string."', exceptions.BadRequest, "400: A JSON string.", "A JSON string."),
    (
        400,
        b'{"error":{"code":"UnsupportedApiVersion","message":"No version 3."}}',
        exceptions.BadRequest,
        "400: No version 3.",
        {"error": {"code": "UnsupportedApiVersion", "message": "No version 3."}},
    ),
    (400, b'{"error":"plain"}', exceptions.BadRequest, "400: plain", {"error": "plain"}),
    (
        400,
        b'[{"error":{"message":"Google"}}]',
        exceptions.BadRequest,
        "400: Google",
        [{"error": {"message": "Google"}}],
    ),
    (400, b'{"Details":"Orthanc"}', exceptions.BadRequest, "400: Orthanc", {"Details": "Orthanc"}),
    (400, b'{"title":"Problem"}', exceptions.BadRequest, "400: Problem", {"title": "Problem"}),
    (400, b'{"a":1}', exceptions.BadRequest, "400: Bad Request", {"a": 1}),
    (400, b"{broken", exceptions.BadRequest, "400: {broken", "{broken"),
    (400, b"[]", exceptions.BadRequest, "400: Bad Request", []),
    (401, b"", exceptions.Unauthorized, "401: Unauthorized", None),
    (403, b"", exceptions.Forbidden, "403: Forbidden", None),
    (406, b"no", NotAcceptable, "406: no", "no"),
    (409, b"there", Conflict, "409: there", "there"),
    (413, b"", exceptions.TooLarge, "413", None),
    (415, b"", exceptions.UnsupportedMediaType, "415: Unsupported Media Type", None),
    (418, b"", exceptions.BadRequest, "418", None),
    (500, b"<html>long</html>", exceptions.ServiceFailed, "500: Internal Server Error", "<html>long</html>"),
    (503, b"down", Unavailable, "503: down", "down"),
    (599, b"", exceptions.ServiceFailed, "599: no reason given", None),
]


@pytest.mark.parametrize(("status", "body", "kind", "text", "payload"), ERRORS)
def test_an_error_status_is_an_exception_with_what_the_service_said(
    client: Any, service: Recorder, status: int, body: bytes, kind: type[ResponseError], text: str, payload: Any
) -> None:
    service.replies = [Reply(status, {"X-Request": "7"}, body)]
    for call in (client.search_for_studies, lambda: client.retrieve_study("1.2")):
        with pytest.raises(kind) as raised:
            call()
        assert type(raised.value) is kind
        assert str(raised.value).startswith(text)
        assert (raised.value.status, raised.value.payload) == (status, payload)
        assert raised.value.headers["x-request"] == "7"


def test_the_data_set_of_an_error_is_its_payload_and_what_it_says_of_attributes_the_message(
    client: Any, service: Recorder
) -> None:
    comments = ["DICOM100: (0028,0010) - Updating the tag is not supported", "DICOM100: (0010,0040) - no"]
    items = [{"00000902": {"vr": "LO", "Value": [comment]}} for comment in comments]
    service.replies = [recorder.json({"00741048": {"vr": "SQ", "Value": items}}, 400, Warning='299 - "careful"')]
    with pytest.raises(exceptions.BadRequest) as raised:
        client.search_for_studies()
    assert raised.value.message == "; ".join(comments)
    assert isinstance(raised.value.payload, Dataset)
    assert raised.value.payload.FailedAttributesSequence[0].ErrorComment == comments[0]
    assert raised.value.warnings == ("careful",)


def test_a_data_set_that_says_nothing_of_attributes(client: Any, service: Recorder) -> None:
    service.replies = [recorder.json({"00081198": {"vr": "SQ"}}, 400)]
    with pytest.raises(exceptions.BadRequest, match="in its payload"):
        client.search_for_studies()


def test_a_data_set_of_an_error_that_is_none_stays_json(client: Any, service: Recorder) -> None:
    service.replies = [recorder.json({"zzz": {"vr": "SQ"}}, 400)]
    with pytest.raises(exceptions.BadRequest) as raised:
        client.search_for_studies()
    assert raised.value.payload == {"zzz": {"vr": "SQ"}}


def test_an_exception_of_the_client_is_also_the_one_of_the_service() -> None:
    for kind in (exceptions.BadRequest, NotFound, Conflict, NotAcceptable, Unavailable):
        assert issubclass(kind, getattr(errors, kind.__name__))
    assert issubclass(ClientError, errors.Error)
    assert ResponseError(400, "no").headers == {}


def test_every_status_of_the_table_has_its_own_word() -> None:
    assert {kind.__name__ for kind in exceptions.BY_STATUS.values()} < set(dir(exceptions))
    assert exceptions.of_status(304) is exceptions.BadRequest


def test_an_answer_with_broken_compression_is_a_bad_response(client: Any, service: Recorder) -> None:
    service.replies = [Reply(200, {"Content-Encoding": "gzip", "Content-Type": recorder.JSON}, b"not gzip")]
    for call in (client.search_for_studies, lambda: client.retrieve_study("1.2")):
        with pytest.raises(BadResponse, match="can't be read"):
            call()


def test_results_can_be_copied_and_pickled(client: Any, service: Recorder) -> None:
    service.replies = [recorder.json([{"00100020": {"vr": "LO", "Value": ["1"]}}], ETag="7")]
    metadata = client.retrieve_instance_metadata("1", "2", "3")
    for again in (copy.copy(metadata), copy.deepcopy(metadata), pickle.loads(pickle.dumps(metadata))):
        assert (again, again.PatientID, again.etag) == (metadata, "1", "7")


def test_headers_are_those_of_the_answer() -> None:
    answer = _answers.Answer(200, httpx2.Headers({"erroneous-dicom-attributes": "00101002"}), b"[]", "")
    assert _answers.datasets(answer).headers["erroneous-dicom-attributes"] == "00101002"


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.delete_study("1"),
        lambda client: client.search_for_studies(),
        lambda client: client.retrieve_instance("1", "2", "3"),
        lambda client: client.retrieve_instance_frames("1", "2", "3", [1]),
    ],
)
def test_a_web_page_is_no_success(client: Any, service: Recorder, ask: Any) -> None:
    service.replies = [Reply(200, {"Content-Type": "text/html; charset=utf-8"}, b"<!doctype html><p>Sign in</p>")]
    with pytest.raises(BadResponse, match="a web page answered"):
        ask(client)


def test_who_asks_for_a_web_page_gets_it(client: Any, service: Recorder) -> None:
    service.replies = [Reply(200, {"Content-Type": "text/html"}, b"<html>")]
    assert client.retrieve_instance_rendered("1", "2", "3", media_types=["text/html"]) == b"<html>"
