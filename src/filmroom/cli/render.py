"""`filmroom render`: save a study, a series or an instance as images for people."""

import re
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import typer

from filmroom.cli import typed
from filmroom.cli.endings import DOCUMENTS, ENDINGS, VIDEOS
from filmroom.cli.saving import saving, write
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
    connect,
    existing,
)
from filmroom.client import Client, Content
from filmroom.dicom.resources import Resource
from filmroom.errors import BadParameter, NotAcceptable
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


def _size(value: str | None) -> str | None:
    """512 or 640x480 as a viewport."""
    if value is None:
        return None
    found = _SIZE.fullmatch(value)
    if found is None:
        raise typer.BadParameter(f"{value!r} is not a size: 512 or 640x480")
    return f"{found[1]},{found[2] or found[1]}"


def _parameter(name: str) -> Callable[[str | None], str | None]:
    """A check of what goes into a query parameter as it is."""

    def checked(value: str | None) -> str | None:
        try:
            rendering.parse({} if value is None else {name: value})
        except BadParameter as error:
            raise typer.BadParameter(str(error)) from None
        return value

    return checked


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
        callback=_parameter("window"),
        show_default="that of the file",
        help="Values to show; the function is linear, linear-exact or sigmoid.",
    ),
]
Size = Annotated[
    str | None,
    typer.Option(metavar="PIXELS", callback=_size, show_default="its own", help="Size to fit in: 512 or 640x480."),
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
            metavar="LIST",
            callback=_parameter("annotation"),
            help="What to draw into the image: patient,technique,overlay.",
        ),
    ] = None,
    frames: Annotated[
        str | None, typer.Option(metavar="LIST", callback=typed.frames, help="Frames of the instance: 1,5,9.")
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
    if frames and instance is None:
        raise typer.BadParameter("frames are those of an INSTANCE, which is not named", param_hint="--frames")
    if frames and thumbnail and "," in frames:
        raise typer.BadParameter("a thumbnail is of one frame: name one number", param_hint="--frames")
    params = {"window": window, "viewport": size, "annotation": annotate}
    options: dict[str, Any] = {"media_types": [format.media_type], "quality": quality, "params": params}
    uids = [uid for uid in (study, series, instance) if uid is not None]
    numbers = [int(number) for number in frames.split(",")] if frames else None
    named = Resource(study, series, instance).path + (f"/frames/{frames}" if frames else "")
    with (
        connect(url, token, timeout) as client,
        existing(f"image of {named}", client, thumbnail or not instance),
        saving(client, folder, printed=False) as saved,
    ):
        images = _thumbnail(client, uids, numbers, options) if thumbnail else _all(client, uids, numbers, options)
        saved.extend(_saved(images, folder, _names(uids, numbers, thumbnail), quiet))


def _all(client: Client, uids: list[str], numbers: list[int] | None, options: dict[str, Any]) -> Iterable[Content]:
    study, series, instance = (*uids, None, None)[:3]
    assert study is not None
    if numbers:
        return client.iter_rendered(study, series, instance, numbers, **options)
    if instance and series:
        return [_one(client, (study, series, instance), options)]
    return client.iter_rendered(study, series, **{**options, "media_types": [*options["media_types"], *_AS_IT_IS]})


def _one(client: Client, uids: tuple[str, str, str], options: dict[str, Any]) -> Content:
    """The image or, in a second request, the document: the Azure service takes one media type at a time."""
    try:
        return client.retrieve_instance_rendered(*uids, **options)
    except NotAcceptable as refused:
        try:
            return client.retrieve_instance_rendered(*uids, **{**options, "media_types": [*_AS_IT_IS]})
        except NotAcceptable:
            raise refused from None


def _thumbnail(client: Client, uids: list[str], numbers: list[int] | None, options: dict[str, Any]) -> list[Content]:
    if numbers:
        study, series, instance = uids
        return [client.retrieve_instance_frames_thumbnail(study, series, instance, numbers, **options)]
    methods = (client.retrieve_study_thumbnail, client.retrieve_series_thumbnail, client.retrieve_instance_thumbnail)
    return [methods[len(uids) - 1](*uids, **options)]


def _names(uids: list[str], numbers: list[int] | None, thumbnail: bool) -> Iterator[str]:
    """What to call images of which the service does not say what they are of: by what was asked for, in its order."""
    whole = "/".join(uids)
    if thumbnail:
        yield f"{whole}/thumbnail" + (f"-{numbers[0]}" if numbers else "")
    elif numbers:
        yield from (f"{whole}-{number}" for number in numbers)
    elif len(uids) == 3:
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
