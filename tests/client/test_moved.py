"""What users of dicomweb-client find beside the operations."""

import inspect
from typing import Any

import pytest
from dicomweb_client.api import DICOMwebClient

from filmroom import AsyncClient, Client, Unavailable
from tests import data
from tests.client import recorder
from tests.client.recorder import Recorder, Reply


@pytest.mark.parametrize("name", ["set_chunk_size", "set_http_retry_params", "lookup_keyword", "lookup_tag"])
def test_parameters_are_those_of_dicomweb_client(name: str) -> None:
    theirs = inspect.signature(getattr(DICOMwebClient, name)).parameters
    for kind in (Client, AsyncClient):
        assert list(inspect.signature(getattr(kind, name)).parameters) == list(theirs)


@pytest.mark.parametrize("tag", ["00080018", 0x00080018, (0x0008, 0x0018)])
def test_look_ups(tag: Any) -> None:
    assert Client.lookup_keyword(tag) == AsyncClient.lookup_keyword(tag) == "SOPInstanceUID"
    assert Client.lookup_tag("SOPInstanceUID") == AsyncClient.lookup_tag("SOPInstanceUID") == "00080018"


def test_what_is_not_found_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Client.lookup_keyword(0x00091001)
    with pytest.raises(KeyError):
        Client.lookup_tag("Nonsense")


@pytest.mark.parametrize(
    ("parameters", "status", "sent"),
    [
        ({"retry": False}, 503, 1),
        ({"max_attempts": 2}, 503, 2),
        ({"max_attempts": 3, "retriable_error_codes": (500,)}, 500, 3),
        ({"max_attempts": 3, "retriable_error_codes": (500,)}, 503, 1),
    ],
)
def test_retries_can_be_changed(
    client: Any, service: Recorder, parameters: dict[str, Any], status: int, sent: int
) -> None:
    service.replies = [Reply(status)]
    client.set_http_retry_params(wait_exponential_multiplier=0, **parameters)
    with pytest.raises(Exception, match=str(status)):
        client.search_for_studies()
    assert len(service.requests) == sent


def test_a_store_that_may_have_happened_is_not_sent_again_whatever_is_named(client: Any, service: Recorder) -> None:
    service.replies = [Reply(504)]
    client.set_http_retry_params(wait_exponential_multiplier=0, retriable_error_codes=(503, 504))
    with pytest.raises(Unavailable):
        client.store_instances(data.dataset())
    assert len(service.requests) == 1


def test_answers_are_read_in_pieces(client: Any, service: Recorder, tmp_path: Any) -> None:
    service.replies = [recorder.multipart([data.file()])]
    steps: list[Any] = []
    client.set_chunk_size(100)
    client.download("1.2", folder=tmp_path, progress=steps.append)
    assert [step.bytes for step in steps[:3]] == [100, 200, 300]


def test_settings_that_make_no_sense(client: Any) -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        client.set_chunk_size(0)
    with pytest.raises(ValueError, match="at least once"):
        client.set_http_retry_params(max_attempts=0)
