"""The URI Service (PS3.18 §9): one Instance as a DICOM file, or one Frame of it as an image, by a query alone."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from filmroom.errors import BadParameter
from filmroom.protocol import negotiation, offers, wado_uri
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind, Selected
from filmroom.protocol.wado_uri import UriRequest
from filmroom.server import studies
from filmroom.services import rendered as rendered_service
from filmroom.services import retrieve as retrieve_service

_NAMES = {
    "window": "'windowCenter' and 'windowWidth'",
    "viewport": "'rows' and 'columns'",
    "annotation": "'annotation'",
    "region": "'region'",
}


async def retrieve(dialect: Dialect, request: Request) -> Response:
    """Retrieve DICOM Instance and Retrieve Rendered Instance (PS3.18 §9.4, §9.5): the media type chooses."""
    asked = wado_uri.parse(request.query_params.multi_items())
    accept = request.headers.getlist("accept") if asked.accept is None else [asked.accept]
    selected = negotiation.select(accept, (), dialect.offers[Kind.URI])
    if selected.media_type == offers.DICOM:
        # How an image should look says nothing of a file; viewers send it all the same.
        service = partial(retrieve_service.instances_of, request.state.archive, dialect, asked.target, selected)
        return await studies.send_contents(dialect, request, asked.target, service)
    return await _rendered(dialect, request, asked, selected)


async def _rendered(dialect: Dialect, request: Request, asked: UriRequest, selected: Selected) -> Response:
    unsupported = [name for name in asked.presentation if name != "quality"] + ["region"] * bool(asked.region)
    if unsupported:
        raise BadParameter(f"The query parameters {_NAMES[unsupported[0]]} are not supported yet; leave them out.")
    state, media_type = request.state, selected.media_type
    image = await state.work.run(
        rendered_service.frame, state.archive, dialect, asked.target, asked.frame, media_type, asked.quality
    )
    return Response(image, media_type=media_type)
