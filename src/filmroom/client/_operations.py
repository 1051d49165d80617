"""Long operations of the service, of both clients: how far one is, waiting for its end, ending it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import orjson

from filmroom.client._answers import Answer, json_of
from filmroom.client._messages import JsonBody, Request, Transaction
from filmroom.client._service import Service, encoded, segment
from filmroom.client.exceptions import BadResponse
from filmroom.client.roots import beyond_azure

T = TypeVar("T")

_UNENDED = {"notStarted", "running", "paused", "unknown"}
_NAMES = {"completed": "succeeded"}  # of older versions of the Azure service


@dataclass(frozen=True, slots=True)
class Operation:
    """What the service says of a long operation.

    status     notStarted, running, succeeded, failed or canceled
    percent    how much is done; None when nobody knows how much there is
    resources  URLs of what it works on
    results    what it has to say at its end
    error      why it failed
    json       the answer as it came
    """

    id: str
    type: str
    status: str
    created: datetime
    updated: datetime
    percent: int | None
    resources: tuple[str, ...]
    results: Mapping[str, Any] | None
    error: str | None
    json: Mapping[str, Any]

    @property
    def ended(self) -> bool:
        """Whether nothing follows any more."""
        return self.status not in _UNENDED

    @property
    def succeeded(self) -> bool:
        """Whether it did all that it was to do."""
        return self.status == "succeeded"


@dataclass(frozen=True, slots=True)
class OperationError:
    """An item that an operation could not do, and went on without.

    item  a path under the root of the service, or the name of a file
    """

    item: str
    created: datetime
    message: str
    json: Mapping[str, Any]


class Operations:
    """Methods of the synchronous client."""

    _service: Service

    if TYPE_CHECKING:  # the client has them

        def _run(self, transaction: Transaction[T]) -> T: ...

    def operation(self, operation_id: str) -> Operation:
        """How far a long operation is (Azure's `/operations/ID`)."""
        return self._run(_retrieve(self._service, operation_id))

    def operations(self) -> list[Operation]:
        """The operations started last, the newest first. Filmroom at /dicomweb lists them; Azure does not."""
        return self._run(_search(self._service))

    def operation_errors(self, operation_id: str, *, limit: int = 100, offset: int = 0) -> list[OperationError]:
        """The items that an operation could not do, at most 200 at once. Filmroom at /dicomweb; Azure has none."""
        return self._run(_errors(self._service, operation_id, limit, offset))

    def cancel_operation(self, operation_id: str) -> Operation:
        """Have an operation end after what it is just at. Filmroom at /dicomweb can do that; Azure can not."""
        return self._run(_cancel(self._service, operation_id))

    def wait_for_operation(self, operation_id: str, *, timeout: float | None = None, poll: float = 1.0) -> Operation:
        """The operation when it has ended, however it did: look at `.succeeded` and `.error`.

        It is asked for every `poll` seconds, for `timeout` seconds at most; then TimeoutError is raised, and the
        operation goes on.
        """
        end = _end(timeout)
        while not (found := self.operation(operation_id)).ended:
            time.sleep(_rest(end, poll, found))
        return found


class AsyncOperations:
    """Methods of the asynchronous client, which are those of `Operations`."""

    _service: Service

    if TYPE_CHECKING:  # the client has them

        async def _run(self, transaction: Transaction[T]) -> T: ...

    async def operation(self, operation_id: str) -> Operation:
        return await self._run(_retrieve(self._service, operation_id))

    async def operations(self) -> list[Operation]:
        return await self._run(_search(self._service))

    async def operation_errors(self, operation_id: str, *, limit: int = 100, offset: int = 0) -> list[OperationError]:
        return await self._run(_errors(self._service, operation_id, limit, offset))

    async def cancel_operation(self, operation_id: str) -> Operation:
        return await self._run(_cancel(self._service, operation_id))

    async def wait_for_operation(
        self, operation_id: str, *, timeout: float | None = None, poll: float = 1.0
    ) -> Operation:
        end = _end(timeout)
        while not (found := await self.operation(operation_id)).ended:
            await anyio.sleep(_rest(end, poll, found))
        return found


def started(url: str, json: Any) -> Transaction[str]:
    """The id of the operation that a request starts."""
    body = JsonBody(orjson.dumps(json))
    found = json_of((yield Request("POST", url, {"accept": "application/json"} | body.headers, body)), "operation")
    if not isinstance(found, dict) or not isinstance(found.get("id"), str):
        raise BadResponse("The answer names no operation.")
    return str(found["id"])


def _end(timeout: float | None) -> float:
    return float("inf") if timeout is None else time.monotonic() + timeout


def _rest(end: float, poll: float, found: Operation) -> float:
    """How long to wait before the next look."""
    left = end - time.monotonic()
    if left <= 0:
        state = "has not started yet" if found.status == "notStarted" else f"is {found.status}"
        raise TimeoutError(f"The operation has not ended in time: it {state}.")
    return min(poll, left)


def _url(service: Service, operation_id: str) -> str:
    return f"{service.base_url}/operations/{segment(operation_id)}"  # operations are of no partition


def _retrieve(service: Service, operation_id: str) -> Transaction[Operation]:
    answer = yield Request("GET", _url(service, operation_id), {"accept": "application/json"})
    return _read(json_of(answer, "operation"))


def _search(service: Service) -> Transaction[list[Operation]]:
    answer = yield Request("GET", f"{service.base_url}/operations", {"accept": "application/json"})
    with beyond_azure(service.base_url):
        return [_read(one) for one in _listed(answer, "list of operations")]


def _errors(service: Service, operation_id: str, limit: int, offset: int) -> Transaction[list[OperationError]]:
    page = encoded([("limit", limit), ("offset", offset)])
    answer = yield Request("GET", f"{_url(service, operation_id)}/errors?{page}", {"accept": "application/json"})
    with beyond_azure(service.base_url):
        found = _listed(answer, "list of errors")
    try:
        return [
            OperationError(one["item"], datetime.fromisoformat(one["createdTime"]), one["errorMessage"], one)
            for one in found
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise BadResponse("The answer is no list of errors.") from error


def _listed(answer: Answer, what: str) -> list[Any]:
    found = json_of(answer, what)
    if not isinstance(found, list):
        raise BadResponse(f"The answer is no {what}.")
    return found


def _cancel(service: Service, operation_id: str) -> Transaction[Operation]:
    url = f"{_url(service, operation_id)}/cancelrequest"
    answer = yield Request("POST", url, {"accept": "application/json"})
    with beyond_azure(service.base_url):
        return _read(json_of(answer, "operation"))


def _read(json: Any) -> Operation:
    try:
        return Operation(
            id=json["operationId"],
            type=json["type"],
            status=_NAMES.get(json["status"], json["status"]),
            created=datetime.fromisoformat(json["createdTime"]),
            updated=datetime.fromisoformat(json["lastUpdatedTime"]),
            percent=json.get("percentComplete"),
            resources=tuple(json.get("resources") or ()),
            results=json.get("results"),
            error=json.get("error"),
            json=json,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadResponse("The answer is no operation: it lacks what each has.") from error
