"""What is sent for a target: of an Instance what it is to people, of a Study or a Series that of each Instance."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial

import structlog

from filmroom.archive import Archive
from filmroom.dicom import frames as frame_ranges
from filmroom.dicom import transfer_syntax, uids
from filmroom.dicom.presentation import Presentation
from filmroom.dicom.resources import Resource
from filmroom.errors import Error, Lost, NotAcceptable, NotFound, Replaced, TookTooLong, Unsuited
from filmroom.index import instances, viewable
from filmroom.index.instances import StoredInstance
from filmroom.pixels import encoders, render
from filmroom.protocol import offers
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import STORED, Selected
from filmroom.services import deidentified, pseudonyms
from filmroom.services.content import Content, Stream, check_unchanged, not_found, or_else
from filmroom.services.rendered.documents import document, media_types
from filmroom.services.rendered.images import image
from filmroom.services.video import video

log = structlog.get_logger()

CINE = frozenset({offers.GIF, offers.MP4})  # asked for of an Instance, these show all its Frames
_PIXEL_DATA = "7FE00010"
_MOST_REASONS = 5
_OF_ONE = (NotAcceptable, NotFound, Replaced, Lost, TookTooLong)  # what goes wrong with one Instance alone
_MOST_SLOW = 3  # in one answer: each has kept a codec busy for as long as it may


def of_instance(
    archive: Archive,
    dialect: Dialect,
    target: Resource,
    numbers: Sequence[int] | None,
    selected: Selected,
    how: Presentation,
) -> list[Content]:
    """Frames of an Instance. Without `numbers` the Instance: its first Frame, all as cine, or the document in it."""
    target = pseudonyms.resolved(archive, target)
    with archive.index.read() as tx:
        found = instances.fetch(tx, target)
    if not found:
        raise not_found(target)
    [stored] = deidentified.seen(target, found)
    contents = _of_instance(archive, dialect, stored, numbers, selected, how)
    return [deidentified.hidden(target.view, content) for content in contents]


def _of_instance(
    archive: Archive,
    dialect: Dialect,
    stored: StoredInstance,
    numbers: Sequence[int] | None,
    selected: Selected,
    how: Presentation,
) -> list[Content]:
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
    if len(groups[0]) > 1:
        return [image(archive, stored, groups[0], choice, how, _location(stored, groups[0]))]
    return [_image(archive, stored, choice, how, _location(stored, group), group) for group in groups]


def of_many(archive: Archive, target: Resource, selected: Selected, how: Presentation) -> list[Content] | Stream:
    """What a Study or a Series has to look at, each Instance one part, in the order in which people look at them."""
    target = pseudonyms.resolved(archive, target)
    with archive.index.read() as tx:
        found = viewable.fetch(tx, target)
        exists = bool(found) or instances.version(tx, target) is not None
    if not exists:
        raise not_found(target)
    if not found:
        raise NotAcceptable(f"The specified {target.level.name.lower()} has no image, report or document.")
    found = deidentified.seen(target, found)
    if len(found) == 1:
        return [deidentified.hidden(target.view, _whole(archive, found[0], selected, how))]
    # No version: what is lost or too slow today is left out, and may be there tomorrow.
    made = _whatever_can_be_made(archive, found, selected, how)
    return deidentified.every(target.view, Stream(None, made))


def thumbnail(
    archive: Archive, target: Resource, numbers: Sequence[int] | None, selected: Selected, how: Presentation
) -> list[Content]:
    """A small image that stands for the target: of many Instances the middle one, and of that the middle Frame."""
    target = pseudonyms.resolved(archive, target)
    with archive.index.read() as tx:
        found = viewable.fetch_representatives(tx, target)
        if not found and instances.version(tx, target) is None:
            raise not_found(target)
    if not found:
        raise NotFound(
            f"The specified {target.level.name.lower()} has no image; of reports, documents and videos there is no "
            "thumbnail."
        )
    if numbers is not None:
        frame_ranges.check(numbers, found[0].frames)
    found = deidentified.seen(target, found)
    return [deidentified.hidden(target.view, _small(archive, target, found, numbers, selected, how))]


def _small(
    archive: Archive,
    target: Resource,
    found: Sequence[StoredInstance],
    numbers: Sequence[int] | None,
    selected: Selected,
    how: Presentation,
) -> Content:
    """The thumbnail of the first of these that has one."""
    stored, *others = found
    shown, where = (numbers, f"/frames/{numbers[0]}") if numbers else ((stored.frames // 2 + 1,), "")
    choice = _choose(selected, encoders.ENCODERS, stored)
    made = _image(archive, stored, choice, how, f"{target.path}{where}/thumbnail", shown)
    otherwise = partial(_small, archive, target, others, numbers, selected, how) if others else None
    return or_else(made, otherwise, _OF_ONE)


def _whatever_can_be_made(
    archive: Archive, found: Sequence[StoredInstance], selected: Selected, how: Presentation
) -> Iterator[Content]:
    """Each Instance in its turn. What can't be made as it is accepted is left out; of none it is an error."""
    refusals: dict[str, Error] = {}
    some, slow = False, 0
    for stored in found:
        try:
            content = _whole(archive, stored, selected, how).ready()
        except _OF_ONE as error:  # one of many must not cost the others
            slow += isinstance(error, TookTooLong)
            if slow > _MOST_SLOW:
                raise
            if isinstance(error, Lost | TookTooLong):
                log.error(type(error).__name__.lower(), reason=str(error))
            refusals.setdefault(str(error), error)
            continue
        some = True
        yield content
    if refusals and not some:
        accepted = [text for text, error in refusals.items() if isinstance(error, NotAcceptable)]
        if not accepted:
            raise next(iter(refusals.values()))
        raise NotAcceptable(" ".join(accepted[:_MOST_REASONS]))


def _whole(archive: Archive, stored: StoredInstance, selected: Selected, how: Presentation) -> Content:
    """What an Instance is to people: a document, a video, its first Frame, or as cine all."""
    location = f"{stored.resource.path}/rendered"
    syntax = transfer_syntax.find(stored.transfer_syntax)
    if syntax.is_video:
        choice = _choose(selected, {syntax.media_type}, stored)
        with archive.index.read() as tx:
            bulks = instances.fetch_bulks(tx, stored.resource)
            [now] = instances.fetch(tx, stored.resource) or [stored]
        check_unchanged(stored, now)
        if _PIXEL_DATA not in bulks:
            raise NotFound("The video is empty: there is no Pixel Data.")
        made = video(archive, stored, bulks[_PIXEL_DATA], location, choice)
        return replace(made, transfer_syntax=None)  # PS3.18 §8.7.4: rendered media types have no such parameter
    if not stored.frames:
        return document(archive, stored, _choose(selected, media_types(stored), stored), location)
    return _image(archive, stored, _choose(selected, encoders.ENCODERS, stored), how, location)


def _image(
    archive: Archive,
    stored: StoredInstance,
    choice: Selected,
    how: Presentation,
    location: str,
    numbers: Sequence[int] | None = None,
) -> Content:
    """These Frames, else the first, or as cine all; where a file of that type can't hold them, in the next best."""
    cine = choice.media_type in CINE
    shown = numbers or (tuple(range(1, stored.frames + 1)) if cine else (1,))
    made, following = image(archive, stored, shown, choice, how, location), choice.next
    otherwise = partial(_image, archive, stored, following, how, location, numbers) if following else None
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
