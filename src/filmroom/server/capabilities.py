"""Retrieve Capabilities Transaction (PS3.18 §8.9): what can be done under a root, for programs."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from filmroom.protocol import offers
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind
from filmroom.server import wadl
from filmroom.server.methods import Method
from filmroom.server.requests import base_of, select

_WRITERS = {offers.WADL: wadl.as_xml, offers.JSON: wadl.as_json, offers.DICOM_JSON: wadl.as_json}


async def retrieve(dialect: Dialect, request: Request, methods: Sequence[Method]) -> Response:
    """The Capabilities Description of the root. OPTIONS also names the methods of the root itself."""
    selected = select(dialect, request, Kind.CAPABILITIES)
    document = wadl.describe(methods, dialect, base_of(dialect, request))
    headers = {"Allow": ", ".join(sorted({"HEAD", *(method.verb for method in methods if method.path == "/")}))}
    body = _WRITERS[selected.media_type](document)
    return Response(body, headers=headers if request.method == "OPTIONS" else {}, media_type=selected.media_type)
