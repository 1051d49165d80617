"""What a rendered answer is: its parts, each opened when its turn comes, and the choice of their media type."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from filmroom.dicom import uids
from filmroom.errors import Error, NotAcceptable, NotFound, Unavailable
from filmroom.index.instances import StoredInstance
from filmroom.pixels import encoders
from filmroom.protocol.negotiation import Selected


class Replaced(Unavailable):
    """Another Instance has taken the place of the one that was found."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """One file on its way out. `open` takes it from the cache or makes it, and gives its length and its bytes."""

    media_type: str
    location: str  # under the root of the service
    open: Callable[[], tuple[int, Iterator[bytes]]]


@dataclass(frozen=True, slots=True)
class Rendered:
    """The answer to a request: its parts, and a version that no other answer has."""

    version: str
    created: float | None  # when the Instance that was asked for was stored; of many, one that is gone leaves no date
    multipart: bool
    parts: Sequence[Rendering]

    def opened(self) -> Iterator[tuple[Rendering, Iterator[bytes]]]:
        """Each part in order. What can never be made of what was found is left out; of none it is an error."""
        refusal: Error | None = None
        some = False
        for part in self.parts:
            try:
                _, chunks = part.open()
            except (NotAcceptable, NotFound, Replaced) as error:
                refusal = error
                continue
            some = True
            yield part, chunks
        if refusal is not None and not some:
            raise refusal


def choose(selected: Selected, renderable: Collection[str], stored: StoredInstance) -> Selected:
    """The best choice of a media type that this Instance can be sent in."""
    for choice in (selected, *selected.alternatives):
        if choice.media_type in renderable:
            return choice
    offered = {row.media_type for row in selected.offers.rows} if selected.offers else set(renderable)
    named = ", ".join(media_type for media_type in renderable if media_type in offered)
    hint = ""
    if "video/mp4" in offered and stored.frames and "video/mp4" not in encoders.ENCODERS:
        hint = "; video/mp4 needs the package filmroom[video]"
    kind = uids.name(stored.sop_class) or stored.sop_class
    raise NotAcceptable(f"Nothing that the request accepts can be made of a {kind}. Acceptable here: {named}{hint}.")
