"""The Studies Service and Resources (PS3.18 §10): store, retrieve, search, delete, in every dialect."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from filmroom.dicom import store_response
from filmroom.dicom.resources import Level, Resource
from filmroom.dicom.store_response import Summary
from filmroom.protocol import negotiation, queries, targets
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind, Selected
from filmroom.server import bodies, rendered, responses
from filmroom.server.bodies import Receiver
from filmroom.server.paths import in_any_case
from filmroom.server.responses import Multipart
from filmroom.server.work import Body
from filmroom.services import delete as delete_service
from filmroom.services import retrieve as retrieve_service
from filmroom.services import search as search_service
from filmroom.services import store as store_service
from filmroom.services.retrieve import Content

Handler = Callable[..., Awaitable[Response]]

_STUDY = "/studies/{study}"
_SERIES = _STUDY + "/series/{series}"
_INSTANCE = _SERIES + "/instances/{instance}"


def routes(dialect: Dialect) -> list[Route]:
    """The routes under the root of a dialect (PS3.18 Tables 10.3-1 and 10.1-1 to 10.1-5)."""
    studies, series, instances = (partial(search, level=level) for level in Level)
    table: dict[str, dict[str, Handler]] = {
        "/studies": {"GET": studies, "POST": store, "PUT": store},
        "/series": {"GET": series},
        "/instances": {"GET": instances},
        _STUDY: {"GET": retrieve, "POST": store, "PUT": store, "DELETE": delete},
        _SERIES: {"GET": retrieve, "DELETE": delete},
        _INSTANCE: {"GET": retrieve, "DELETE": delete},
        _STUDY + "/series": {"GET": series},
        _STUDY + "/instances": {"GET": instances},
        _SERIES + "/instances": {"GET": instances},
        _STUDY + "/metadata": {"GET": retrieve_metadata},
        _SERIES + "/metadata": {"GET": retrieve_metadata},
        _INSTANCE + "/metadata": {"GET": retrieve_metadata},
        _INSTANCE + "/frames/{frames}": {"GET": retrieve_frames},
        **rendered.handlers(dialect),
    }
    if Kind.BULKDATA in dialect.offers:
        table[_INSTANCE + "/bulkdata/{path:path}"] = {"GET": retrieve_bulkdata}
    return [_route(path, dialect, methods) for path, methods in table.items()]


async def store(dialect: Dialect, request: Request) -> Response:
    """Store Transaction (PS3.18 §10.5): POST adds, PUT also replaces."""
    _select(dialect, request, Kind.STORE)
    target, state = _target(request), request.state
    root = _root(dialect, request)

    def begin() -> tuple[Summary, bytes, str | None]:
        stored = store_service.store(state.archive, dialect, target, body.parts, replace=request.method == "PUT")
        written = store_response.write(stored.outcomes, root, target.study, dialect.response_shape)
        warning = _MULTIPLE_VALUES if stored.multiple_values else None
        return store_response.summarize(stored.outcomes), orjson.dumps(written), warning

    with Receiver(
        state.work, state.archive.spool, state.settings.memory_per_request, state.settings.part_limit
    ) as body:
        await bodies.receive(request, body, lenient=dialect.lenient_parts)
        summary, written, warning = await state.work.run(begin)
    status = dialect.store_statuses[summary]
    if status == 204:
        return Response(status_code=status)
    return Response(written, status, _warnings(request, warning), dialect.response_type)


_MULTIPLE_VALUES = "One or more indexed Dicom tag(s) have multiple values, only first value is indexed."


async def retrieve(dialect: Dialect, request: Request) -> Response:
    """Retrieve a Study, a Series or an Instance (PS3.18 §10.4.1.1.1)."""
    target = _target(request)
    kind = Kind.INSTANCE if target.level is Level.INSTANCE else Kind.STUDY
    selected = _select(dialect, request, kind)
    service = partial(retrieve_service.instances_of, request.state.archive, dialect, target, selected)
    return await _send_contents(dialect, request, service, selected)


async def retrieve_frames(dialect: Dialect, request: Request) -> Response:
    """Retrieve Frames (PS3.18 §10.4.1.1.6)."""
    target = _target(request)
    numbers = targets.frame_numbers(request.path_params["frames"])
    selected = _select(dialect, request, Kind.FRAMES).for_parts(len(numbers))
    service = partial(retrieve_service.frames, request.state.archive, target, numbers, selected)
    return await _send_contents(dialect, request, service, selected)


async def retrieve_bulkdata(dialect: Dialect, request: Request) -> Response:
    """Retrieve one bulk value (PS3.18 §10.4.1.1.5)."""
    selected = _select(dialect, request, Kind.BULKDATA)
    path = request.path_params["path"]
    service = partial(retrieve_service.bulkdata, request.state.archive, _target(request), path, selected)
    return await _send_contents(dialect, request, service, selected)


async def retrieve_metadata(dialect: Dialect, request: Request) -> Response:
    """Retrieve Metadata (PS3.18 §10.4.1.1.2), or 304 when the client has it already."""
    _select(dialect, request, Kind.METADATA)
    target, root = _target(request), _root(dialect, request)
    known = _versions(dialect, request.headers.getlist("if-none-match"))

    def begin() -> tuple[str, Body | None]:
        found = retrieve_service.metadata(request.state.archive, dialect, target, root, known)
        return found.version, None if found.texts is None else Body(responses.json_array(found.texts))

    version, body = await request.state.work.run(begin)
    headers = {"ETag": f'"{version}"' if dialect.quoted_etags else version}
    if body is None:
        # RFC 9110 §15.4.5 wants the ETag here too; the Azure service gives none.
        return Response(status_code=304, headers=headers if dialect.quoted_etags else None)
    return responses.send(request, body, headers | {"Content-Type": responses.DICOM_JSON})


async def search(dialect: Dialect, request: Request, level: Level) -> Response:
    """Search Transaction (PS3.18 §10.6)."""
    _select(dialect, request, Kind.SEARCH)
    scope = _target(request)
    query, warnings = queries.parse(dialect, level, scope, request.query_params.multi_items())
    root = _root(dialect, request)

    def begin() -> bytes:
        found = search_service.search(request.state.archive, dialect, query, root)
        return orjson.dumps(found) if found or dialect.empty_search_status != 204 else b""

    body = await request.state.work.run(begin)
    if not body:
        return Response(status_code=204)
    return Response(body, 200, _warnings(request, *warnings), responses.DICOM_JSON)


async def delete(dialect: Dialect, request: Request) -> Response:
    """Delete a Study, a Series or an Instance (Azure; PS3.18 has no such transaction)."""
    await request.state.work.run(delete_service.delete, request.state.archive, _target(request))
    return Response(status_code=204)


def _route(path: str, dialect: Dialect, methods: dict[str, Handler]) -> Route:
    """One route for all methods of a path, so that 405 can name them. The Azure service ignores the case of paths."""

    async def endpoint(request: Request) -> Response:
        handler = methods["GET" if request.method == "HEAD" else request.method]
        request.scope["handler"] = getattr(handler, "func", handler).__name__
        request.scope["dialect"] = dialect
        return await handler(dialect, request)

    route = Route(path, endpoint, methods=list(methods))
    return route if dialect.version is None else in_any_case(route)


def _target(request: Request) -> Resource:
    path = request.path_params
    return targets.resource(path.get("study"), path.get("series"), path.get("instance"))


def _select(dialect: Dialect, request: Request, kind: Kind) -> Selected:
    accept = request.headers.getlist("accept")
    return negotiation.select(accept, request.query_params.get("accept"), dialect.offers[kind])


def _root(dialect: Dialect, request: Request) -> str:
    server = request.scope.get("server")
    port = server[1] if server else None
    public_url = request.state.settings.public_url
    return targets.service_root(request.url.scheme, request.headers.get("host"), port, public_url, dialect.root)


async def _send_contents(
    dialect: Dialect, request: Request, service: Callable[[], list[Content]], selected: Selected
) -> Response:
    """Run the service and take the first batch in one hop; then answer in one part or in several."""
    root = _root(dialect, request) if dialect.described_parts else None

    def begin() -> tuple[str, int | None, Body]:
        contents = service()
        if selected.multipart or len(contents) > 1:  # as many as Frames: the service chose a form that can carry them
            message = Multipart(contents, root)
            return message.content_type, message.length, Body(message.chunks())
        content = contents[0].ready()
        return responses.content_type(content), content.length, Body(content.chunks)

    content_type, length, body = await request.state.work.run(begin)
    return responses.send(request, body, {"Content-Type": content_type}, length)


def _versions(dialect: Dialect, known: Sequence[str]) -> frozenset[str]:
    """What If-None-Match names: "*", or ETags, quoted, weak, in a list (RFC 9110 §13.1.2); or one as Azure has them."""
    if not dialect.quoted_etags:
        return frozenset({", ".join(known)} - {"*"})  # the Azure service compares text with text
    return frozenset(one.strip().removeprefix("W/").strip('"') for line in known for one in line.split(","))


def _warnings(request: Request, *texts: str | None) -> dict[str, str]:
    """One Warning header (RFC 7234 §5.5) with code 299 for each text."""
    host = targets.host(request.headers.get("host")) or "-"
    values = [f'299 {host}: "{text}"' for text in texts if text is not None]
    return {"Warning": ", ".join(values)} if values else {}
