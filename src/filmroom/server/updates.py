"""Updates of Studies (Azure; PS3.18 has nothing like it): started here, done by the operations worker."""

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from filmroom.audit.gathered import note
from filmroom.audit.records import MOST_NAMED
from filmroom.dicom import store_response
from filmroom.dicom.validation import Problem
from filmroom.errors import BadAttributes
from filmroom.protocol import updates as messages
from filmroom.protocol.dialects import Dialect
from filmroom.server.operations import location
from filmroom.server.requests import body_of, root_of, target_of
from filmroom.services import updates as service

LARGEST_BODY = 1 << 20  # bytes


async def update(dialect: Dialect, request: Request) -> Response:
    """Have attributes of all Instances of Studies changed. Attributes that can't be are told in a data set."""
    root, partition = root_of(dialect, request), target_of(dialect, request).partition
    body = await body_of(request, LARGEST_BODY, typed=False)
    try:
        wanted = await request.state.lane.run(messages.parse, dialect, body)
    except BadAttributes as error:
        problems = [Problem(*one) for one in error.problems]
        return Response(orjson.dumps(store_response.write_problems(problems)), 400, None, dialect.response_type)
    made = await request.state.lane.run(service.start, request.state.archive, wanted, partition)
    note(operation=made, studies=wanted.studies[:MOST_NAMED], attributes=sorted(wanted.changes))
    return JSONResponse({"id": made, "href": location(root, made)}, 202)
