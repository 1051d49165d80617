"""What is sent for a target: of an Instance what it is to people, of a Study or a Series that of each Instance."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial, reduce

import structlog

from filmroom.archive import Archive
from filmroom.cache import digest
from filmroom.dicom import frames as frame_ranges
from filmroom.dicom import reports, transfer_syntax, uids
from filmroom.dicom.presentation import Presentation
from filmroom.dicom.resources import Resource
from filmroom.errors import Error, Lost, NotAcceptable, NotFound, Replaced, TookTooLong, Unsuited
from filmroom.index import instances, viewable
from filmroom.index.instances import StoredInstance
from filmroom.pixels import encoders, render
from filmroom.protocol import offers
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import STORED, Selected
from filmroom.services.content import Content, Stream, check_unchanged, form, not_found, or_else, version
from filmroom.services.rendered.documents import document, media_types
from filmroom.services.rendered.images import image
from filmroom.services.video import video

log = structlog.get_logger()

CINE = frozenset({offers.GIF, offers.MP4})  # asked for of an Instance, these show all its Frames
_PIXEL_DATA = "7FE00010"
_MOST_REASONS = 5
_CANDIDATES = 4  # for a thumbnail, should the first be damaged


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
    if dialect.presentation and transfer_syntax.find(stored.transfer_syntax).is_video:
        raise NotAcceptable("A video has no Frame of its own: ask for /rendered of the Instance, which is the video.")
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
        found = viewable.fetch(tx, target)
        exists = bool(found) or instances.version(tx, target) is not None
    if not exists:
        raise not_found(target)
    if not found:
        raise NotAcceptable(f"The specified {target.level.name.lower()} has no image, report or document.")
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
        found = viewable.fetch_representatives(tx, target, _CANDIDATES)
        if not found and instances.version(tx, target) is None:
            raise not_found(target)
    if not found:
        raise NotFound(
            f"The specified {target.level.name.lower()} has no image; of reports, documents and videos there is no "
            "thumbnail."
        )
    if numbers is not None:
        frame_ranges.check(numbers, found[0].frames)
    contents = [_small(archive, target, stored, numbers, selected, how) for stored in found]
    return [reduce(lambda last, before: or_else(before, lambda: last), reversed(contents))]


def _small(
    archive: Archive,
    target: Resource,
    stored: StoredInstance,
    numbers: Sequence[int] | None,
    selected: Selected,
    how: Presentation,
) -> Content:
    choice = _choose(selected, encoders.ENCODERS, stored)
    if numbers is None:
        return image(archive, stored, (stored.frames // 2 + 1,), choice, how, f"{target.path}/thumbnail")
    return image(archive, stored, numbers, choice, how, f"{target.path}/frames/{numbers[0]}/thumbnail")


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
        except (Lost, TookTooLong) as error:  # one of many must not cost the others
            log.error(type(error).__name__.lower(), reason=str(error))
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
            now, bulk = instances.fetch_bulk(tx, stored.resource, _PIXEL_DATA)
        check_unchanged(stored, now)
        return replace(video(archive, stored, bulk, location, choice), transfer_syntax=None)  # §8.7.4 has no parameter
    if not stored.frames:
        return document(archive, stored, _choose(selected, media_types(stored), stored), location)
    return _image(archive, stored, _choose(selected, encoders.ENCODERS, stored), how, location)


def _image(archive: Archive, stored: StoredInstance, choice: Selected, how: Presentation, location: str) -> Content:
    """Its first Frame, or as cine all; where a file of that type can't hold that, in the next best."""
    numbers = range(1, stored.frames + 1) if choice.media_type in CINE else (1,)
    made, following = image(archive, stored, tuple(numbers), choice, how, location), choice.next
    otherwise = partial(_image, archive, stored, following, how, location) if following else None
    return or_else(made, otherwise, Unsuited)


def _location(stored: StoredInstance, numbers: Sequence[int]) -> str:
    return f"{stored.resource.path}/frames/{','.join(map(str, numbers))}/rendered"


def _choose(selected: Selected, renderable: Collection[str], stored: StoredInstance) -> Selected:
    """The best choice of a media type that this Instance can be shown in."""
    syntaxes = {STORED, stored.transfer_syntax}
    choice = selected.only(lambda one: one.media_type.lower() in renderable and one.transfer_syntax in syntaxes)
    if choice is not None:
        return choice
    offered = {row.media_type.lower() for row in selected.offers.rows} if selected.offers else set(renderable)
    named = ", ".join(media_type for media_type in renderable if media_type in offered)
    extra = offers.MP4 in offered and offers.JPEG in renderable and offers.MP4 not in renderable
    hint = f"; {offers.MP4} needs the package filmroom[video]" if extra else ""
    kind = uids.name(stored.sop_class) or stored.sop_class
    raise NotAcceptable(
        f"Nothing that the request accepts can be made of {kind}. Acceptable here: {named or offers.DICOM}{hint}."
    )
