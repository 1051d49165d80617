"""Video: the fragments of encapsulated pixel data as one stream, of which any range can be read (PS3.5 §8.2.5)."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from filmroom.archive import Archive, reading
from filmroom.dicom.json_model import Bulk
from filmroom.errors import BadFile, NotFound
from filmroom.index.instances import StoredInstance
from filmroom.protocol.negotiation import Selected
from filmroom.services.content import Content, as_stored, pieces

MOST_FRAGMENTS = 100_000  # their headers are read one by one for each request; real videos have one fragment, or few


def video(archive: Archive, stored: StoredInstance, bulk: Bulk, location: str, choice: Selected) -> Content:
    """The stream of a video, of which nothing but the headers of its fragments is read here."""
    joined = _Joined.of(_fragments(archive, stored, bulk))
    if not joined.length:
        raise NotFound("The video is empty: no fragment of its pixel data holds anything.")

    def read(offset: int, length: int) -> Iterator[bytes]:
        ranges = (piece for start, size in joined.within(offset, length) for piece in pieces(start, size))
        return archive.read(stored, ranges)

    return as_stored(stored, choice, stored.transfer_syntax, location, joined.length, read(0, joined.length), read)


@dataclass(frozen=True, slots=True)
class _Joined:
    """Ranges of a file that are one stream."""

    places: list[tuple[int, int]]  # offset and length in the file
    starts: list[int]  # in the stream
    length: int

    @classmethod
    def of(cls, places: list[tuple[int, int]]) -> "_Joined":
        *starts, length = accumulate((size for _, size in places), initial=0)
        return cls(places, starts, length)

    def within(self, offset: int, length: int) -> Iterator[tuple[int, int]]:
        """Where in the file a range of the stream lies."""
        end, index = offset + length, bisect_right(self.starts, offset) - 1
        while offset < end:
            place, size = self.places[index]
            inside = offset - self.starts[index]
            taken = min(size - inside, end - offset)
            if taken:
                yield place + inside, taken
            offset, index = offset + taken, index + 1


def _fragments(archive: Archive, stored: StoredInstance, bulk: Bulk) -> list[tuple[int, int]]:
    """Offset and length of the content of each fragment; the Basic Offset Table before them is none."""
    position, end = bulk.offset, bulk.offset + bulk.length
    found: list[tuple[int, int]] = []
    while position < end:
        if len(found) > MOST_FRAGMENTS:
            raise NotFound(f"The video has more than {MOST_FRAGMENTS} fragments and can be had as an Instance only.")
        (header,) = archive.blobs.get_ranges(stored.key, [(position, 8)])
        length = int.from_bytes(header[4:], "little")
        found.append((position + 8, length))
        position += 8 + length
    with reading():
        if position != end:
            raise BadFile("The fragments of the video do not end where its pixel data do.")
    return found[1:]
