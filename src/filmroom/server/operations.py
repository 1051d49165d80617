"""Operations: how far a long one is, which there were, and the wish to end one (Azure; not in the Standard)."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from filmroom.audit.gathered import note
from filmroom.dicom import instants
from filmroom.errors import NotFound
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.parameters import page
from filmroom.server.requests import partitions_of, root_of
from filmroom.services import operations as service
from filmroom.services.delete import SWEEP
from filmroom.services.operations import Operation, State


async def retrieve(dialect: Dialect, request: Request) -> Response:
    """An operation: 202 until it has ended, and 200 then, however it ended."""
    wanted = _id(dialect, request)
    within, by = partitions_of(request), request.scope["access"].id
    found = await request.state.lane.run(service.status, request.state.archive, wanted, dialect.wording, within, by)
    if dialect.operation_types is not None and found.name not in dialect.operation_types:
        raise NotFound(dialect.wording.no_operation)
    root = root_of(dialect, request)
    if found.state.ended:
        return JSONResponse(written(dialect, found, root))
    return JSONResponse(written(dialect, found, root), 202, {"Location": location(root, found.id)})


async def errors(dialect: Dialect, request: Request) -> Response:
    """The items that an operation could not do, and went on without."""
    wanted = _id(dialect, request)
    asked = page(request.query_params.multi_items(), dialect.wording)
    within = partitions_of(request)
    found = await request.state.lane.run(
        service.failures, request.state.archive, wanted, *asked, dialect.wording, within
    )
    return JSONResponse(
        [{"item": one.item, "createdTime": instants.written(one.created), "errorMessage": one.message} for one in found]
    )


async def search(dialect: Dialect, request: Request) -> Response:
    """The operations started last, the newest first."""
    found = await request.state.lane.run(service.newest, request.state.archive, partitions_of(request))
    root = root_of(dialect, request)
    return JSONResponse([written(dialect, operation, root) for operation in found])


async def cancel(dialect: Dialect, request: Request) -> Response:
    """Have an operation end after its current batch. 202: whether it was in time, its state will tell."""
    wanted, root = _id(dialect, request), root_of(dialect, request)
    within = partitions_of(request)
    found = await request.state.lane.run(service.cancel, request.state.archive, wanted, dialect.wording, within)
    return JSONResponse(written(dialect, found, root), 202, {"Location": location(root, found.id)})


async def sweep(dialect: Dialect, request: Request) -> Response:
    """Have the files of deleted Instances removed."""
    arguments = {"delay": request.state.settings.sweep_delay}
    made = await request.state.lane.run(service.start, request.state.archive, SWEEP, arguments)
    note(operation=made)
    return started(root_of(dialect, request), made)


def started(root: str, name: str) -> Response:
    """What whoever starts an operation is told: where to ask how far it is."""
    url = location(root, name)
    return JSONResponse({"id": name, "href": url}, 202, {"Location": url})


def location(root: str, name: str) -> str:
    """The absolute URL of an operation."""
    return f"{root}/operations/{name}"


def written(dialect: Dialect, operation: Operation, root: str) -> dict[str, Any]:
    """The JSON of an operation, as the Azure service has it; what is not known is left out."""
    return dict(_members(dialect, operation, root))


def _members(dialect: Dialect, operation: Operation, root: str) -> Iterator[tuple[str, Any]]:
    yield "operationId", operation.id
    yield "type", operation.name
    yield "createdTime", instants.written(operation.created)
    yield "lastUpdatedTime", instants.written(operation.updated)
    yield "status", dialect.succeeded if operation.state is State.SUCCEEDED else operation.state
    if operation.percent is not None:
        yield "percentComplete", operation.percent
    if operation.partition is not None:
        yield "partitionName", operation.partition
    if resources := service.resources(operation):
        yield "resources", [root + path for path in resources]
    if operation.results is not None:
        yield "results", operation.results
    if operation.error is not None:
        yield "error", operation.error


def _id(dialect: Dialect, request: Request) -> str:
    """The 32 digits of the id in the path, which .NET also writes with hyphens and brackets."""
    try:
        return UUID(request.path_params["operation"].strip("()")).hex
    except ValueError:
        raise NotFound(dialect.wording.no_operation) from None
