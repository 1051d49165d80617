"""The keywords that the methods of both clients take. They are named as in dicomweb-client where it has them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypedDict

MediaTypes = Sequence[str | tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a store or a download is.

    instances       Instances finished: answered for by the service, or saved
    instances_total how many there will be; None when that is not known beforehand
    bytes           bytes of Instances sent (again counted down when a request is repeated), or bytes received
    bytes_total     how many there will be; None when that is not known beforehand
    """

    instances: int
    instances_total: int | None
    bytes: int
    bytes_total: int | None


OnProgress = Callable[[Progress], None]


class RequestOptions(TypedDict, total=False):
    """Keywords of every operation.

    partition          name of the data partition of the Azure service, instead of the client's own
    additional_params  further query parameters, as they are; a list or tuple repeats the parameter
    """

    partition: str | None
    additional_params: Mapping[str, Any] | None


class SearchOptions(RequestOptions, total=False):
    """Keywords of a search (PS3.18 §10.6).

    search_filters  attribute (keyword or eight hex digits) to value; a list repeats the key (UIDs: any of them);
                    a date, time or datetime is written as DICOM writes it
    fields          attributes to return besides the usual ones (includefield); ["all"] for all
    fuzzymatching   match person names by their words
    limit           most results of an answer; with get_remaining the size of a page
    offset          results to leave out at the beginning
    get_remaining   ask page by page until there is no more
    """

    search_filters: Mapping[str, Any] | None
    fields: Sequence[str] | None
    fuzzymatching: bool | None
    limit: int | None
    offset: int | None
    get_remaining: bool


class MetadataOptions(RequestOptions, total=False):
    """Keywords of a retrieve of Metadata (PS3.18 §10.4).

    if_none_match     ETag of an earlier answer: when it still holds the result is empty and `.not_modified`
    include_fields    only these attributes and the UIDs (Filmroom): keywords, tags, or paths of them with dots
    request_original  as it was before a bulk update (Azure's header msdicom-request-original)
    """

    if_none_match: str | None
    include_fields: Sequence[str] | None
    request_original: bool


class MediaOptions(RequestOptions, total=False):
    """Keywords of a retrieve of what comes in several media types and Transfer Syntaxes.

    media_types      what to ask for, best first: "image/jp2", or with a Transfer Syntax ("image/jp2", "1.2.840.…");
                     default application/octet-stream
    transfer_syntax  UID for all media types that name none; "*" (default) is as stored; None asks without one,
                     which by PS3.18 means Explicit VR Little Endian
    """

    media_types: MediaTypes | None
    transfer_syntax: str | None


class ContentOptions(MediaOptions, total=False):
    """Keywords of a retrieve of bytes: of a file, of Frames, Pixel Data, a bulk value.

    media_types, transfer_syntax  as `MediaOptions` has them; of a file application/dicom by default
    byte_range  first and last byte (both included, from 0) to get; (100,) is from byte 100 to the end
    """

    byte_range: tuple[int] | tuple[int, int] | None


class RetrieveOptions(MediaOptions, total=False):
    """Keywords of a retrieve of Instances.

    media_types, transfer_syntax  as `MediaOptions` has them; default application/dicom as stored
    request_original  as it was before a bulk update (Azure's header msdicom-request-original)
    """

    request_original: bool


class DownloadOptions(RetrieveOptions, total=False):
    """Keywords of a download: those of a retrieve of Instances, and

    progress  called with a `Progress` after each piece of the answer
    """

    progress: OnProgress | None


class ZipOptions(RequestOptions, total=False):
    """Keywords of a download as ZIP.

    transfer_syntax  UID; "*" (default) is as stored; None asks without one, which by PS3.18 means Explicit VR Little
                     Endian
    dicomdir         with a DICOMDIR, and the short names that it wants (Filmroom)
    progress         called with a `Progress` after each piece of the answer
    """

    transfer_syntax: str | None
    dicomdir: bool
    progress: OnProgress | None


class RenderedOptions(RequestOptions, total=False):
    """Keywords of a retrieve of rendered images (PS3.18 §8.3.5). Services pass over what they don't know.

    media_types  what to ask for, best first; default image/jpeg
    viewport     (512, 512) is the size to fit in; with x, y, width, height the region of the source to show
    window       (40, 400, "linear"): center, width and function, instead of the file's
    quality      1 to 100
    annotation   of "patient", "technique", "overlay" one or more, to be drawn into the image
    iccprofile   "no", "yes", "srgb", "adobergb", "rommrgb", "displayp3"
    params       the same and others by name: {"quality": 80, "viewport": (512, 512)}
    """

    media_types: MediaTypes | None
    viewport: Sequence[float] | None
    window: tuple[float, float, str] | None
    quality: int | None
    annotation: str | Sequence[str] | None
    iccprofile: str | None
    params: Mapping[str, Any] | None


class FeedOptions(TypedDict, total=False):
    """Keywords of the change feed.

    start             the first changes are those of this time, or of this day from its beginning; what has no time
                      zone is of this computer's
    end               the last changes are those before this time
    follow            wait for further ones when there are no more
    interval          seconds between two looks for further ones, 5 by default
    include_metadata  whether changes come with Metadata; so they do by default
    """

    start: date | None
    end: date | None
    follow: bool
    interval: float
    include_metadata: bool


class StoreOptions(RequestOptions, total=False):
    """Keywords of a store (PS3.18 §10.5).

    replace      PUT instead of POST: Instances that exist are replaced (Azure, Filmroom)
    expires      after so long the Study is deleted, whole; the last store to it decides, and one without this ends it
                 (Azure, Filmroom)
    per_request  most Instances in one request; a request also ends at 64 MiB
    parallel     most requests at once
    progress     called with a `Progress` after each piece sent and each answer, by one thread at a time
    """

    replace: bool
    expires: timedelta | None
    per_request: int
    parallel: int
    progress: OnProgress | None
