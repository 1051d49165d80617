"""Errors become statuses here and nowhere else: one table, looked up along the ancestors of the class."""

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from filmroom import errors
from filmroom.protocol import byte_ranges, challenges
from filmroom.protocol.dialects import Dialect

log = structlog.get_logger()

STATUSES: dict[type[errors.Error], int] = {
    errors.BadRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.NotAcceptable: 406,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.NotSatisfiable: 416,
    errors.TooMany: 429,
    errors.Lost: 500,
    errors.Unavailable: 503,
}
RETRY_AFTER = "5"  # seconds; a full disk or a busy index rarely heals sooner
INTERNAL = (
    "The server encountered an internal error. Please retry the request. If the issue persists, please contact support."
)


def status_of(error: errors.Error) -> int:
    """The HTTP status of an error."""
    return next(STATUSES[ancestor] for ancestor in type(error).__mro__ if ancestor in STATUSES)


async def known(request: Request, error: Exception) -> Response:
    """Answer an error of our own tree with its sentence as plain text."""
    assert isinstance(error, errors.Error)
    status = status_of(error)
    headers = {"Retry-After": RETRY_AFTER} if status == 503 else None
    if isinstance(error, errors.TooMany):
        headers = {"Retry-After": str(error.wait) if error.wait else RETRY_AFTER}
    if isinstance(error, errors.NotSatisfiable):
        headers = {"Content-Range": byte_ranges.unsatisfied(error.length)}
    if isinstance(error, errors.Unauthenticated):
        headers = {"WWW-Authenticate": challenges.of(request.state.authority.challenge, error)}
    if isinstance(error, errors.NoRole) and _takes_tokens(request):
        headers = {"WWW-Authenticate": challenges.of(request.state.authority.challenge, error)}
    if status >= 500:
        log.error(type(error).__name__.lower(), reason=str(error), cause=repr(error.__cause__))
    dialect: Dialect | None = request.scope.get("dialect")
    fixed = status == 500 and dialect is not None and dialect.fixed_500
    return PlainTextResponse(INTERNAL if fixed else str(error), status, headers)


def _takes_tokens(request: Request) -> bool:
    """Whether another token would help: not with a share link. The Azure service says nothing of it with 403."""
    dialect: Dialect | None = request.scope.get("dialect")
    return dialect is not None and dialect.version is None and "prefix" not in request.scope


async def gone(request: Request, error: Exception) -> Response:
    """The client went away in mid-body. Nobody reads this answer; nothing was stored."""
    return Response(status_code=400)


async def unforeseen(request: Request, error: Exception) -> Response:
    """The outermost handler: the trace goes to the log, a fixed sentence to the client, if it may with the id."""
    dialect: Dialect | None = request.scope.get("dialect")
    identifier: str | None = request.scope.get("request_id")
    fixed = identifier is None or (dialect is not None and dialect.fixed_500)
    return PlainTextResponse(INTERNAL if fixed else f"{INTERNAL} The id of this request is {identifier}.", 500)


HANDLERS = {errors.Error: known, ClientDisconnect: gone, Exception: unforeseen}
