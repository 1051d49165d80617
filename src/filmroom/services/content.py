"""One representation on its way out, and the choice of it that can be made of what is stored."""

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from filmroom.archive import Archive
from filmroom.dicom import transfer_syntax
from filmroom.dicom.resources import Level, Resource
from filmroom.errors import Error, NotAcceptable, NotFound, Replaced, Unconvertible
from filmroom.index.instances import StoredInstance
from filmroom.pixels.transcode import can_transcode
from filmroom.protocol.negotiation import STORED, Selected
from filmroom.protocol.offers import DICOM, OCTET_STREAM, ZIP

_CHUNK = 1 << 20
_OF_FILES = {media_type: media_type for media_type in (DICOM, ZIP)}

Read = Callable[[int, int], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Content:
    """One representation on its way out. The chunks are read as they are taken; take them once, of what is `ready`."""

    media_type: str
    transfer_syntax: str | None
    location: str  # under the root of the service
    length: int | None  # in bytes; None when only sending will tell
    chunks: Iterator[bytes]
    convert: Callable[[], "Content"] | None = None  # a conversion that may end in something else
    multipart: bool = True  # whether it was asked for as a part of a multipart message
    watermark: int = 0  # of the Instance
    created: float | None = 0.0  # when that was stored; None if that is nobody's to know
    read: Read | None = None  # the bytes from an offset on, so many; of what can be read in the middle
    variant: str = ""  # of what is not told by its types: a name that only these bytes have
    profile: str = ""  # by which it is de-identified, in a word
    resource: Resource | None = None  # the stored Instance, whatever it is called in the answer

    @property
    def is_converted(self) -> bool:
        """Whether it is made by a codec, which may end in something else, or in other bytes of the same meaning."""
        return self.convert is not None and not self.variant

    @property
    def form(self) -> str:
        """What tells it from other representations of the Instance, in a word for an ETag."""
        told = (self.variant,) if self.variant else (self.media_type.rpartition("/")[2], self.transfer_syntax)
        return "-".join(filter(None, (*told, self.profile)))

    def ready(self) -> "Content":
        """What is sent in the end: a conversion is done here, before anything of it is said."""
        if self.convert is None:
            return self
        made = self.convert()
        if (made.location, made.profile) == (self.location, self.profile):
            return made
        return replace(made, location=self.location, profile=self.profile, created=self.created)


@dataclass(frozen=True, slots=True)
class Stream:
    """Contents of which nobody knows how many there will be, on their way out in one message."""

    version: str | None  # that no other answer of the target has; None if what is in it may differ each time
    contents: Iterator[Content]


def as_stored(
    stored: StoredInstance,
    choice: Selected,
    transfer_syntax: str | None,
    location: str,
    length: int | None,
    chunks: Iterator[bytes],
    read: Read | None,
    variant: str = "",
) -> Content:
    """Bytes of a stored Instance, in what was chosen for it."""
    return Content(
        media_type=choice.media_type,
        transfer_syntax=transfer_syntax,
        location=location,
        length=length,
        chunks=chunks,
        multipart=choice.multipart,
        watermark=stored.watermark,
        created=stored.created,
        read=read,
        variant=variant,
        resource=stored.resource,
    )


def not_found(target: Resource) -> NotFound:
    return NotFound(f"The specified {target.level.name.lower()} cannot be found.")


def check_unchanged(found: StoredInstance, now: StoredInstance) -> None:
    """What was found a moment ago and what is there `now` must be one file: its places are none of another's."""
    if now.key != found.key:
        raise Replaced("The Instance was replaced just now. Try again.")


def version(target: Resource, watermark: int, count: int) -> str:
    """The newest watermark and, unless the target is one Instance, the number of Instances."""
    return f"{watermark}" if target.level is Level.INSTANCE else f"{watermark}-{count}"


def form(selected: Selected) -> str:
    """What an answer may be made of, in a word for its version."""
    choices = [(one.media_type, one.transfer_syntax, one.q) for one in selected.choices]
    return f"{zlib.crc32(repr(choices).encode()):x}"


def fit(stored: str, selected: Selected) -> Selected:
    """The choice that an Instance in the Transfer Syntax `stored` can be sent in."""
    return selected.fitting(stored, lambda syntax: can_transcode(stored, syntax))


@contextmanager
def converting(stored: StoredInstance, choice: Selected) -> Iterator[None]:
    """Codecs find out what is unusual in the pixel data; then only what is stored is sure to be sent."""
    try:
        yield
    except Unconvertible as error:
        raise NotAcceptable(
            (choice.offers and choice.offers.unmade)
            or f"What is stored in the Transfer Syntax {stored.transfer_syntax} can't be sent as asked for. {error} "
            f"Acceptable: {_OF_FILES.get(choice.media_type, OCTET_STREAM)}; transfer-syntax={STORED}."
        ) from error


def or_else(
    made: Content,
    otherwise: Callable[[], Content] | None,
    refusal: type[Error] | tuple[type[Error], ...] = NotAcceptable,
) -> Content:
    """What is made, or something else if that is refused and will do."""
    if otherwise is None:
        return made

    def convert() -> Content:
        try:
            return made.ready()
        except refusal as error:
            error.__traceback__ = None  # in a ring with it are the frames of the request, and what they hold
            return otherwise().ready()

    return replace(made, convert=convert)


def at_first_chunk(made: Content) -> Content:
    """A conversion that is done when its first chunk is taken."""

    def convert() -> Content:
        return replace(made, chunks=_resumed(next(made.chunks), made.chunks))

    return replace(made, convert=convert)


def _resumed(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def reader(archive: Archive, stored: StoredInstance, start: int) -> Read | None:
    """Reads a value that begins at `start` of the data set, in pieces. None of one that is inflated anew each time."""
    if transfer_syntax.find(stored.transfer_syntax).deflated:
        return None
    return lambda offset, length: archive.read(stored, pieces(start + offset, length))


def read_from(whole: bytes) -> Read:
    """Reads of what is in memory."""
    return lambda offset, length: iter([whole[offset : offset + length]])


def pieces(offset: int, length: int) -> Iterator[tuple[int, int]]:
    """A range in ranges that are read one at a time."""
    for start in range(offset, offset + length, _CHUNK):
        yield start, min(_CHUNK, offset + length - start)
