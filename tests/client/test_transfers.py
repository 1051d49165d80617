"""Exports and imports, of both clients."""

import json as parser
from collections.abc import Callable
from typing import Any

import pytest

from filmroom.client import BadResponse, NotFound
from tests.client.recorder import Recorder, Reply, json
from tests.client.test_operations import ID


@pytest.fixture
def client(service: Recorder, connect: Callable[..., Any]) -> Any:
    service.replies = [json({"id": ID, "href": f"http://host/operations/{ID}"}, 202)]
    return connect(service.url)


def body(service: Recorder) -> Any:
    return parser.loads(service.last.body)


def test_export_to_a_place(service: Recorder, client: Any) -> None:
    assert client.export("file:///srv/out") == ID
    assert (service.last.method, service.targets) == ("POST", ["/export"])
    assert body(service) == {"destination": {"type": "file", "settings": {"url": "file:///srv/out"}}}


def test_export_of_what_is_named_to_a_container(service: Recorder, client: Any) -> None:
    settings = {"blobContainerUri": "https://acct.blob.core.windows.net/c", "useManagedIdentity": True}
    client.export(settings, "1.2", "1.2/3.4", partition="clinic")
    assert service.targets == ["/partitions/clinic/export"]
    assert body(service) == {
        "source": {"type": "identifiers", "settings": {"values": ["1.2", "1.2/3.4"]}},
        "destination": {"type": "azureBlob", "settings": settings},
    }


def test_a_destination_may_be_the_whole_json_that_a_service_takes(service: Recorder, client: Any) -> None:
    destination = {"type": "azureBlob", "settings": {"blobContainerUri": "https://a.blob.core.windows.net/c"}}
    client.export(destination)
    assert body(service) == {"destination": destination}


def test_import(service: Recorder, client: Any) -> None:
    assert client.import_from("file:///srv/in", partition="clinic") == ID
    assert service.targets == ["/partitions/clinic/import"]
    assert body(service) == {"source": {"type": "file", "settings": {"url": "file:///srv/in"}}}


def test_a_path_is_no_place(client: Any) -> None:
    with pytest.raises(ValueError, match="URL"):
        client.import_from("/srv/in")


def test_answers_that_name_no_operation(service: Recorder, client: Any) -> None:
    service.replies = [json([], 202), Reply(404)]
    with pytest.raises(BadResponse, match="no operation"):
        client.export("file:///srv/out")
    with pytest.raises(NotFound, match="/dicomweb"):
        client.import_from("file:///srv/in")


def test_deidentified_copies(service: Recorder, client: Any, connect: Callable[..., Any]) -> None:
    connect(service.url.replace("/v2", "/dicomweb")).export("file:///srv/out", deidentify="basic")
    assert body(service)["deidentify"] == "basic"


def test_deidentified_copies_are_not_asked_of_an_azure_service(client: Any) -> None:
    with pytest.raises(ValueError, match="/dicomweb does"):
        client.export("file:///srv/out", deidentify="basic")
