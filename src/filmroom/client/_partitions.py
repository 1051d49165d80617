"""The data partitions of the service, of both clients."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from filmroom.client._answers import json_of
from filmroom.client._messages import Request, Transaction
from filmroom.client._service import Service
from filmroom.client.exceptions import BadResponse

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Partition:
    """A data partition: what `partition=` names; `json` is the answer as it came."""

    name: str
    key: int
    created: datetime
    json: Mapping[str, Any]


class Partitions:
    """Methods of the synchronous client."""

    _service: Service

    if TYPE_CHECKING:  # the client has it

        def _run(self, transaction: Transaction[T]) -> T: ...

    def partitions(self) -> list[Partition]:
        """The data partitions of the service, the first made first (Azure, Filmroom). A store makes new ones.

        A service that has none, or has them switched off, raises `BadRequest` or `NotFound`.
        """
        return self._run(_list(self._service))


class AsyncPartitions:
    """The same method of the asynchronous client."""

    _service: Service

    if TYPE_CHECKING:  # the client has it

        async def _run(self, transaction: Transaction[T]) -> T: ...

    async def partitions(self) -> list[Partition]:
        return await self._run(_list(self._service))


def _list(service: Service) -> Transaction[list[Partition]]:
    # The list is of no partition. By its documents the Azure service may answer an empty one with 204.
    answer = yield Request("GET", f"{service.base_url}/partitions", {"accept": "application/json"})
    found = json_of(answer, "list of partitions") or []
    try:
        return [
            Partition(one["partitionName"], one["partitionKey"], datetime.fromisoformat(one["createdDate"]), one)
            for one in found
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadResponse("The answer is no list of partitions.") from error
