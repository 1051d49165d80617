"""Retrieve Rendered and Thumbnails over HTTP (PS3.18 §10.4.1.1.3, §10.4.1.1.4)."""

from collections.abc import Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from filmroom.dicom.presentation import Presentation
from filmroom.dicom.resources import Level
from filmroom.errors import BadTarget
from filmroom.protocol import rendering, targets
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind
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
    selected = select(dialect, request, Kind.RENDERED)
    archive = request.state.archive
    if target.level is not Level.INSTANCE:
        many = partial(rendered_service.of_many, archive, target, selected, how)
        return await responses.send_contents(dialect, request, target, many)
    one = partial(rendered_service.of_instance, archive, dialect, target, numbers, selected, how)
    return await responses.send_contents(dialect, request, target, one)


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
