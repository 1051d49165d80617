"""The routes, made of the table: one for all methods of a path, so that 405 and OPTIONS can name them."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import ExitStack

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from filmroom.audit.gathered import note
from filmroom.errors import Error
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind
from filmroom.server import admission, audit, errors, partitions, table
from filmroom.server.allowance import client_of
from filmroom.server.methods import Method
from filmroom.server.paths import in_any_case

_NO_RESOURCE = "There is no resource at this path: it is none of PS3.18 §10.1 that is served here."


Enter = Callable[[Dialect, Request, Method], Awaitable[None]]


def router(dialect: Dialect, *, in_partitions: bool = False) -> ASGIApp:
    """What is under the root of a dialect."""
    nothing = PlainTextResponse(_NO_RESOURCE, 404) if dialect.version is None else Response(status_code=404)
    return by_depth(under(dialect, in_partitions=in_partitions), nothing)


def by_depth(routes: Sequence[Route], default: ASGIApp) -> ASGIApp:
    """Try those routes alone that have as many slashes as the path: of fifty, some three.

    A slash too many is no other resource: neither redirected nor served.
    """
    deepest = max(route.path.count("/") for route in routes)
    routers = [
        Router([one for one in routes if _may_match(one, depth)], redirect_slashes=False, default=default)
        for depth in range(deepest + 2)  # what is deeper has the last
    ]

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        depth = scope["path"].count("/") - scope.get("root_path", "").count("/")
        await routers[min(depth, deepest + 1)](scope, receive, send)

    return choose


def _may_match(route: Route, depth: int) -> bool:
    own = route.path.count("/")
    return own == depth or (own < depth and ":path}" in route.path)


def under(dialect: Dialect, *, in_partitions: bool = False) -> list[Route]:
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
    return [*_absent(dialect, in_partitions), *routes]


def _routes(dialect: Dialect, methods: Iterable[Method], enter: Enter | None = None) -> list[Route]:
    """The routes of some methods; `enter` is what is done before any of them."""
    by_path: dict[str, dict[str, Method]] = {}
    for method in methods:
        by_path.setdefault(method.path, {})[method.verb] = method
    resources = [Resource(dialect, path, methods, enter) for path, methods in by_path.items()]
    return [_in_case(dialect, Route(one.path, one, methods=one.verbs)) for one in resources]


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


class Resource:
    """What is at one path: a method for each verb. ASGI, so that a request is in its lane until its answer is sent."""

    def __init__(self, dialect: Dialect, path: str, methods: dict[str, Method], enter: Enter | None) -> None:
        self.path, self._dialect, self._enter = path, dialect, enter
        self._template = dialect.root + path
        described = Kind.CAPABILITIES in dialect.offers  # the Azure service has no OPTIONS
        self.verbs = sorted({*methods, *(["HEAD"] if "GET" in methods else []), *(["OPTIONS"] if described else [])})
        served = methods | ({"HEAD": methods["GET"]} if "GET" in methods else {})
        self._rows = {verb: (one, audit.action_of(one), one.handler_name) for verb, one in served.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        scope["dialect"], scope["template"] = self._dialect, self._template
        row = self._rows.get(scope["method"])
        if row is None:
            scope["handler"] = scope["audited"] = "options"
            await Response(status_code=204, headers={"Allow": ", ".join(self.verbs)})(scope, receive, send)
            return
        request = Request(scope, receive, send)
        method, scope["audited"], scope["handler"] = row
        with ExitStack() as place:
            try:
                response = await self._answer(request, method, place)
            except Error as error:  # here, inside of what adds the headers of a root
                response = await errors.known(request, error)
            await response(scope, receive, send)

    async def _answer(self, request: Request, method: Method, place: ExitStack) -> Response:
        dialect, state = self._dialect, request.state
        if dialect.version is not None:  # the Standard has no such headers
            note(custom=audit.custom(request.scope["headers"]))
        admission.admit(dialect, request, method)
        if method.use is not None:
            state.lane = state.work.lanes[method.use]
            place.enter_context(state.lane.place(client_of(request.scope)))
        if self._enter is not None:
            await self._enter(dialect, request, method)
        await admission.see(request, method)
        return await method.handler(dialect, request)
