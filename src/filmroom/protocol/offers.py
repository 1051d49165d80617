"""What can be sent for each kind of resource: the tables of PS3.18 §8.7.3 and those of the Azure service."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from filmroom.dicom import documents
from filmroom.protocol import event_stream
from filmroom.protocol.negotiation import Kind, Offer, Offers

DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
JSON = "application/json"
WADL = "application/vnd.sun.wadl+xml"
DICOM_XML = "application/dicom+xml"
ZIP = "application/zip"
OCTET_STREAM = "application/octet-stream"
JPEG_2000 = "image/jp2"
JPEG, PNG, GIF, WEBP = "image/jpeg", "image/png", "image/gif", "image/webp"
MP4 = "video/mp4"
CSV = "text/csv"
HTML, PLAIN, XML = "text/html", "text/plain", "text/xml"

_EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
_JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"

_SINGLE = frozenset({False})
_MULTIPART = frozenset({True})
_BOTH = _SINGLE | _MULTIPART

# --- The Azure service. Matching is exact.

_AZURE_INSTANCES = frozenset({_EXPLICIT_LITTLE, _JPEG_2000_LOSSLESS})
_AZURE_FRAMES = frozenset({_EXPLICIT_LITTLE})


def _azure_instances(payloads: frozenset[bool]) -> Offers:
    return _azure(
        Offer(DICOM, DICOM, payloads, (_EXPLICIT_LITTLE,), allowed=_AZURE_INSTANCES),
        # Also bare: their documents accept it of a Study, their code does not.
        Offer("*/*", DICOM, _BOTH, allowed=_AZURE_INSTANCES, multipart=True),
    )


def _azure(*rows: Offer) -> Offers:
    return Offers(
        rows,
        refusal="The request headers are not acceptable",
        unmade="The specified transcoding is not supported.",
        one_part="The accept header is supported for single frame retrieval, use multi-part accept header instead.",
        multipart_by_line=True,
    )


_AZURE_JSON = Offers(
    tuple(Offer(accept, DICOM_JSON, _SINGLE) for accept in (DICOM_JSON, "application/json", "application/*", "*/*")),
    refusal="",  # a 406 of theirs has no body here
)

# The change feed, operations and query tags are sent to everybody, whatever they accept.
_ANYHOW = Offers((Offer(JSON, JSON, _SINGLE), Offer("*/*", JSON, _SINGLE)), without_accept="*/*")
_FEEDS = {Kind.CHANGES: _ANYHOW, Kind.LATEST_CHANGE: _ANYHOW}
_EVENTS = Offers(
    tuple(Offer(accept, event_stream.MEDIA_TYPE, _SINGLE) for accept in (event_stream.MEDIA_TYPE, "*/*")),
    without_accept="*/*",
)
_QUERY_TAGS = dict.fromkeys((Kind.STARTED, Kind.QUERY_TAG, Kind.QUERY_TAGS, Kind.TAG_ERRORS), _ANYHOW)

AZURE: Mapping[Kind, Offers] = MappingProxyType(
    {
        Kind.STUDY: _azure_instances(_MULTIPART),
        Kind.INSTANCE: _azure_instances(_BOTH),
        Kind.FRAMES: _azure(
            Offer(OCTET_STREAM, OCTET_STREAM, _BOTH, (_EXPLICIT_LITTLE,), allowed=_AZURE_FRAMES),
            Offer(JPEG_2000, JPEG_2000, _MULTIPART, (_JPEG_2000_LOSSLESS,), (), frozenset({_JPEG_2000_LOSSLESS})),
            Offer("*/*", OCTET_STREAM, _BOTH, allowed=_AZURE_FRAMES, multipart=True),
        ),
        Kind.RENDERED: Offers(
            (Offer(JPEG, JPEG, _SINGLE), Offer(PNG, PNG, _SINGLE)),
            without_accept=JPEG,
            refusal="The request headers are not acceptable",
        ),
        Kind.METADATA: _AZURE_JSON,
        Kind.SEARCH: _AZURE_JSON,
        Kind.STORE: _AZURE_JSON,
        **_FEEDS,
        Kind.OPERATION: _ANYHOW,
        Kind.EXPORT: _ANYHOW,
        Kind.PARTITIONS: _ANYHOW,
        **_QUERY_TAGS,
    }
)
AZURE_PRERELEASE: Mapping[Kind, Offers] = MappingProxyType(
    {kind: offers for kind, offers in AZURE.items() if kind is not Kind.EXPORT}
)

AZURE_V2: Mapping[Kind, Offers] = MappingProxyType({**AZURE, Kind.UPDATE: _ANYHOW})

# --- The Standard. A range is a row like any other: what it gives is the default of the resource.

# PS3.18 Tables 8.7.3-4 and 8.7.3-5, the default Transfer Syntax first, and the names that older editions and
# viewers use. What is stored in one of them is sent as it is; which can be made is the service's to know.
_COMPRESSED: Mapping[str, tuple[str, ...]] = {
    "image/jpeg": ("4.70", "4.50", "4.51", "4.57"),
    "image/dicom-rle": ("5",),
    "image/jls": ("4.80", "4.81"),
    JPEG_2000: ("4.90", "4.91"),
    "image/jpx": ("4.92", "4.93"),
    "image/jphc": ("4.201", "4.202", "4.203"),
    "image/jxl": ("4.110", "4.111", "4.112"),
    "application/x-deflate": ("8.1",),
    "video/mpeg2": ("4.100", "4.101", "4.100.1", "4.101.1"),
    "video/mp4": tuple(f"4.{number}{form}" for form in ("", ".1") for number in range(102, 107)),
    "video/H265": ("4.107", "4.108"),
}
_SYNONYMS: Mapping[str, str] = {
    "image/dicom+jpeg": "image/jpeg",
    "image/jll": "image/jpeg",
    "image/x-dicom-rle": "image/dicom-rle",
    "image/dicom+rle": "image/dicom-rle",
    "image/x-jls": "image/jls",
    "image/dicom+jpeg-ls": "image/jls",
    "image/dicom+jp2": JPEG_2000,
    "image/dicom+jpx": "image/jpx",
    "image/jhc": "image/jphc",
    "video/mpeg": "video/mpeg2",
}

# "" is multipart/related without `type`. It says no more than */* alone does: Frames are then sent as stored, under
# their own media type. But who asks for parts of the type */*, as the Python dicomweb-client does, expects samples.
_ANYTHING = ("*/*", "")
_ANY_APPLICATION = (*_ANYTHING, "application/*")
DOCUMENTS = tuple(documents.MEDIA_TYPES.values())
VIDEOS = tuple(media_type for media_type in _COMPRESSED if media_type.startswith("video/"))
# What Frames can be sent as; in lower case.
OF_FRAMES = frozenset({OCTET_STREAM, *(media_type.lower() for media_type in _COMPRESSED)})


def _compressed_row(accept: str, media_type: str, multipart: bool | None = None) -> Offer:
    syntaxes = tuple(f"1.2.840.10008.1.2.{tail}" for tail in _COMPRESSED[media_type])
    payloads = _SINGLE if accept == "*/*" else _BOTH
    return Offer(accept.lower(), media_type, payloads, syntaxes, syntaxes, frozenset(syntaxes), multipart)


def _compressed_rows() -> tuple[Offer, ...]:
    named = [_compressed_row(media_type, media_type) for media_type in _COMPRESSED]
    synonyms = [_compressed_row(synonym, media_type) for synonym, media_type in _SYNONYMS.items()]
    ranges = [_compressed_row(f"{media_type.split('/')[0]}/*", media_type) for media_type in _COMPRESSED]
    anything = [_compressed_row(accept, media_type, True) for accept in _ANYTHING for media_type in _COMPRESSED]
    return (*named, *synonyms, *ranges, *anything)


def _video_rows() -> tuple[Offer, ...]:
    """What a video is for who takes anything: its own type, in one part, which players can read."""
    return tuple(_compressed_row("*/*", media_type) for media_type in VIDEOS)


def _stored_videos() -> Iterator[Offer]:
    """A video shown as it is. Who takes anything gets no images as MP4; so the Transfer Syntaxes of these are named."""
    for media_type in VIDEOS:
        names = [name for name, meant in _SYNONYMS.items() if meant == media_type]
        for accept in _ANYTHING if media_type == MP4 else (media_type, *names, "video/*", *_ANYTHING):
            yield replace(_compressed_row(accept, media_type), payloads=_BOTH)


def _standard(*rows: Offer, charset: bool = False) -> Offers:
    return Offers(rows, without_accept="*/*", accept_parameter=True, specific=True, charset=charset)


def _json(*rows: Offer, charset: bool = True) -> Offers:
    return _standard(
        *(Offer(accept, DICOM_JSON, _SINGLE) for accept in (DICOM_JSON, "application/json", "application/*", "*/*")),
        *rows,
        charset=charset,
    )


_DICOM = _standard(
    Offer(DICOM, DICOM, _BOTH, (_EXPLICIT_LITTLE,), fallback=True),
    Offer(ZIP, ZIP, _SINGLE, (_EXPLICIT_LITTLE,), fallback=True),
    *(Offer(accept, DICOM, _BOTH, multipart=True) for accept in _ANY_APPLICATION),
)
_FRAMES_ROWS = (
    Offer(OCTET_STREAM, OCTET_STREAM, _BOTH, (_EXPLICIT_LITTLE,), fallback=True),
    *(
        Offer(accept, OCTET_STREAM, _BOTH, (_EXPLICIT_LITTLE,), multipart=True, fallback=True)
        for accept in _ANY_APPLICATION
    ),
    *_compressed_rows(),
)


def _images(payloads: frozenset[bool]) -> tuple[Offer, ...]:
    named = (Offer(media_type, media_type, payloads) for media_type in (JPEG, PNG, GIF, WEBP))
    # The default, and what does as well for who refuses it: all that shows one Frame.
    ranges = (
        Offer(accept, media_type, payloads) for accept in ("image/*", "*/*") for media_type in (JPEG, PNG, WEBP, GIF)
    )
    return (*named, *ranges)


# PS3.18 Table 8.7.4-1. Which of these an Instance can be sent in is the service's to know: */* is each default.
_TEXTS = (HTML, PLAIN, *DOCUMENTS)  # of equal ones that can be made, the first


def _texts(ranges: Collection[str], payloads: frozenset[bool] = _SINGLE) -> tuple[Offer, ...]:
    named = (Offer(media_type, media_type, payloads) for media_type in _TEXTS)
    within = (Offer(one, media_type, payloads) for one in ranges for media_type in _TEXTS if _is_in(media_type, one))
    return (*named, *within)


def _is_in(media_type: str, media_range: str) -> bool:
    return media_range in _ANYTHING or media_type.startswith(media_range.removesuffix("*"))


_RENDERED = _standard(
    *_images(_BOTH),
    *(Offer("", media_type, _MULTIPART) for media_type in (JPEG, PNG, WEBP, GIF)),
    *(Offer(accept, MP4, _BOTH) for accept in (MP4, "video/*")),
    *_stored_videos(),
    *_texts(("application/*", "text/*", "model/*", *_ANYTHING), _BOTH),
)

_SEARCH = _json(Offer(DICOM_XML, DICOM_XML, _BOTH), Offer(CSV, CSV, _SINGLE))

STANDARD: Mapping[Kind, Offers] = MappingProxyType(
    {
        Kind.STUDY: _DICOM,  # one part will do for a Study of one Instance
        Kind.INSTANCE: _DICOM,
        Kind.FRAMES: _standard(*_FRAMES_ROWS),
        Kind.PIXELDATA: _standard(*_FRAMES_ROWS, *_video_rows()),
        Kind.BULKDATA: _standard(
            Offer(OCTET_STREAM, OCTET_STREAM, _BOTH),
            *(Offer(accept, OCTET_STREAM, _BOTH, multipart=True) for accept in _ANY_APPLICATION),
            *(Offer(document, document, _BOTH) for document in DOCUMENTS),
            *_compressed_rows(),
            *_video_rows(),
        ),
        Kind.RENDERED: _RENDERED,
        Kind.RENDERED_MANY: _RENDERED,
        Kind.THUMBNAIL: _standard(*_images(_SINGLE)),
        Kind.METADATA: _json(Offer(DICOM_XML, DICOM_XML, _BOTH)),
        Kind.SEARCH: _SEARCH,
        Kind.PATIENTS: _SEARCH,
        # A sender that wants the response as XML (Weasis) would rather have its Instances stored than not;
        # RFC 9110 §12.5.1 lets Accept be disregarded.
        Kind.STORE: _json(Offer("application/dicom+xml", DICOM_JSON, _SINGLE), charset=False),
        Kind.CAPABILITIES: _standard(
            *(Offer(accept, WADL, _SINGLE) for accept in (WADL, "application/xml", "application/*", "*/*", "text/*")),
            *(Offer(media_type, media_type, _SINGLE) for media_type in (JSON, DICOM_JSON)),
        ),
        **_FEEDS,
        Kind.EVENTS: _EVENTS,
        Kind.OPERATION: _ANYHOW,
        Kind.PARTITIONS: _ANYHOW,
        Kind.OPERATIONS: _ANYHOW,
        Kind.OPERATION_ERRORS: _ANYHOW,
        Kind.CANCELLATION: _ANYHOW,
        Kind.SWEEP: _ANYHOW,
        Kind.EXPORT: _ANYHOW,
        Kind.IMPORT: _ANYHOW,
        Kind.UPDATE: _ANYHOW,
        **_QUERY_TAGS,
        # PS3.18 §9.3: without a media type, and for */*, an image, or of what is none its text. Of application/* the
        # file comes first: with it any Instance can be answered.
        Kind.URI: _standard(
            *(Offer(accept, JPEG, _SINGLE) for accept in (JPEG, "image/*", "*/*")),
            *(Offer(accept, PNG, _SINGLE) for accept in (PNG, "image/*", "*/*")),
            *(Offer(accept, DICOM, _SINGLE, (_EXPLICIT_LITTLE,), fallback=True) for accept in (DICOM, "application/*")),
            *_texts(("text/*", "model/*", "*/*")),
            *(replace(row, payloads=_SINGLE) for row in _stored_videos() if row.accept),
            *(Offer(accept, MP4, _SINGLE) for accept in (MP4, "video/*")),
        ),
    }
)
