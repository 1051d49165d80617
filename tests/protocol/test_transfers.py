"""What exports and imports are asked to do: the Azure service's bodies and sentences, and a form for any place."""

from typing import Any

import orjson
import pytest

from filmroom.dicom.resources import Resource
from filmroom.errors import BadRequest
from filmroom.protocol.transfers import parse_export, parse_import

KEYED = "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net"
CONTAINER = "https://acct.blob.core.windows.net/c"
IDENTITY = {"blobContainerUri": CONTAINER, "useManagedIdentity": True}


def azure(**settings: Any) -> dict[str, Any]:
    return {"destination": {"type": "AzureBlob", "settings": settings}}


def exported(body: Any, *values: Any) -> Any:
    source = {"source": {"type": "Identifiers", "settings": {"values": values}}} if values else {}
    return parse_export(orjson.dumps(body | source), 7)


def said(body: Any, *values: Any) -> str:
    with pytest.raises(BadRequest) as error:
        exported(body, *values)
    return str(error.value)


def test_identifiers_of_any_level() -> None:
    asked = exported(azure(**IDENTITY), "1.2", "1.2/3.4", "1.2/3.4/5.6")
    assert asked.resources == (
        Resource("1.2", partition=7),
        Resource("1.2", "3.4", partition=7),
        Resource("1.2", "3.4", "5.6", 7),
    )


@pytest.mark.parametrize("source", [{}, {"source": None}])
def test_no_source_is_everything(source: dict[str, Any]) -> None:
    assert exported(azure(**IDENTITY) | source).resources == (Resource(partition=7),)


def test_a_container_by_its_uri() -> None:
    asked = exported(azure(**IDENTITY))
    assert (asked.url, asked.options) == (CONTAINER, {})


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        (KEYED, CONTAINER),
        ("AccountName=a;AccountKey=k==;BlobEndpoint=http://127.0.0.1:9/a/;", "http://127.0.0.1:9/a/c"),
        ("UseDevelopmentStorage=true", "http://127.0.0.1:10000/devstoreaccount1/c"),
    ],
)
def test_a_container_by_a_connection_string(connection: str, url: str) -> None:
    # As the C# client writes it
    asked = exported(azure(blobContainerName="c", connectionString=connection, useManagedIdentity=False))
    assert (asked.url, asked.options.keys()) == (url, {"account_name", "account_key"})


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            IDENTITY | {"connectionString": KEYED},
            "ConnectionString and BlobContainerName cannot be specified along with BlobContainerUri.",
        ),
        (
            IDENTITY | {"blobContainerName": "c"},
            "ConnectionString and BlobContainerName cannot be specified along with BlobContainerUri.",
        ),
        ({}, "Please specify both ConnectionString and BlobContainerName."),
        ({"connectionString": KEYED}, "Please specify both ConnectionString and BlobContainerName."),
        ({"blobContainerName": "c"}, "Please specify both ConnectionString and BlobContainerName."),
        (
            {"connectionString": KEYED, "blobContainerName": "c", "useManagedIdentity": True},
            "Managed identity cannot be used with a ConnectionString.",
        ),
        ({"blobContainerUri": f"{CONTAINER}?sig=x"}, "Shared Access Signatures (SAS) are not supported."),
        (
            {"connectionString": "AccountName=a;SharedAccessSignature=x", "blobContainerName": "c"},
            "Shared Access Signatures (SAS) are not supported.",
        ),
        ({"blobContainerUri": CONTAINER}, "Public access to Azure Blob Storage containers is not supported."),
        (
            {"connectionString": "AccountName=a", "blobContainerName": "c"},
            "Public access to Azure Blob Storage containers is not supported.",
        ),
    ],
)
def test_what_is_wrong_with_a_container(settings: dict[str, Any], sentence: str) -> None:
    assert said(azure(**settings)) == sentence


@pytest.mark.parametrize(
    "settings",
    [
        {"blobContainerUri": "ftp://a/b", "useManagedIdentity": True},
        {"blobContainerUri": "https://[", "useManagedIdentity": True},
        {"blobContainerUri": 5, "useManagedIdentity": True},
        {"connectionString": KEYED, "blobContainerName": "../c"},
        {"connectionString": "AccountKey=k;BlobEndpoint=file:///etc", "blobContainerName": "c"},
    ],
)
def test_what_is_no_container(settings: dict[str, Any]) -> None:
    assert "c2VjcmV0" not in said(azure(**settings))


@pytest.mark.parametrize("value", ["", "a", "1/2/3/4", "1//3", 5, None, "1.2/..", "1." * 40 + "1"])
def test_what_is_no_identifier(value: Any) -> None:
    assert said(azure(**IDENTITY), value) == f"The string '{value}' was not recognized as a valid DICOM identifier."


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "$.destination' in request body is invalid"),
        ({"destination": {"settings": {}}}, "$.destination.type"),
        ({"destination": {"type": "azureBlob"}}, "$.destination.settings"),
        ({"destination": {"type": "ftp", "settings": {}}}, "Unsupported export destination 'ftp'."),
        (azure(**IDENTITY) | {"source": {"type": "query", "settings": {}}}, "Unsupported export source 'query'."),
        (azure(**IDENTITY) | {"source": {"type": "identifiers", "settings": {"values": []}}}, "A list of identifiers"),
        (azure(**IDENTITY) | {"source": {"type": "identifiers", "settings": {"values": ["1"] * 50_001}}}, "50000"),
        ({"destination": {"type": "file", "settings": {"url": "s3://b"}}}, "begins with file://"),
        ({"destination": {"type": "file", "settings": {}}}, "$.destination.settings.url"),
        ({"destination": {"type": "s3", "settings": {"url": "s3://b", "endpoint": "http://x"}}}, '"endpoint"'),
    ],
)
def test_what_is_wrong_with_a_body(body: Any, sentence: str) -> None:
    assert sentence in said(body)


def test_places_by_their_urls() -> None:
    asked = exported({"destination": {"type": "File", "settings": {"url": "file:///srv/out"}}})
    assert (asked.url, asked.options) == ("file:///srv/out", {})
    body = {"source": {"type": "file", "settings": {"url": "file:///srv/in"}}}
    assert parse_import(orjson.dumps(body)).url == "file:///srv/in"
    with pytest.raises(BadRequest, match="Unsupported import source 'azureBlob'"):
        parse_import(orjson.dumps({"source": {"type": "azureBlob", "settings": {}}}))


def test_copies_may_be_deidentified() -> None:
    assert exported(azure(**IDENTITY)).deidentify is None
    assert exported(azure(**IDENTITY) | {"deidentify": "basic"}).deidentify == "basic"
    assert "'$.deidentify'" in said(azure(**IDENTITY) | {"deidentify": True})
