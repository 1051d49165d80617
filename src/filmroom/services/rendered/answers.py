"""What is sent for a target: of an Instance what it is to people, of a Study or a Series that of each Instance."""

from collections.abc import Collection, Iterator, Sequence

from filmroom.archive import Archive
from filmroom.cache import digest
from filmroom.dicom import frames as frame_ranges
from filmroom.dicom import reports, transfer_syntax, uids
from filmroom.dicom.presentation import Presentation
from filmroom.dicom.resources import Resource
from filmroom.errors import Error, NotAcceptable, NotFound, Replaced
from filmroom.index import instances, viewable
from filmroom.index.instances import StoredInstance
from filmroom.pixels import encoders, render
from filmroom.protocol import offers
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import STORED, Selected
from filmroom.services.content import Content, Stream, form, not_found, version
from filmroom.services.rendered.documents import document, media_types
from filmroom.services.rendered.images import image
from filmroom.services.video import video

CINE = frozenset({offers.GIF, offers.MP4})  # asked for of an Instance, these show all its Frames
MOST_PARTS = 1000  # in one answer
_PIXEL_DATA = "7FE00010"
_MOST_REASONS = 5


def of_instance(
    archive: Archive,
    dialect: Dialect,
    target: Resource,
    numbers: Sequence[int] | None,
    selected: Selected,
    how: Presentation,
) -> list[Content]:
    """Frames of an Instance. Without `numbers` the Instance: its first Frame, all as cine, or the document in it."""
    with archive.index.read() as tx:
        found = instances.fetch(tx, target)
    if not found:
        raise not_found(target)
    [stored] = found
    if numbers is None and dialect.presentation:
        return [_whole(archive, stored, selected, how)]
    frame_ranges.check(numbers or (1,), stored.frames, dialect.wording)
    if dialect.transcode_limit is not None and stored.length > dialect.transcode_limit:
        raise NotAcceptable(render.UNRENDERABLE)
    choice = _choose(selected, encoders.ENCODERS, stored)
    if encoders.find(choice.media_type).moving and not choice.multipart:
        groups = [tuple(numbers or (1,))]
    else:
        groups = [(number,) for number in numbers or (1,)]
    return [image(archive, stored, group, choice, how, _location(stored, group)) for group in groups]


def of_many(archive: Archive, target: Resource, selected: Selected, how: Presentation) -> list[Content] | Stream:
    """What a Study or a Series has to look at, each Instance one part, in the order in which people look at them."""
    with archive.index.read() as tx:
        found = viewable.fetch(tx, target, MOST_PARTS + 1)
        exists = bool(found) or instances.version(tx, target) is not None
    if not exists:
        raise not_found(target)
    if not found:
        raise NotAcceptable(f"The specified {target.level.name.lower()} has no image, report or document.")
    if len(found) > MOST_PARTS:
        raise NotAcceptable(f"One answer has at most {MOST_PARTS} parts; ask for a Series or an Instance at a time.")
    if len(found) == 1:
        return [_whole(archive, found[0], selected, how)]
    newest = version(target, max(stored.watermark for stored in found), len(found))
    return Stream(
        f"{newest}-{digest(render.VERSION, reports.VERSION, form(selected), how)}",
        _whatever_can_be_made(archive, found, selected, how),
    )


def thumbnail(
    archive: Archive, target: Resource, numbers: Sequence[int] | None, selected: Selected, how: Presentation
) -> list[Content]:
    """A small image that stands for the target: of many Instances the middle one, and of that the middle Frame."""
    with archive.index.read() as tx:
        stored = viewable.fetch_representative(tx, target)
        if stored is None and instances.version(tx, target) is None:
            raise not_found(target)
    if stored is None:
        raise NotFound(f"The specified {target.level.name.lower()} has no image.")
    if numbers is None:
        numbers, location = (stored.frames // 2 + 1,), f"{target.path}/thumbnail"
    else:
        location = f"{target.path}/frames/{numbers[0]}/thumbnail"
    frame_ranges.check(numbers, stored.frames)
    return [image(archive, stored, numbers, _choose(selected, encoders.ENCODERS, stored), how, location)]


def _whatever_can_be_made(
    archive: Archive, found: Sequence[StoredInstance], selected: Selected, how: Presentation
) -> Iterator[Content]:
    """Each Instance in its turn. What can't be made as it is accepted is left out; of none it is an error."""
    refusals: dict[str, Error] = {}
    some = False
    for stored in found:
        try:
            content = _whole(archive, stored, selected, how).ready()
        except (NotAcceptable, NotFound, Replaced) as error:
            refusals.setdefault(str(error), error)
            continue
        some = True
        yield content
    if refusals and not some:
        raise NotAcceptable(" ".join(list(refusals)[:_MOST_REASONS])) from next(iter(refusals.values()))


def _whole(archive: Archive, stored: StoredInstance, selected: Selected, how: Presentation) -> Content:
    """What an Instance is to people: a document, a video, its first Frame, or as cine all."""
    location = f"{stored.resource.path}/rendered"
    syntax = transfer_syntax.find(stored.transfer_syntax)
    if syntax.is_video:
        choice = _choose(selected, {syntax.media_type}, stored)
        with archive.index.read() as tx:
            bulk = instances.fetch_bulk(tx, stored.resource, _PIXEL_DATA)[1]
        return video(archive, stored, bulk, location, choice)
    if not stored.frames:
        return document(archive, stored, _choose(selected, media_types(stored), stored), location)
    choice = _choose(selected, encoders.ENCODERS, stored)
    numbers = range(1, stored.frames + 1) if choice.media_type in CINE else (1,)
    return image(archive, stored, tuple(numbers), choice, how, location)


def _location(stored: StoredInstance, numbers: Sequence[int]) -> str:
    return f"{stored.resource.path}/frames/{','.join(map(str, numbers))}/rendered"


def _choose(selected: Selected, renderable: Collection[str], stored: StoredInstance) -> Selected:
    """The best choice of a media type that this Instance can be shown in."""
    for choice in (selected, *selected.alternatives):
        if choice.media_type.lower() in renderable and choice.transfer_syntax in {STORED, stored.transfer_syntax}:
            return choice
    offered = {row.media_type.lower() for row in selected.offers.rows} if selected.offers else set(renderable)
    named = ", ".join(media_type for media_type in renderable if media_type in offered)
    extra = offers.MP4 in offered and stored.frames and renderable is encoders.ENCODERS and offers.MP4 not in renderable
    hint = f"; {offers.MP4} needs the package filmroom[video]" if extra else ""
    kind = uids.name(stored.sop_class) or stored.sop_class
    raise NotAcceptable(f"Nothing that the request accepts can be made of {kind}. Acceptable here: {named}{hint}.")
