"""`filmroom render`: save a study, a series or an instance as images for people."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Annotated, TypedDict

import typer

from filmroom.cli import typed
from filmroom.cli.endings import DOCUMENTS, ENDINGS, VIDEOS
from filmroom.cli.saving import Uids, saving, write
from filmroom.cli.service import (
    DEFAULT_TIMEOUT,
    DEFAULT_URL,
    Instance,
    Quiet,
    Series,
    Study,
    Timeout,
    Token,
    Url,
    absent,
    connect,
    existing,
    fuller_root,
)
from filmroom.client import Client, Content, NotAcceptable, NotFound
from filmroom.dicom.resources import Resource
from filmroom.errors import BadParameter
from filmroom.protocol import rendering

_AS_IT_IS = (*DOCUMENTS, *VIDEOS)  # what is no image
_SIZE = re.compile(r"([1-9][0-9]*)(?:[x,]([1-9][0-9]*))?")
_UID = r"([0-9.]*[0-9])"
_PLACE = re.compile(rf"/studies/{_UID}/series/{_UID}/instances/{_UID}(?:/frames/([0-9,]+))?/rendered")


class Format(StrEnum):
    """The media types that services render, by their usual names."""

    JPEG = "jpeg"
    PNG = "png"
    GIF = "gif"
    WEBP = "webp"
    MP4 = "mp4"

    @property
    def media_type(self) -> str:
        """As it stands in Accept."""
        return f"{'video' if self is Format.MP4 else 'image'}/{self.value}"


def _size(text: str) -> str:
    """512 or 640x480 as a viewport."""
    found = _SIZE.fullmatch(text)
    viewport = f"{found[1]},{found[2] or found[1]}" if found else ""
    _check_parameter("viewport", viewport, text)
    return viewport


def _window(text: str) -> str:
    return _check_parameter("window", text, text)


def _annotation(text: str) -> str:
    return _check_parameter("annotation", text, text)


_MEANT = {
    "viewport": (
        f"a size: 512 or 640x480, a side of at most {rendering.LONGEST_SIDE} pixels, "
        f"together at most {rendering.MOST_PIXELS >> 20} megapixels"
    ),
    "window": (
        "a window: CENTER,WIDTH or CENTER,WIDTH,FUNCTION, the width above 0, "
        "the function linear, linear-exact or sigmoid"
    ),
    "annotation": f"a list of {', '.join(rendering.ANNOTATIONS)}",
}


def _check_parameter(name: str, value: str, text: str) -> str:
    """What goes into a query parameter. What would be refused there never reaches the service."""
    try:
        rendering.parse({name: value})
    except BadParameter:
        raise typer.BadParameter(f"{text!r} is not {_MEANT[name]}") from None
    return value


Folder = Annotated[
    Path,
    typer.Option(
        "--to",
        "-o",
        metavar="DIR",
        show_default="where you are",
        help="Folder for the images; made if it is not there.",
    ),
]
Window = Annotated[
    str | None,
    typer.Option(
        metavar="CENTER,WIDTH[,FUNCTION]",
        parser=_window,
        show_default="that of the file",
        help="Values to show; the function is linear, linear-exact or sigmoid.",
    ),
]
Size = Annotated[
    str | None,
    typer.Option(metavar="PIXELS", parser=_size, show_default="its own", help="Size to fit in: 512 or 640x480."),
]


def render(
    study: Study,
    series: Series = None,
    instance: Instance = None,
    folder: Folder = Path(),
    format: Annotated[Format, typer.Option(help="Kind of file. As gif and mp4, frames move.")] = Format.JPEG,  # noqa: A002
    window: Window = None,
    size: Size = None,
    quality: Annotated[int | None, typer.Option(min=1, max=100, help="Quality of jpeg, webp and mp4.")] = None,
    annotate: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", parser=_annotation, help="What to draw into the image: patient,technique,overlay."
        ),
    ] = None,
    frames: Annotated[
        typed.Frames | None,
        typer.Option(metavar="LIST", parser=typed.frames, help="Frames of the instance: 1,5,9."),
    ] = None,
    thumbnail: Annotated[bool, typer.Option("--thumbnail", help="One small image that stands for all.")] = False,
    quiet: Quiet = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Save a study for people to look at, or one series of it, or one instance of that.

    Images are saved as such, reports, documents and videos as what they are: instance.html, instance.pdf, instance.mp4.

    The files are named DIR/study/series/instance.jpg by their UIDs, those of frames instance-5.jpg; a thumbnail is
    called thumbnail.jpg, in the folder of what it stands for. Files of these names are replaced. Their paths are
    printed. Of a study or a series, what nobody can look at is left out.

    Exit codes: 0 all was saved; 1 there is no such image, or DIR can't be written; 2, 3 as for every command.

    Examples:

        filmroom render 1.2.3 1.2.3.4 --to pictures --window 40,400 --size 512
        filmroom render 1.2.3 --thumbnail --format png
    """
    target = Resource(study, series, instance)
    _check(target, format, quality, annotate, frames, thumbnail)
    params = {"window": window, "viewport": size, "annotation": annotate}
    asked = _Asked(target, frames, [format.media_type], Looks(quality=quality, params=params))
    beyond_azure = thumbnail or instance is None or (frames is not None and len(frames.numbers) > 1)
    kind = "image" if thumbnail or frames else "image, report or document"
    with (
        connect(url, token, timeout) as client,
        existing(f"{kind} of {asked.path}", client, beyond_azure),
        saving(client, folder, printed=False) as saved,
    ):
        images = [_thumbnail(client, asked)] if thumbnail else _all(client, asked)
        saved.extend(_saved(images, folder, _names(asked, thumbnail), quiet))


def _check(
    target: Resource,
    format: Format,  # noqa: A002
    quality: int | None,
    annotate: str | None,
    frames: typed.Frames | None,
    thumbnail: bool,
) -> None:
    typed.refuse(
        (frames and target.instance is None, "--frames", "frames are those of an INSTANCE, which is not named"),
        (thumbnail and frames and len(frames.numbers) > 1, "--frames", "a thumbnail is of one frame: name one number"),
    )


class Looks(TypedDict):
    """How images are to look."""

    quality: int | None
    params: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Of what there are to be images, and which."""

    target: Resource
    frames: typed.Frames | None
    media_types: list[str]
    looks: Looks

    @property
    def path(self) -> str:
        """The path of the resource."""
        return self.target.path + (f"/frames/{self.frames}" if self.frames else "")


def _all(client: Client, asked: _Asked) -> Iterable[Content]:
    study, series, instance = str(asked.target.study), asked.target.series, asked.target.instance
    if asked.frames:
        numbers = asked.frames.numbers
        return client.iter_rendered(study, series, instance, numbers, media_types=asked.media_types, **asked.looks)
    if series and instance:
        return [_one(client, (study, series, instance), asked)]
    return client.iter_rendered(study, series, media_types=[*asked.media_types, *_AS_IT_IS], **asked.looks)


def _one(client: Client, uids: Uids, asked: _Asked) -> Content:
    """The image or, in a second request, the document: the Azure service takes one media type at a time."""
    try:
        return client.retrieve_instance_rendered(*uids, media_types=asked.media_types, **asked.looks)
    except NotAcceptable as refused:
        try:
            return client.retrieve_instance_rendered(*uids, media_types=_AS_IT_IS, **asked.looks)
        except NotAcceptable:
            raise refused from None
    except NotFound:
        if (more := fuller_root(client.base_url)) and _is_stored(client, uids):
            absent(f"image of {asked.path}", client, f"this root shows images alone; {more} may show what this is")
        raise


def _is_stored(client: Client, uids: Uids) -> bool:
    with suppress(NotFound):
        client.retrieve_instance_metadata(*uids)
        return True
    return False


def _thumbnail(client: Client, asked: _Asked) -> Content:
    study, series, instance = str(asked.target.study), asked.target.series, asked.target.instance
    if series is None:
        return client.retrieve_study_thumbnail(study, media_types=asked.media_types, **asked.looks)
    if instance is None:
        return client.retrieve_series_thumbnail(study, series, media_types=asked.media_types, **asked.looks)
    uids = study, series, instance
    if asked.frames is None:
        return client.retrieve_instance_thumbnail(*uids, media_types=asked.media_types, **asked.looks)
    numbers = asked.frames.numbers
    return client.retrieve_instance_frames_thumbnail(*uids, numbers, media_types=asked.media_types, **asked.looks)


def _names(asked: _Asked, thumbnail: bool) -> Iterator[str]:
    """What to call images of which the service does not say what they are of: by what was asked for, in its order."""
    target, frames = asked.target, asked.frames
    whole = "/".join(filter(None, (target.study, target.series, target.instance)))
    if thumbnail:
        yield f"{whole}/thumbnail" + (f"-{frames}" if frames else "")
    elif frames:
        yield from (f"{whole}-{number}" for number in frames.numbers)
    elif target.instance:
        yield whole
    yield from (f"{whole}/image-{number}" for number in count(1))


def _saved(images: Iterable[Content], folder: Path, names: Iterator[str], quiet: bool) -> Iterator[Path]:
    """Save each, and say at once where. Only UIDs are taken over from what the service calls it."""
    for image, name in zip(images, names, strict=False):
        place = _PLACE.search(image.location or "")
        if place:
            name = "/".join(place.group(1, 2, 3)) + (f"-{place[4]}" if place[4] else "")
        path = write(image, folder / (name + ENDINGS.get(image.media_type, "")))
        if not quiet:
            typer.echo(path)
        yield path
