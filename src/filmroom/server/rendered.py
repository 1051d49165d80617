"""Retrieve Rendered and Thumbnails over HTTP (PS3.18 §10.4.1.1.3, §10.4.1.1.4)."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from filmroom.dicom.presentation import Presentation
from filmroom.dicom.resources import Level
from filmroom.errors import BadTarget
from filmroom.protocol import multipart, rendering, targets
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind
from filmroom.protocol.validators import Validator
from filmroom.server import responses
from filmroom.server.requests import root_of, select, target_of
from filmroom.server.responses import Answer, Conditions
from filmroom.server.work import Body
from filmroom.services import rendered as rendered_service
from filmroom.services.rendered import Rendered, Rendering


async def retrieve_rendered(dialect: Dialect, request: Request) -> Response:
    """Retrieve a Study, a Series, an Instance or Frames as people look at them."""
    target, numbers, parameters = target_of(dialect, request), _numbers(dialect, request), _parameters(request)
    if dialect.presentation:
        how = rendering.parse(parameters)
    else:
        how = Presentation(targets.quality(parameters.get("quality"), dialect.wording), square_pixels=False)
        if numbers is not None and len(numbers) > 1:
            raise BadTarget("One Frame can be rendered at a time: name one number.")
    kind = Kind.RENDERED if target.level is Level.INSTANCE else Kind.RENDERED_MANY
    selected = select(dialect, request, kind)
    archive = request.state.archive
    if target.level is Level.INSTANCE:
        service = partial(rendered_service.of_instance, archive, dialect, target, numbers, selected, how)
    else:
        service = partial(rendered_service.of_many, archive, target, selected, how)
    return await send(dialect, request, service)


async def retrieve_thumbnail(dialect: Dialect, request: Request) -> Response:
    """Retrieve a small image that stands for a Study, a Series, an Instance or a Frame."""
    target, numbers = target_of(dialect, request), _numbers(dialect, request)
    if numbers is not None and len(numbers) > 1:
        raise BadTarget("A thumbnail is of one Frame: name one number.")
    how = rendering.parse_thumbnail(_parameters(request))
    selected = select(dialect, request, Kind.THUMBNAIL)
    service = partial(rendered_service.thumbnail, request.state.archive, target, numbers, selected, how)
    return await send(dialect, request, service)


def _numbers(dialect: Dialect, request: Request) -> tuple[int, ...] | None:
    """The Frames that the path names, if it does."""
    frames = request.path_params.get("frames")
    return None if frames is None else targets.frame_numbers(frames, dialect.wording)


def _parameters(request: Request) -> Mapping[str, str]:
    return {name.lower(): value for name, value in request.query_params.items()}


async def send(dialect: Dialect, request: Request, service: Callable[[], Rendered]) -> Response:
    """Run the service in one hop, and make nothing that the client has."""
    root = root_of(dialect, request)
    conditions = Conditions.of(request, validating=dialect.presentation, dated=True)

    def begin() -> Answer:
        found = service()
        validator = Validator(found.version, found.created, weak=found.multipart)  # its boundary is new each time
        headers = validator.headers | responses.CACHING if dialect.presentation else {}
        if conditions.known(validator):
            return Answer(headers, None, status=304)
        if found.multipart:
            boundary = multipart.new_boundary()
            kind = f'multipart/related; type="{found.parts[0].media_type}"; boundary={boundary}'
            return Answer({**headers, "Content-Type": kind}, Body(_message(found, boundary, root)))
        [part] = found.parts
        length, chunks = part.open()
        return Answer({**headers, **_headers(part, root, dialect)}, Body(chunks), length)

    return responses.send(request, await request.state.work.run(begin))


def _message(found: Rendered, boundary: str, root: str) -> Iterator[bytes]:
    for part, chunks in found.opened():
        headers = {"Content-Type": part.media_type, "Content-Location": root + part.location}
        yield multipart.part_head(boundary, headers)
        yield from chunks
        yield multipart.part_tail()
    yield multipart.closing(boundary)


def _headers(part: Rendering, root: str, dialect: Dialect) -> dict[str, str]:
    headers = {"Content-Type": part.media_type}
    if part.media_type.startswith("text/"):
        headers |= responses.POLICY
    return headers | {"Content-Location": root + part.location} if dialect.presentation else headers
