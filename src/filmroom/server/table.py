"""The table of all methods of all resources: what is not here is not served, and not described."""

from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from filmroom.access import Action, Reach
from filmroom.dicom.resources import Level
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind
from filmroom.protocol.wado_uri import NAMES, REQUIRED
from filmroom.server import (
    capabilities,
    change_feed,
    events,
    operations,
    partitions,
    query_tags,
    rendered,
    studies,
    transfers,
    updates,
    wado_uri,
)
from filmroom.server.lanes import Use
from filmroom.server.methods import (
    FEED_PARAMETERS,
    RENDERED_PARAMETERS,
    SEARCH_PARAMETERS,
    THUMBNAIL_PARAMETERS,
    Method,
)
from filmroom.server.requests import ORIGINAL


async def retrieve_capabilities(dialect: Dialect, request: Request) -> Response:
    """Retrieve Capabilities Transaction (PS3.18 §8.9)."""
    in_use, named = request.state.settings.partitions, "partition" in request.path_params
    listed = methods(dialect, partitions=in_use)
    if named:
        listed = tuple(within(method) for method in listed if method.path.startswith(PARTITION))
    return await capabilities.retrieve(dialect, request, listed)


_STUDY = "/studies/{study}"
_SERIES = _STUDY + "/series/{series}"
_INSTANCE = _SERIES + "/instances/{instance}"
_FRAMES = _INSTANCE + "/frames/{frames}"
_STUDIES_UPDATE = "/studies/$bulkUpdate"
_OPERATION = "/operations/{operation}"

_JSON = ("application/json",)
_RECEIVED = ('multipart/related; type="application/dicom"', "application/dicom")
_store = partial(
    Method,
    handler=studies.store,
    section="10.5",
    kind=Kind.STORE,
    receives=_RECEIVED,
    makes_partition=True,
    action=Action.WRITE,
    reach=Reach.PARTITION,
    use=Use.STORES,
)
_search = partial(Method, "GET", section="10.6", kind=Kind.SEARCH, parameters=SEARCH_PARAMETERS)
_studies, _series, _instances = (
    partial(_search, handler=partial(studies.search, level=level), level=level) for level in Level
)
_get = partial(Method, "GET", section="10.4", use=Use.FILES)
_retrieve = partial(_get, handler=studies.retrieve, parameters=("dicomdir",), headers=(ORIGINAL,))
_metadata = partial(
    _get,
    handler=studies.retrieve_metadata,
    kind=Kind.METADATA,
    parameters=("includefield",),
    headers=(ORIGINAL,),
    use=Use.INDEX,
)
_bulkdata, _pixeldata = (
    partial(_get, handler=partial(studies.retrieve_all, kind=kind), kind=kind)
    for kind in (Kind.BULKDATA, Kind.PIXELDATA)
)
_rendered = partial(_get, handler=rendered.retrieve_rendered, parameters=RENDERED_PARAMETERS, ranges=True)
_thumbnail = partial(
    _get, handler=rendered.retrieve_thumbnail, kind=Kind.THUMBNAIL, parameters=THUMBNAIL_PARAMETERS, ranges=True
)
_by_uri = partial(
    Method,
    "GET",
    handler=wado_uri.retrieve,
    section="9",
    kind=Kind.URI,
    parameters=NAMES,
    required=REQUIRED,
    ranges=True,
    use=Use.FILES,
)
_capabilities = partial(
    Method,
    handler=retrieve_capabilities,
    section="8.9",
    kind=Kind.CAPABILITIES,
    shared=True,
    reach=Reach.NOTHING,
)
_delete = partial(Method, "DELETE", handler=studies.delete, statuses=(204,), action=Action.DELETE)
_shared = partial(Method, shared=True, reach=Reach.PARTITIONS)
_whole = partial(Method, receives=_JSON, statuses=(202,), reach=Reach.PARTITION)
_changes = partial(_shared, "GET", handler=change_feed.retrieve, kind=Kind.CHANGES, parameters=FEED_PARAMETERS)
_latest_change = partial(
    _shared,
    "GET",
    handler=change_feed.retrieve_latest,
    kind=Kind.LATEST_CHANGE,
    parameters=("includeMetadata",),
    statuses=(200, 204),
)
_TAGS = "/extendedquerytags"
_TAG = _TAGS + "/{tag}"
_PAGE = ("limit", "offset")
_read_tags = partial(Method, "GET", shared=True, kind=Kind.QUERY_TAG, reach=Reach.NOTHING)
_manage_tags = partial(Method, shared=True, kind=Kind.QUERY_TAG, action=Action.TAGS, reach=Reach.SERVICE)

# PS3.18 Tables 10.3-1, 10.1-1 to 10.1-5 and H-1
METHODS: tuple[Method, ...] = (
    _capabilities("OPTIONS", "/", "Retrieve Capabilities"),
    _capabilities("GET", "/", "Read Capabilities", section=""),
    _studies("/studies", "Search for Studies"),
    _series("/series", "Search for Series"),
    _instances("/instances", "Search for Instances"),
    _series(_STUDY + "/series", "Search for Study Series"),
    _instances(_STUDY + "/instances", "Search for Study Instances"),
    _instances(_SERIES + "/instances", "Search for Study Series Instances"),
    Method(
        "GET",
        "/patients",
        "Search for Patients",
        studies.search_patients,
        kind=Kind.PATIENTS,
        parameters=SEARCH_PARAMETERS,
        level=Level.STUDY,
    ),
    # Before what a Study might be called
    _whole("POST", _STUDIES_UPDATE, "Update Studies", updates.update, kind=Kind.UPDATE, action=Action.UPDATE),
    _store("POST", "/studies", "Store Instances"),
    _store("PUT", "/studies", "Replace Instances", section=""),
    _store("POST", _STUDY, "Store Study Instances"),
    _store("PUT", _STUDY, "Replace Study Instances", section=""),
    _retrieve(_STUDY, "Retrieve Study", kind=Kind.STUDY),
    _retrieve(_SERIES, "Retrieve Series", kind=Kind.STUDY),
    _retrieve(_INSTANCE, "Retrieve Instance", kind=Kind.INSTANCE, ranges=True),
    _metadata(_STUDY + "/metadata", "Retrieve Study Metadata"),
    _metadata(_SERIES + "/metadata", "Retrieve Series Metadata"),
    _metadata(_INSTANCE + "/metadata", "Retrieve Instance Metadata"),
    _get(_FRAMES, "Retrieve Frames", studies.retrieve_frames, kind=Kind.FRAMES, ranges=True),
    _rendered(_STUDY + "/rendered", "Retrieve Rendered Study", kind=Kind.RENDERED_MANY),
    _rendered(_SERIES + "/rendered", "Retrieve Rendered Series", kind=Kind.RENDERED_MANY),
    _rendered(_INSTANCE + "/rendered", "Retrieve Rendered Instance", kind=Kind.RENDERED),
    _rendered(_FRAMES + "/rendered", "Retrieve Rendered Frames", kind=Kind.RENDERED),
    _thumbnail(_STUDY + "/thumbnail", "Retrieve Study Thumbnail"),
    _thumbnail(_SERIES + "/thumbnail", "Retrieve Series Thumbnail"),
    _thumbnail(_INSTANCE + "/thumbnail", "Retrieve Instance Thumbnail"),
    _thumbnail(_FRAMES + "/thumbnail", "Retrieve Frame Thumbnail"),
    _get(
        _INSTANCE + "/bulkdata/{path:path}",
        "Retrieve Bulkdata",
        studies.retrieve_bulkdata,
        kind=Kind.BULKDATA,
        ranges=True,
    ),
    _bulkdata(_STUDY + "/bulkdata", "Retrieve Study Bulkdata"),
    _bulkdata(_SERIES + "/bulkdata", "Retrieve Series Bulkdata"),
    _bulkdata(_INSTANCE + "/bulkdata", "Retrieve Instance Bulkdata"),
    _pixeldata(_STUDY + "/pixeldata", "Retrieve Study Pixel Data"),
    _pixeldata(_SERIES + "/pixeldata", "Retrieve Series Pixel Data"),
    _get(
        _INSTANCE + "/pixeldata",
        "Retrieve Instance Pixel Data",
        studies.retrieve_pixeldata,
        kind=Kind.PIXELDATA,
        ranges=True,
    ),
    _delete(_STUDY, "Delete Study"),
    _delete(_SERIES, "Delete Series"),
    _delete(_INSTANCE, "Delete Instance"),
    _by_uri("/wado", "Retrieve by URI"),
    _changes("/changefeed", "Read Change Feed"),
    _latest_change("/changefeed/latest", "Read Latest Change"),
    _shared(
        "GET",
        "/events",
        "Listen to Changes",
        events.listen,
        kind=Kind.EVENTS,
        parameters=("since", "partition"),
        headers=(events.LAST_EVENT_ID,),
        use=None,  # a stream lasts for hours, and has bounds of its own
    ),
    Method(
        "POST",
        "/sweep",
        "Sweep",
        operations.sweep,
        kind=Kind.SWEEP,
        statuses=(202,),
        shared=True,
        action=Action.ADMIN,
        reach=Reach.SERVICE,
    ),
    _whole("POST", "/export", "Export", transfers.export, kind=Kind.EXPORT, action=Action.EXPORT, reach=Reach.VIEW),
    _whole("POST", "/import", "Import", transfers.import_from, kind=Kind.IMPORT, action=Action.IMPORT),
    _shared("GET", "/operations", "List Operations", operations.search, kind=Kind.OPERATIONS),
    _shared(
        "GET",
        _OPERATION,
        "Retrieve Operation",
        operations.retrieve,
        kind=Kind.OPERATION,
        statuses=(200, 202),
        reach=Reach.OWN,
    ),
    _shared(
        "GET",
        _OPERATION + "/errors",
        "List Operation Errors",
        operations.errors,
        kind=Kind.OPERATION_ERRORS,
        parameters=_PAGE,
    ),
    _shared(
        "POST",
        _OPERATION + "/cancelrequest",
        "Cancel Operation",
        operations.cancel,
        kind=Kind.CANCELLATION,
        statuses=(202,),
        action=Action.ADMIN,
    ),
    _read_tags(_TAGS, "List Query Tags", query_tags.fetch_all, kind=Kind.QUERY_TAGS, parameters=_PAGE),
    _manage_tags("POST", _TAGS, "Add Query Tags", query_tags.add, kind=Kind.STARTED, receives=_JSON, statuses=(202,)),
    _read_tags(_TAG, "Read Query Tag", query_tags.fetch),
    _manage_tags("PATCH", _TAG, "Update Query Tag", query_tags.update, receives=_JSON),
    _manage_tags("DELETE", _TAG, "Delete Query Tag", query_tags.delete, kind=None, statuses=(204,)),
    _read_tags(
        _TAG + "/errors",
        "List Query Tag Errors",
        query_tags.errors,
        kind=Kind.TAG_ERRORS,
        parameters=_PAGE,
        reach=Reach.SERVICE,
    ),
)


PARTITION = "/partitions/{partition}"
# Where data partitions are in use, there is this as well.
OF_PARTITIONS: tuple[Method, ...] = (
    _shared("GET", "/partitions", "List Partitions", partitions.fetch_all, kind=Kind.PARTITIONS),
    _capabilities("OPTIONS", PARTITION, "Retrieve Capabilities of Partition", shared=False),
    _capabilities("GET", PARTITION, "Read Capabilities of Partition", section="", shared=False),
)


def methods(dialect: Dialect, *, partitions: bool) -> tuple[Method, ...]:
    """All that a dialect serves under its root, where data partitions are in use or not."""
    if not partitions:
        return tuple(method for method in METHODS if method.served(dialect))
    placed = (method if method.shared else replace(method, path=PARTITION + method.path) for method in METHODS)
    return tuple(method for method in (*placed, *OF_PARTITIONS) if method.served(dialect))


def within(method: Method) -> Method:
    """A method as it is under the base URL of a partition."""
    return replace(method, path=method.path.removeprefix(PARTITION) or "/")
