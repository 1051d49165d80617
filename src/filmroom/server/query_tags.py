"""Extended query tags (Azure; PS3.18 has nothing like them): added, listed, changed, deleted."""

from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from filmroom.dicom.query_tags import Listed
from filmroom.errors import AtWork
from filmroom.protocol import query_tags as messages
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.parameters import page
from filmroom.server import errors as answers
from filmroom.server.operations import location, started
from filmroom.server.requests import body_of, root_of
from filmroom.services import query_tags as service


async def add(dialect: Dialect, request: Request) -> Response:
    """Make attributes searchable. What is stored is indexed by an operation."""
    tags = await request.state.lane.run(messages.parse, dialect, await body_of(request))
    root = root_of(dialect, request)
    try:
        operation = await request.state.lane.run(service.declare, request.state.archive, tags)
    except AtWork as error:
        response = await answers.known(request, error)
        response.headers["Location"] = location(root, error.operation)
        return response
    return started(root, operation)


async def fetch_all(dialect: Dialect, request: Request) -> Response:
    """The tags, in the order in which they were added."""
    root, page = root_of(dialect, request), _page(dialect, request)
    found = await request.state.lane.run(service.fetch_all, request.state.archive, *page)
    return JSONResponse([messages.describe(listed, root) for listed in found])


async def fetch(dialect: Dialect, request: Request) -> Response:
    """One tag."""
    return await _described(dialect, request, partial(service.fetch, request.state.archive, _path(request)))


async def update(dialect: Dialect, request: Request) -> Response:
    """Enable or disable searches by a tag."""
    path = _path(request)
    enabled = await request.state.lane.run(messages.parse_update, await body_of(request))
    return await _described(dialect, request, partial(service.update, request.state.archive, path, enabled=enabled))


async def delete(dialect: Dialect, request: Request) -> Response:
    """Remove a tag."""
    await request.state.lane.run(service.delete, request.state.archive, _path(request))
    return Response(status_code=204)


async def errors(dialect: Dialect, request: Request) -> Response:
    """The Instances that have values of a tag that are not valid."""
    path, page = _path(request), _page(dialect, request)
    found = await request.state.lane.run(service.fetch_errors, request.state.archive, path, *page)
    return JSONResponse(list(map(messages.describe_error, found)))


async def _described(dialect: Dialect, request: Request, begin: Callable[[], Listed]) -> Response:
    listed = await request.state.lane.run(begin)
    return JSONResponse(messages.describe(listed, root_of(dialect, request)))


def _path(request: Request) -> str:
    return messages.parse_path(request.path_params["tag"])


def _page(dialect: Dialect, request: Request) -> tuple[int, int]:
    return page(request.query_params.multi_items(), dialect.wording)
