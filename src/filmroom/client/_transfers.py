"""Exports and imports, of both clients: operations that the service does with places that it can reach."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from filmroom.client._messages import Transaction
from filmroom.client._operations import started
from filmroom.client._service import Service
from filmroom.client.roots import beyond_azure, elsewhere, fuller_root

T = TypeVar("T")


class Transfers:
    """Methods of the synchronous client."""

    _service: Service

    if TYPE_CHECKING:  # the client has them

        def _run(self, transaction: Transaction[T]) -> T: ...

    def export(
        self,
        destination: str | Mapping[str, Any],
        *identifiers: str,
        deidentify: str | None = None,
        partition: str | None = None,
    ) -> str:
        """Have files copied to a place, and get the id of the operation that does it.

        destination  a URL such as "file:///srv/exports", for Filmroom; or settings of an Azure container:
                     {"connectionString": ..., "blobContainerName": ...} or {"blobContainerUri": ...}, or the whole
                     {"type": "azureBlob", "settings": {...}} that programs of the Azure service send
        identifiers  "study", "study/series" or "study/series/instance"; none is everything
        deidentify   the name of a profile by which the copies are de-identified; Filmroom has "basic" and its own
        """
        return self._run(_export(self._service, destination, identifiers, deidentify, partition))

    def import_from(self, source: str, *, partition: str | None = None) -> str:
        """Have the DICOM files of a place stored, and get the id of the operation. Filmroom at /dicomweb can do that.

        source  a URL such as "file:///srv/old", as the service sees it
        """
        return self._run(_import(self._service, source, partition))


class AsyncTransfers:
    """Methods of the asynchronous client, which are those of `Transfers`."""

    _service: Service

    if TYPE_CHECKING:  # the client has them

        async def _run(self, transaction: Transaction[T]) -> T: ...

    async def export(
        self,
        destination: str | Mapping[str, Any],
        *identifiers: str,
        deidentify: str | None = None,
        partition: str | None = None,
    ) -> str:
        return await self._run(_export(self._service, destination, identifiers, deidentify, partition))

    async def import_from(self, source: str, *, partition: str | None = None) -> str:
        return await self._run(_import(self._service, source, partition))


def _export(
    service: Service,
    destination: str | Mapping[str, Any],
    identifiers: Collection[str],
    deidentify: str | None,
    partition: str | None,
) -> Transaction[str]:
    body: dict[str, Any] = {"destination": _destination(destination)}
    if identifiers:
        body["source"] = {"type": "identifiers", "settings": {"values": list(identifiers)}}
    if deidentify is not None:
        if more := fuller_root(service.base_url):  # an Azure service would copy the files as they are
            raise ValueError(elsewhere(more))
        body["deidentify"] = deidentify
    return (yield from started(service.url("/export", partition=partition), body))


def _import(service: Service, source: str, partition: str | None) -> Transaction[str]:
    with beyond_azure(service.base_url):
        return (yield from started(service.url("/import", partition=partition), {"source": _place(source)}))


def _destination(named: str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(named, str):
        return _place(named)
    return dict(named) if "type" in named else {"type": "azureBlob", "settings": dict(named)}


def _place(url: str) -> dict[str, Any]:
    scheme = urlsplit(url).scheme
    if not scheme:
        raise ValueError("A place is a URL such as file:///srv/images, as the service sees it.")
    return {"type": scheme, "settings": {"url": url}}
