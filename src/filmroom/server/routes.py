"""The routes, made of the table: one for all methods of a path, so that 405 and OPTIONS can name them."""

from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router

from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind
from filmroom.server import admission, audit, partitions, table
from filmroom.server.lanes import Lane
from filmroom.server.methods import Method
from filmroom.server.paths import in_any_case

_NO_RESOURCE = "There is no resource at this path: it is none of PS3.18 §10.1 that is served here."


Enter = Callable[[Dialect, Request, Method], Awaitable[None]]


def router(dialect: Dialect, *, in_partitions: bool = False) -> Router:
    """The routes under the root of a dialect. With data partitions in use, what lies in one is only found there."""
    methods = table.methods(dialect, partitions=in_partitions)
    if in_partitions:
        inside = [method for method in methods if table.PARTITION in method.path]
        without = [one for one in table.methods(dialect, partitions=False) if not one.shared]
        routes = [
            *_routes(dialect, inside, partitions.enter),
            *_routes(dialect, [one for one in methods if one not in inside]),
            *_routes(dialect, without, partitions.demand),
        ]
    else:
        routes = [*_routes(dialect, methods), *_refused(dialect)]
    routes = [*_absent(dialect, in_partitions), *routes]
    nothing = PlainTextResponse(_NO_RESOURCE, 404) if dialect.version is None else Response(status_code=404)
    # A slash too many is no other resource: neither redirected nor served.
    return Router(routes, redirect_slashes=False, default=nothing)


def _routes(dialect: Dialect, methods: Iterable[Method], enter: Enter | None = None) -> list[Route]:
    """The routes of some methods; `enter` is what is done before any of them."""
    by_path: dict[str, dict[str, Method]] = {}
    for method in methods:
        by_path.setdefault(method.path, {})[method.verb] = method
    return [_route(path, dialect, methods, enter) for path, methods in by_path.items()]


def _refused(dialect: Dialect) -> list[Route]:
    """Every path of partitions, whatever the method: there are none."""

    async def off(request: Request) -> Response:
        request.scope.update({"dialect": dialect, "template": f"{dialect.root}/partitions", "handler": "off"})
        return await partitions.off(dialect, request)

    return [_anyhow(dialect, path, off) for path in ("/partitions", "/partitions/{rest:path}")]


def _absent(dialect: Dialect, in_partitions: bool) -> list[Route]:
    """What only other dialects do to all Studies is no Study here: `/studies/$bulkUpdate`."""

    async def nothing(request: Request) -> Response:
        request.scope["handler"] = "nothing"  # all versions have the route, and announce it
        return Response(status_code=404)

    others = {one.path for one in table.METHODS if "$" in one.path and one.kind not in dialect.offers}
    paths = [before + path for before in ("", table.PARTITION)[: 1 + in_partitions] for path in sorted(others)]
    return [_anyhow(dialect, path, nothing) for path in paths]


def _anyhow(dialect: Dialect, path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    """A route that answers every method."""
    route = _in_case(dialect, Route(path, endpoint))
    route.methods = None  # given to the route, it would mean GET
    return route


def _in_case(dialect: Dialect, route: Route) -> Route:
    """The Azure service ignores the case of paths."""
    return route if dialect.version is None else in_any_case(route)


def _route(path: str, dialect: Dialect, methods: dict[str, Method], enter: Enter | None) -> Route:
    """One route for all methods of a path. The Azure service has no OPTIONS."""
    described = Kind.CAPABILITIES in dialect.offers
    actions = {method.name: audit.action_of(method) for method in methods.values()}
    verbs = [*methods, *(["OPTIONS"] if described and "OPTIONS" not in methods else [])]

    async def endpoint(request: Request) -> Response:
        method = methods.get("GET" if request.method == "HEAD" else request.method)
        request.scope["dialect"] = dialect
        request.scope["template"] = dialect.root + path  # for the log
        if method is None:
            request.scope["handler"] = request.scope["audited"] = "options"
            return Response(status_code=204, headers={"Allow": ", ".join(sorted(route.methods or ()))})
        request.scope["audited"] = actions[method.name]
        request.scope["handler"] = getattr(method.handler, "func", method.handler).__name__
        admission.admit(dialect, request, method)
        lane: Lane = request.state.work.lanes[method.use]
        lane.enter()
        request.scope["lane"] = request.state.work = lane  # which `allowance` leaves when the answer is sent
        if enter is not None:
            await enter(dialect, request, method)
        await admission.see(request, method)
        return await method.handler(dialect, request)

    route = _in_case(dialect, Route(path, endpoint, methods=verbs))
    return route
