"""Exports and imports: files to a folder or a bucket (Azure), and from one (of ours)."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from filmroom.audit.gathered import note
from filmroom.errors import NotFound
from filmroom.protocol import transfers
from filmroom.protocol.dialects import Dialect
from filmroom.server.operations import started
from filmroom.server.requests import body_of, root_of, seen, target_of
from filmroom.services import operations as service
from filmroom.services.views import together


async def export(dialect: Dialect, request: Request) -> Response:
    """Have files of Instances copied to a folder or a bucket."""
    allowed = request.state.settings.export_to
    if not allowed:
        raise NotFound(dialect.wording.no_export)
    body = await body_of(request, transfers.LARGEST_BODY)
    asked = await request.state.lane.run(transfers.parse_export, body, target_of(dialect, request).partition)
    asked = replace(asked, resources=tuple(seen(request, one) for one in asked.resources))
    shown, by = together(request.scope["grants"]), request.scope["access"].id
    made = await request.state.lane.run(service.start_export, request.state.archive, asked, allowed, shown, by)
    note(operation=made)
    return started(root_of(dialect, request), made)


async def import_from(dialect: Dialect, request: Request) -> Response:
    """Have the DICOM files of a folder or a bucket stored."""
    settings = request.state.settings
    if not settings.import_from:
        raise NotFound("There are no imports here: the setting import_from names no places that they may come from.")
    asked = await request.state.lane.run(transfers.parse_import, await body_of(request))
    partition = target_of(dialect, request).partition
    made = await request.state.lane.run(
        service.start_import, request.state.archive, asked, settings.import_from, settings.part_limit, partition
    )
    note(operation=made)
    return started(root_of(dialect, request), made)
