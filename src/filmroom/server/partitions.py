"""Data partitions (Azure §10): the partition that a path names, found before anything else is done; and their list."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from filmroom.dicom import instants
from filmroom.dicom.resources import NO_PARTITION
from filmroom.errors import BadTarget
from filmroom.protocol import targets
from filmroom.protocol.dialects import Dialect
from filmroom.server.methods import Method
from filmroom.server.requests import partitions_of
from filmroom.services import partitions as service


async def enter(dialect: Dialect, request: Request, method: Method) -> None:
    """Put the key of the partition that the path names where `requests.partition_of` finds it."""
    name, state = request.path_params["partition"], request.state
    key = service.known(state.archive, name)
    if key is None:
        name = targets.partition(name, dialect.wording)
        key = await state.lane.run(service.fetch, state.archive, name)
    if key is None and not method.makes_partition:
        raise dialect.no_partition(dialect.wording.no_partition)
    request.scope["partition"] = NO_PARTITION if key is None else key


async def demand(dialect: Dialect, request: Request, method: Method) -> None:
    """Refuse a path of what lies in partitions, for it names none."""
    raise BadTarget(dialect.wording.which_partition)


async def off(dialect: Dialect, request: Request) -> Response:
    """Refuse a path that names a partition where there are none."""
    raise BadTarget(dialect.wording.partitions_off)


async def fetch_all(dialect: Dialect, request: Request) -> Response:
    """The partitions that may be seen, in the order in which they were made."""
    found = await request.state.lane.run(service.fetch_all, request.state.archive, partitions_of(request))
    return JSONResponse(
        [
            {"partitionKey": one.key, "partitionName": one.name, "createdDate": instants.written(one.created)}
            for one in found
        ]
    )
