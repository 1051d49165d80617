"""The routes, made of the table: one for all methods of a path, so that 405 and OPTIONS can name them."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router

from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind
from filmroom.server import table
from filmroom.server.methods import Method
from filmroom.server.paths import in_any_case

_NO_RESOURCE = "There is no resource at this path: it is none of PS3.18 §10.1 that is served here."


def router(dialect: Dialect) -> Router:
    """The routes under the root of a dialect."""
    by_path: dict[str, dict[str, Method]] = {}
    for method in table.methods(dialect):
        by_path.setdefault(method.path, {})[method.verb] = method
    routes = [_route(path, dialect, methods) for path, methods in by_path.items()]
    # What other dialects do there is no Study here.
    others = {method.path for method in table.METHODS if "$" in method.path} - by_path.keys()
    routes = [in_any_case(Route(path, _nothing, methods=["POST"])) for path in others] + routes
    nothing = PlainTextResponse(_NO_RESOURCE, 404) if dialect.version is None else Response(status_code=404)
    # A slash too many is no other resource: neither redirected nor served.
    return Router(routes, redirect_slashes=False, default=nothing)


async def _nothing(request: Request) -> Response:
    return Response(status_code=404)


def _route(path: str, dialect: Dialect, methods: dict[str, Method]) -> Route:
    """The Azure service ignores the case of paths, and has no OPTIONS."""
    described = Kind.CAPABILITIES in dialect.offers
    verbs = [*methods, *(["OPTIONS"] if described and "OPTIONS" not in methods else [])]

    async def endpoint(request: Request) -> Response:
        method = methods.get("GET" if request.method == "HEAD" else request.method)
        request.scope["dialect"] = dialect
        request.scope["template"] = dialect.root + path  # for the log
        if method is None:
            request.scope["handler"] = "options"
            return Response(status_code=204, headers={"Allow": ", ".join(sorted(route.methods or ()))})
        request.scope["handler"] = getattr(method.handler, "func", method.handler).__name__
        return await method.handler(dialect, request)

    route = Route(path, endpoint, methods=verbs)
    return route if dialect.version is None else in_any_case(route)
