"""Retrieve Rendered and Thumbnails over HTTP (PS3.18 §10.4.1.1.3, §10.4.1.1.4)."""

from collections.abc import Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from filmroom.dicom.presentation import Presentation
from filmroom.dicom.resources import Level
from filmroom.errors import BadTarget, NotAcceptable
from filmroom.protocol import rendering, targets
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import STORED, Kind, Selected
from filmroom.server import responses
from filmroom.server.requests import select, target_of
from filmroom.services import rendered as rendered_service


async def retrieve_rendered(dialect: Dialect, request: Request) -> Response:
    """Retrieve a Study, a Series, an Instance or Frames as people look at them."""
    target, numbers, parameters = target_of(dialect, request), _numbers(dialect, request), _parameters(request)
    if dialect.presentation:
        how = rendering.parse(parameters)
    else:
        how = Presentation(targets.quality(parameters.get("quality"), dialect.wording), square_pixels=False)
        if numbers is not None and len(numbers) > 1:
            raise BadTarget("One Frame can be rendered at a time: name one number.")
    selected = _selected(dialect, request)
    archive = request.state.archive
    if target.level is not Level.INSTANCE:
        many = partial(rendered_service.of_many, archive, target, selected, how)
        return await responses.send_contents(dialect, request, target, many)
    one = partial(rendered_service.of_instance, archive, dialect, target, numbers, selected, how)
    return await responses.send_contents(dialect, request, target, one)


def _selected(dialect: Dialect, request: Request) -> Selected:
    """What is accepted. If that is nothing, what is stored says best what would be (PS3.18 §8.7.8)."""
    try:
        return select(dialect, request, Kind.RENDERED)
    except NotAcceptable:
        if not dialect.presentation:
            raise
        return Selected("", STORED, multipart=False, offers=dialect.offers[Kind.RENDERED])


async def retrieve_thumbnail(dialect: Dialect, request: Request) -> Response:
    """Retrieve a small image that stands for a Study, a Series, an Instance or a Frame."""
    target, numbers = target_of(dialect, request), _numbers(dialect, request)
    if numbers is not None and len(numbers) > 1:
        raise BadTarget("A thumbnail is of one Frame: name one number.")
    how = rendering.parse_thumbnail(_parameters(request))
    selected = select(dialect, request, Kind.THUMBNAIL)
    service = partial(rendered_service.thumbnail, request.state.archive, target, numbers, selected, how)
    return await responses.send_contents(dialect, request, target, service)


def _numbers(dialect: Dialect, request: Request) -> tuple[int, ...] | None:
    """The Frames that the path names, if it does."""
    frames = request.path_params.get("frames")
    return None if frames is None else targets.frame_numbers(frames, dialect.wording)


def _parameters(request: Request) -> Mapping[str, str]:
    return {name.lower(): value for name, value in request.query_params.items()}
