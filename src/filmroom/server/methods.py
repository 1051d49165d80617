"""What can be done to a resource: the rows from which the routes and all descriptions of the service are made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from filmroom.access import Action, Reach
from filmroom.dicom.attributes import keyword
from filmroom.dicom.query_tags import BUILT_IN
from filmroom.dicom.resources import Level
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind
from filmroom.protocol.offers import DICOM_XML, ZIP
from filmroom.protocol.parameters import LARGEST_INTEGER
from filmroom.server.lanes import Use
from filmroom.server.requests import ORIGINAL

Handler = Callable[[Dialect, Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Method:
    """One HTTP method of one resource. A dialect has it if it has offers for what the method answers with."""

    verb: str
    path: str  # under the root of a dialect, as Starlette writes it
    name: str  # of the transaction and its resource, as in PS3.18 Table H-1
    handler: Handler
    section: str = ""  # of PS3.18; "" is not of the Standard
    kind: Kind | None = None  # what it answers with; None is nothing
    parameters: tuple[str, ...] = ()  # in the query, of `PARAMETERS`
    required: frozenset[str] = frozenset()  # of these
    headers: tuple[str, ...] = ()  # that it heeds beside those of HTTP, of `PARAMETERS`
    receives: tuple[str, ...] = ()  # media types of the body
    statuses: tuple[int, ...] = (200,)  # of success
    level: Level | None = None  # at which it searches
    ranges: bool = False  # whether bytes of it can be asked for, where the dialect knows ranges
    shared: bool = False  # it is of all data partitions together, or of none; everything else lies in one of them
    makes_partition: bool = False  # a data partition that is not there is made
    action: Action = Action.READ  # that a role must grant
    reach: Reach = Reach.VIEW  # how far it sees
    use: Use | None = Use.INDEX  # what it needs; None: no thread for as long as it lasts

    def served(self, dialect: Dialect) -> bool:
        """Whether a dialect has it."""
        return self.kind is None or self.kind in dialect.offers

    @property
    def handler_name(self) -> str:
        """The name of the handler, for the log."""
        name: str = getattr(self.handler, "func", self.handler).__name__
        return name

    @property
    def identifier(self) -> str:
        """The name in one word."""
        return "".join(word[0].upper() + word[1:] for word in self.name.split())


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a path or a query: what it says, and a pattern of its values."""

    text: str
    pattern: str = ""
    number: tuple[int, int] | None = None  # least and greatest


_UID = r"^[0-9.]{0,63}[0-9]$"
_ANNOTATION = r"^(patient|technique|overlay)(,(patient|technique|overlay))*$"
_ANY_INTEGER = 2**31 - 1

PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {
        # Of paths
        "study": Parameter("Study Instance UID", _UID),
        "series": Parameter("Series Instance UID", _UID),
        "instance": Parameter("SOP Instance UID", _UID),
        "frames": Parameter("Numbers of Frames, from 1, with commas between", r"^[1-9][0-9]{0,5}(,[1-9][0-9]{0,5})*$"),
        "path": Parameter("The path of a bulk value, which comes with Metadata", r"^[0-9A-F]{8}$"),
        "partition": Parameter("The name of a data partition", r"^[A-Za-z0-9_.\-]{1,64}$"),
        "operation": Parameter("The id of an operation", r"^[0-9a-f]{32}$"),
        "tag": Parameter("The path of an extended query tag: tags or keywords, with dots between", r"^[0-9A-Za-z.]+$"),
        # PS3.18 §8.3.3 and §8.3.4
        "accept": Parameter("Media types as in the header Accept; they go before it"),
        "charset": Parameter("Character sets; the answer is in UTF-8", r"^utf-8$"),
        "limit": Parameter("The most results", number=(0, _ANY_INTEGER)),
        "offset": Parameter("Results to leave out at the beginning", number=(0, _ANY_INTEGER)),
        "fuzzymatching": Parameter("Whether the words of a name match by their beginnings", r"^(true|false)$"),
        "includefield": Parameter(
            "Attributes to answer with: keywords, tags, paths of them, groups (0010xxxx), or all"
        ),
        "emptyvaluematching": Parameter('Whether "" in a matching key asks for no value', r"^(true|false)$"),
        "multiplevaluematching": Parameter(r"Whether all values of a\b have to be there", r"^(true|false)$"),
        # Of pages; not of the Standard
        "orderby": Parameter("Keywords or tags to order by, with commas between; - before one: descending"),
        "cursor": Parameter("Where to go on, from the header Link of the page before", r"^[A-Za-z0-9_\-]+$"),
        "count": Parameter("Whether to say how many match, in X-Total-Count", r"^(true|false)$"),
        "TimezoneOffsetFromUTC": Parameter("The timezone of the matching keys", r"^[+\-][0-9]{4}$"),
        # Of the change feed
        "since": Parameter("The changes after this sequence", number=(0, LARGEST_INTEGER)),
        "Last-Event-ID": Parameter("The changes after this sequence", r"^[0-9]+$"),
        "startTime": Parameter("The changes from this time on, with its time zone"),
        "endTime": Parameter("The changes before this time, with its time zone"),
        "includeMetadata": Parameter("Whether changes come with Metadata", r"^(true|false)$"),
        # Of application/zip
        "dicomdir": Parameter("Whether a ZIP archive has a DICOMDIR", r"^(true|false)$"),
        # A header of the Azure service
        ORIGINAL: Parameter("Whether to answer with what was updated as it was before its first update"),
        # PS3.18 §8.3.5
        "quality": Parameter("Quality of the image", number=(1, 100)),
        "window": Parameter("center,width or center,width,function: linear, linear-exact or sigmoid"),
        "viewport": Parameter("width,height of the image, and the region of the source: x,y,width,height"),
        "annotation": Parameter("What to draw into the image, with commas: patient, technique, overlay", _ANNOTATION),
        "iccprofile": Parameter("no, yes, or a color space: srgb, adobergb, rommrgb, displayp3"),
        # PS3.18 §9
        "requestType": Parameter("What is asked for", r"^WADO$"),
        "studyUID": Parameter("Study Instance UID", _UID),
        "seriesUID": Parameter("Series Instance UID", _UID),
        "objectUID": Parameter("SOP Instance UID", _UID),
        "contentType": Parameter("Media types as in the header Accept, which then does not count"),
        "transferSyntax": Parameter("UID of the Transfer Syntax of application/dicom, or *", r"^([0-9.]{1,64}|\*)$"),
        "anonymize": Parameter("De-identification; refused", r"^no$"),
        "rows": Parameter("The most rows of the image", number=(1, 16_383)),
        "columns": Parameter("The most columns of the image", number=(1, 16_383)),
        "region": Parameter("What of the image: left,top,right,bottom, each from 0 to 1"),
        "windowCenter": Parameter("Center of the window, with windowWidth"),
        "windowWidth": Parameter("Width of the window, with windowCenter"),
        "imageQuality": Parameter("Quality of the image", number=(1, 100)),
        "frameNumber": Parameter("Number of the Frame, from 1", number=(1, _ANY_INTEGER)),
        "presentationSeriesUID": Parameter("Series of a Presentation State; refused", _UID),
        "presentationUID": Parameter("UID of a Presentation State; refused", _UID),
    }
)

_MATCHING_KEY = "Matching key: the attribute's value, of dates and times also a range"
THUMBNAIL_PARAMETERS = ("quality", "window", "viewport", "iccprofile")
RENDERED_PARAMETERS = (*THUMBNAIL_PARAMETERS, "annotation")
_OPERATIONS = {
    Kind.OPERATION,
    Kind.OPERATIONS,
    Kind.OPERATION_ERRORS,
    Kind.CANCELLATION,
    Kind.SWEEP,
    Kind.EXPORT,
    Kind.IMPORT,
    Kind.UPDATE,
}
_QUERY_TAGS = {Kind.QUERY_TAG, Kind.QUERY_TAGS, Kind.TAG_ERRORS, Kind.STARTED}
_SENT_ANYHOW = frozenset(
    {Kind.CHANGES, Kind.LATEST_CHANGE, Kind.EVENTS, *_OPERATIONS, *_QUERY_TAGS, Kind.PARTITIONS}
)  # whatever is accepted
_WITHOUT_VERSION = frozenset({None, Kind.SEARCH, Kind.PATIENTS, Kind.STORE, Kind.CAPABILITIES}) | _SENT_ANYHOW
_PAGING = ("orderby", "cursor", "count")
_NEGOTIATED = ("emptyvaluematching", "multiplevaluematching", "TimezoneOffsetFromUTC")
SEARCH_PARAMETERS = ("limit", "offset", "fuzzymatching", "includefield", *_NEGOTIATED, *_PAGING)
FEED_PARAMETERS = ("limit", "offset", "startTime", "endTime", "since", "includeMetadata")


def successes(method: Method, dialect: Dialect) -> tuple[int, ...]:
    """The statuses of a success, which differ among the dialects."""
    if method.kind in {Kind.SEARCH, Kind.PATIENTS}:
        without_parts = {204} if DICOM_XML in {row.media_type for row in dialect.offers[method.kind].rows} else set()
        return tuple(sorted({200, dialect.empty_search_status} | without_parts))
    if method.kind is Kind.STORE:
        return tuple(sorted(set(dialect.store_statuses.values()) - {409}))
    known = _versioned(method, dialect) or method.kind is Kind.METADATA
    return tuple(
        sorted({*method.statuses} | ({304} if known else set()) | ({206} if _ranged(method, dialect) else set()))
    )


def _versioned(method: Method, dialect: Dialect) -> bool:
    return method.kind not in _WITHOUT_VERSION and dialect.validators


def _ranged(method: Method, dialect: Dialect) -> bool:
    return method.ranges and dialect.validators


def parameters(method: Method, dialect: Dialect) -> tuple[str, ...]:
    """The parameters of the query, with those that come with the media types."""
    offers = dialect.offers.get(method.kind) if method.kind is not None else None
    searched = (tag for tag, level in dialect.matching_keys.items() if method.level and level <= method.level)
    inside = (tag.name for tag in BUILT_IN if dialect.sequence_keys and method.level and tag.level <= method.level)
    keys = [*filter(None, map(keyword, searched)), *inside]
    names = [*filter(_understood(method, dialect), method.parameters), *sorted(keys)]
    if offers is not None and offers.accept_parameter:
        names.append("accept")
    if offers is not None and offers.charset:
        names.append("charset")
    return tuple(dict.fromkeys(names))


def _understood(method: Method, dialect: Dialect) -> Callable[[str], bool]:
    """Whether a parameter means something: Azure knows nothing of ZIP, and of rendered images the quality alone.

    Changes are chosen by sequence, by time, or by either.
    """
    ignored: set[str] = set()
    if not dialect.presentation:
        ignored = {*RENDERED_PARAMETERS} - {"quality"}
    if not dialect.changes_by_time:
        ignored |= {"startTime", "endTime"}
    if not dialect.changes_since:
        ignored.add("since")
    if method.kind is None or ZIP not in {row.media_type for row in dialect.offers[method.kind].rows}:
        ignored.add("dicomdir")
    if not dialect.negotiated:
        ignored |= {*_NEGOTIATED}
    if not dialect.paging:
        ignored |= {*_PAGING}
    return lambda name: name not in ignored


def find(name: str) -> Parameter:
    """A parameter by its name, which may be the keyword of an attribute."""
    return PARAMETERS.get(name) or Parameter(_MATCHING_KEY)


def media_types(method: Method, dialect: Dialect) -> tuple[str, ...]:
    """The values of Accept that a method answers with, its default first."""
    if method.kind is None:
        return ()
    rows = dialect.offers[method.kind].named
    listed = [f'multipart/related; type="{row.media_type}"' for row in rows if True in row.payloads]
    return tuple(dict.fromkeys([*listed, *(row.media_type for row in rows if False in row.payloads)]))


def failures(method: Method, dialect: Dialect) -> tuple[int, ...]:
    """The statuses of errors that a method can end with (docs/reference/errors.md)."""
    named = {404} if "{" in method.path or method.kind in {Kind.URI, Kind.EXPORT, Kind.IMPORT} else set()
    negotiated = {406} if method.kind not in {None, *_SENT_ANYHOW} else set()
    received = {409, 413, 415} if method.receives else set()
    ended = {409} if method.kind is Kind.CANCELLATION else set()
    beyond = {416} if _ranged(method, dialect) else set()
    other = {412} if _versioned(method, dialect) else set()
    return tuple(sorted({400, 401, 403, 429, 500, 503} | named | negotiated | received | ended | beyond | other))
