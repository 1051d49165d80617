"""What an export or an import is asked to do, in JSON as the Azure service has it, with its sentences.

Beside its form of a destination (`azureBlob`) there is one of ours for any place that has a URL, for imports too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from filmroom.dicom.resources import DEFAULT_PARTITION, Resource
from filmroom.errors import BadRequest, BadTarget
from filmroom.protocol import json_bodies, targets

MOST_IDENTIFIERS = 50_000
LARGEST_BODY = 16 << 20  # bytes; as many identifiers of three UIDs take 10

_SCHEMES = frozenset({"file", "s3", "gs", "az"})
_AZURE = "azureBlob"
_IDENTIFIERS = "identifiers"
_MISSING = "Please specify both ConnectionString and BlobContainerName."
_CONFLICTING = "ConnectionString and BlobContainerName cannot be specified along with BlobContainerUri."
_NO_IDENTITY = "Managed identity cannot be used with a ConnectionString."
_NO_SAS = "Shared Access Signatures (SAS) are not supported."
_NOT_PUBLIC = "Public access to Azure Blob Storage containers is not supported."
_CONTAINER = re.compile(r"[a-z0-9$][a-z0-9-]{0,62}")
_DEVELOPMENT = "http://127.0.0.1:10000/devstoreaccount1"  # where Azurite listens
# The key that every Azurite has, and its documentation prints
_DEVELOPMENT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True, slots=True)
class Asked:
    """Where to, or from where. `options` hold credentials; they must not be shown."""

    url: str
    options: Mapping[str, str]
    resources: tuple[Resource, ...] = ()  # to export; one without UIDs is everything
    deidentify: str | None = None  # the name of a profile


def parse_export(body: bytes, partition: int = DEFAULT_PARTITION) -> Asked:
    """The body of an export. Without a source it is of everything (Azure Health Data Services)."""
    asked = json_bodies.members("$", json_bodies.read(body))
    kind, settings = _typed("destination", asked.get("destination"))
    if kind.lower() == _AZURE.lower():
        url, options = _azure(settings)
    else:
        url, options = _place("export destination", "destination", kind, settings), {}
    resources: tuple[Resource, ...] = (Resource(partition=partition),)
    if "source" in asked:
        kind, settings = _typed("source", asked["source"])
        if kind.lower() != _IDENTIFIERS:
            raise BadRequest(f"Unsupported export source '{kind}'.")
        resources = _resources(settings.get("values"), partition)
    profile = asked.get("deidentify")
    return Asked(url, options, resources, None if profile is None else _text("$.deidentify", profile))


def parse_import(body: bytes) -> Asked:
    """The body of an import."""
    asked = json_bodies.members("$", json_bodies.read(body))
    kind, settings = _typed("source", asked.get("source"))
    return Asked(_place("import source", "source", kind, settings), {})


def _typed(name: str, value: Any) -> tuple[str, dict[str, Any]]:
    place = f"$.{name}"
    given = json_bodies.members(place, value)
    kind = given.get("type")
    if not isinstance(kind, str):
        raise json_bodies.bad_field(f"{place}.type", "A text is expected.")
    return kind, json_bodies.members(f"{place}.settings", given.get("settings"))


def _resources(values: Any, partition: int) -> tuple[Resource, ...]:
    place = "$.source.settings.values"
    if not isinstance(values, list) or not values:
        raise json_bodies.bad_field(place, "A list of identifiers is expected: study, study/series, study/series/sop.")
    if len(values) > MOST_IDENTIFIERS:
        raise json_bodies.bad_field(
            place, f"{MOST_IDENTIFIERS} identifiers are the most; leave the source out for all."
        )
    return tuple(_resource(value, partition) for value in values)


def _resource(value: Any, partition: int) -> Resource:
    try:
        return targets.identifier(value if isinstance(value, str) else "", partition)
    except BadTarget:
        raise BadRequest(f"The string '{value}' was not recognized as a valid DICOM identifier.") from None


def _place(what: str, field: str, kind: str, settings: Mapping[str, Any]) -> str:
    scheme = kind.lower()
    if scheme not in _SCHEMES:
        raise BadRequest(f"Unsupported {what} '{kind}'.")
    if unknown := settings.keys() - {"url"}:
        # Credentials come with the service; an endpoint of the client's would get them.
        raise BadRequest(f'The field is not supported: "{min(unknown)}".')
    url = _text(f"$.{field}.settings.url", settings.get("url"))
    if urlsplit(url).scheme != scheme:
        raise json_bodies.bad_field(f"$.{field}.settings.url", f"A URL that begins with {scheme}:// is expected.")
    return url


def _azure(settings: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    uri, connection, container = (
        settings.get(name) for name in ("blobcontaineruri", "connectionstring", "blobcontainername")
    )
    identity = settings.get("usemanagedidentity") is True
    if uri:
        if connection or container:
            raise BadRequest(_CONFLICTING)
        uri = _text("$.destination.settings.blobContainerUri", uri)
        parts = _https(uri)
        if parts.query:
            raise BadRequest(
                f"UseManagedIdentity cannot be specified if BlobContainerUri has a SAS token. {_NO_SAS}"
                if identity
                else _NO_SAS
            )
        if not identity:
            raise BadRequest(_NOT_PUBLIC)
        return uri.rstrip("/"), {}
    if not connection or not container:
        raise BadRequest(_MISSING)
    if identity:
        raise BadRequest(_NO_IDENTITY)
    return _connected(_text("$.destination.settings.connectionString", connection), container)


def _connected(connection: str, container: Any) -> tuple[str, dict[str, str]]:
    """What a connection string says: name=value, with semicolons between."""
    if not isinstance(container, str) or not _CONTAINER.fullmatch(container):
        raise json_bodies.bad_field("$.destination.settings.blobContainerName", "The name of a container is expected.")
    pairs = (part.partition("=") for part in connection.split(";") if part.strip())
    said = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if "sharedaccesssignature" in said:
        raise BadRequest(_NO_SAS)
    if said.get("usedevelopmentstorage", "").lower() == "true":
        said = {"accountname": "devstoreaccount1", "accountkey": _DEVELOPMENT_KEY, "blobendpoint": _DEVELOPMENT}
    account, key = said.get("accountname", ""), said.get("accountkey", "")
    if not key:
        raise BadRequest(_NOT_PUBLIC)
    suffix = said.get("endpointsuffix", "core.windows.net")
    default = f"{said.get('defaultendpointsprotocol', 'https')}://{account}.blob.{suffix}"
    endpoint = said.get("blobendpoint", default).rstrip("/")
    _https(endpoint)
    return f"{endpoint}/{quote(container)}", {"account_name": account, "account_key": key}


def _https(url: str) -> SplitResult:
    wrong = BadRequest("The URL of a container looks like https://account.blob.core.windows.net/container.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.fragment:
        raise wrong
    return parts


def _text(place: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise json_bodies.bad_field(place, "A text is expected.")
    return value.strip()
