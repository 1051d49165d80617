"""The change feed (Azure; PS3.18 has nothing like it). It is sent whatever a request accepts."""

from starlette.requests import Request
from starlette.responses import Response

from filmroom.protocol import change_feed as parameters
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.offers import JSON
from filmroom.server import messages, responses
from filmroom.server.requests import bases, partitions_of
from filmroom.server.responses import Answer
from filmroom.server.work import Body
from filmroom.services import change_feed as service


async def retrieve(dialect: Dialect, request: Request) -> Response:
    """The changes of a window of sequences or of time; an empty array if there are none."""
    asked = request.query_params.multi_items()
    window, metadata = parameters.parse(dialect, asked), parameters.includes_metadata(dialect, asked)
    base, within = bases(dialect, request), partitions_of(request)

    def begin() -> Answer:
        found = service.changes(request.state.archive, dialect, window, base, metadata=metadata, within=within)
        chunks, coding = responses.coded(request, messages.json_array(found))
        return Answer(coding | {"Content-Type": JSON}, Body(chunks))

    return responses.send(request, await request.state.lane.run(begin))


async def retrieve_latest(dialect: Dialect, request: Request) -> Response:
    """The newest change; no content if nothing was ever stored."""
    metadata = parameters.includes_metadata(dialect, request.query_params.multi_items())
    base, within = bases(dialect, request), partitions_of(request)
    found = await request.state.lane.run(
        service.latest, request.state.archive, dialect, base, metadata=metadata, within=within
    )
    return Response(status_code=204) if found is None else Response(found, media_type=JSON)
