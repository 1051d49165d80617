"""The Studies Service and Resources (PS3.18 §10): store, retrieve, search, delete, in every dialect."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import orjson
from starlette.requests import Request
from starlette.responses import Response

from filmroom.audit.gathered import note
from filmroom.dicom import store_response
from filmroom.dicom.resources import Level
from filmroom.dicom.store_response import Summary
from filmroom.errors import NotAcceptable
from filmroom.protocol import included, offers, queries, targets
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind
from filmroom.server import audit, bodies, matches, metadata, responses
from filmroom.server.bodies import Receiver
from filmroom.server.requests import base_of, lifetime_of, root_of, select, target_of, wants_original
from filmroom.server.responses import Answer, Conditions
from filmroom.services import delete as delete_service
from filmroom.services import retrieve as retrieve_service
from filmroom.services import search as search_service
from filmroom.services import store as store_service


async def store(dialect: Dialect, request: Request) -> Response:
    """Store Transaction (PS3.18 §10.5): POST adds, PUT also replaces."""
    select(dialect, request, Kind.STORE)
    target, state = target_of(dialect, request), request.state
    root, lifetime = base_of(dialect, request), lifetime_of(request)

    def begin() -> tuple[Summary, bytes, str | None]:
        into = request.path_params.get("partition")
        stored = store_service.store(
            state.archive,
            dialect,
            target,
            body.parts,
            replace=request.method == "PUT",
            lifetime=lifetime,
            into=into,
        )
        written = store_response.write(stored.outcomes, root, target.study, dialect.response_shape)
        note(**audit.stored(stored.outcomes, stored.patients))
        warning = _MULTIPLE_VALUES if stored.multiple_values else None
        return store_response.summarize(stored.outcomes), orjson.dumps(written), warning

    with Receiver(
        state.lane, state.archive.spool, state.settings.memory_per_request, state.settings.part_limit
    ) as body:
        await bodies.receive(request, body, lenient=dialect.lenient_parts, said=dialect.wording)
        summary, written, warning = await state.lane.run(begin)
    status = dialect.store_statuses[summary]
    if status == 204:
        return Response(status_code=status)
    return Response(written, status, _warnings(request, warning), dialect.response_type)


_MULTIPLE_VALUES = "One or more indexed Dicom tag(s) have multiple values, only first value is indexed."


async def retrieve(dialect: Dialect, request: Request) -> Response:
    """Retrieve a Study, a Series or an Instance (PS3.18 §10.4.1.1.1), or a ZIP of it (§8.6.1.3)."""
    target, archive = target_of(dialect, request), request.state.archive
    kind = Kind.INSTANCE if target.level is Level.INSTANCE else Kind.STUDY
    try:
        selected = select(dialect, request, kind)
    except NotAcceptable:
        if _are_bulk_values(dialect, request):
            return await retrieve_all(dialect, request, Kind.BULKDATA)
        raise
    root, conditions = responses.described_root(dialect, request), Conditions.of(dialect, request, target)
    original = wants_original(request)

    def begin() -> Answer:
        contents = retrieve_service.instances_of(archive, dialect, target, selected, original=original)
        note(instances=len(contents))
        if contents[0].media_type != offers.ZIP:
            return responses.represent(contents, root, conditions)
        dicomdir = targets.dicomdir(request.query_params.get("dicomdir"))
        made = retrieve_service.zipped(archive, target, contents, dicomdir=dicomdir, original=original)
        return responses.represent_zip(made, target, contents, conditions)

    return responses.send(request, await request.state.lane.run(begin))


def _are_bulk_values(dialect: Dialect, request: Request) -> bool:
    """Whether octets in parts are asked for: of Instances these are their bulk values (PS3.18 Table 10.4.4-1)."""
    if Kind.BULKDATA not in dialect.offers:
        return False
    selected = select(dialect, request, Kind.BULKDATA)
    return selected.multipart and selected.media_type == offers.OCTET_STREAM


async def retrieve_frames(dialect: Dialect, request: Request) -> Response:
    """Retrieve Frames (PS3.18 §10.4.1.1.6)."""
    target = target_of(dialect, request)
    numbers = targets.frame_numbers(request.path_params["frames"], dialect.wording)
    selected = select(dialect, request, Kind.FRAMES).for_parts(len(numbers))
    service = partial(retrieve_service.frames, request.state.archive, target, numbers, selected, dialect.wording)
    return await responses.send_contents(dialect, request, target, service)


async def retrieve_bulkdata(dialect: Dialect, request: Request) -> Response:
    """Retrieve one bulk value (PS3.18 §10.4.1.1.5)."""
    selected, target = select(dialect, request, Kind.BULKDATA), target_of(dialect, request)
    service = partial(retrieve_service.bulkdata, request.state.archive, target, request.path_params["path"], selected)
    return await responses.send_contents(dialect, request, target, service, parts_have_ranges=True)


async def retrieve_pixeldata(dialect: Dialect, request: Request) -> Response:
    """Retrieve all Frames of an Instance, or its video (PS3.18 §10.4.1.1.6)."""
    selected, target = select(dialect, request, Kind.PIXELDATA), target_of(dialect, request)
    service = partial(retrieve_service.pixeldata, request.state.archive, target, selected)
    return await responses.send_contents(dialect, request, target, service)


async def retrieve_all(dialect: Dialect, request: Request, kind: Kind) -> Response:
    """Retrieve all bulk values, or all Frames, of a Study, a Series or an Instance, in one message."""
    selected, target = select(dialect, request, kind), target_of(dialect, request)
    service = retrieve_service.all_bulkdata if kind is Kind.BULKDATA else retrieve_service.all_pixeldata
    every = partial(service, request.state.archive, target, selected)
    return await responses.send_contents(dialect, request, target, every)


async def retrieve_metadata(dialect: Dialect, request: Request) -> Response:
    """Retrieve Metadata (PS3.18 §10.4.1.1.2), or 304 when the client has it already."""
    selected, target = select(dialect, request, Kind.METADATA), target_of(dialect, request)
    root = base_of(dialect, request)
    if target.level is not Level.INSTANCE:
        selected = selected.for_parts(2)
    known = metadata.known(dialect, request, target, selected)
    wanted, unknown = included.of_metadata(dialect, request.query_params.multi_items())

    def begin() -> Answer:
        original = wants_original(request)
        found = retrieve_service.metadata(
            request.state.archive, dialect, target, root, known, wanted, original=original
        )
        return metadata.represent(dialect, request, found, selected, root, target)

    response = responses.send(request, await request.state.lane.run(begin))
    return _with_warnings(request, response, unknown)


async def search(dialect: Dialect, request: Request, level: Level) -> Response:
    """Search Transaction (PS3.18 §10.6)."""
    return await _search(dialect, request, level)


async def search_patients(dialect: Dialect, request: Request) -> Response:
    """Search for patients, as the transaction is for Studies (PS3.18 has no such resource)."""
    return await _search(dialect, request, Level.STUDY, patients=True)


async def _search(dialect: Dialect, request: Request, level: Level, *, patients: bool = False) -> Response:
    selected = select(dialect, request, Kind.PATIENTS if patients else Kind.SEARCH)
    scope = target_of(dialect, request)
    parameters = request.query_params.multi_items()
    root, archive = base_of(dialect, request), request.state.archive

    url = root_of(dialect, request) + request.scope["path"].removeprefix(request.scope["root_path"])

    def begin() -> tuple[Answer, tuple[str, ...]]:
        tags, secret = partial(search_service.known_tags, archive), archive.index.secret
        query, warnings = queries.parse(dialect, level, scope, parameters, tags, secret, patients=patients)
        of_table = matches.columns(query, selected, dialect.synthesised)
        warnings += matches.left_out(dialect, query, of_table)
        if patients:
            found = search_service.search_patients(archive, dialect, query)
        else:
            found = search_service.search(archive, dialect, query, root)
        headers: dict[str, str] = {}
        if erroneous := ",".join(search_service.erroneous(archive, query)):
            headers["erroneous-dicom-attributes"] = erroneous
        if dialect.paging:
            headers |= matches.page_headers(query, found, secret, url, parameters)
            warnings += matches.page_warnings(query, found)
        found = replace(found, matches=audit.counted(found.matches))
        answer = matches.represent(dialect, request, found, selected, of_table)
        return replace(answer, headers={**headers, **answer.headers}), warnings

    answer, warnings = await request.state.lane.run(begin)
    return _with_warnings(request, responses.send(request, answer), warnings)


async def delete(dialect: Dialect, request: Request) -> Response:
    """Delete a Study, a Series or an Instance (Azure; PS3.18 has no such transaction)."""
    target = target_of(dialect, request)
    deleted = await request.state.lane.run(delete_service.delete, request.state.archive, target)
    note(patient=deleted.patient, instances=deleted.instances)
    return Response(status_code=204)


def _with_warnings(request: Request, response: Response, texts: Sequence[str]) -> Response:
    if texts:
        response.headers.update(_warnings(request, *texts))
    return response


def _warnings(request: Request, *texts: str | None) -> dict[str, str]:
    """One Warning header (RFC 7234 §5.5) with code 299 for each text."""
    host = targets.host(request.headers.get("host")) or "-"
    values = [f'299 {host}: "{text}"' for text in texts if text is not None]
    return {"Warning": ", ".join(values)} if values else {}
