"""The URI Service (PS3.18 §9): one Instance as a DICOM file, or as an image or a text, by a query alone."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from filmroom.audit.gathered import note
from filmroom.errors import NotAcceptable
from filmroom.protocol import negotiation, offers, wado_uri
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind
from filmroom.server import responses
from filmroom.server.requests import partition_of, seen
from filmroom.services import rendered as rendered_service
from filmroom.services import retrieve as retrieve_service


async def retrieve(dialect: Dialect, request: Request) -> Response:
    """Retrieve DICOM Instance and Retrieve Rendered Instance (PS3.18 §9.4, §9.5): the media type chooses."""
    asked = wado_uri.parse(request.query_params.multi_items(), partition_of(request))
    note(**dict(zip(("study", "series", "instance"), asked.target.uids, strict=True)))
    target = seen(request, asked.target)
    accept = request.headers.getlist("accept") if asked.accept is None else [asked.accept]
    selected = negotiation.select(accept, (), dialect.offers[Kind.URI])
    file = selected.only(lambda one: one.media_type == offers.DICOM)
    if selected.media_type != offers.DICOM:
        frames, how = None if asked.frame is None else (asked.frame,), asked.presentation
        archive = request.state.archive
        service = partial(rendered_service.of_instance, archive, dialect, target, frames, selected, how)
        try:
            return await responses.send_contents(dialect, request, target, service)
        except NotAcceptable:
            if file is None:
                raise
    # How an image should look says nothing of a file; viewers send it all the same.
    assert file is not None
    instance = partial(retrieve_service.instances_of, request.state.archive, dialect, target, file)
    return await responses.send_contents(dialect, request, target, instance)
