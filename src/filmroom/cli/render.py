"""`filmroom render`: save a study, a series or an instance as images for people."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from filmroom.cli import left_out, looks, typed
from filmroom.cli.endings import DOCUMENTS, ENDINGS, VIDEOS
from filmroom.cli.looks import Format, Looks
from filmroom.cli.saving import Uids, saving, write
from filmroom.cli.service import (
    DEFAULT_TIMEOUT,
    DEFAULT_URL,
    Instance,
    Partition,
    Quiet,
    Series,
    Study,
    Timeout,
    Token,
    Url,
    absent,
    connect,
    existing,
)
from filmroom.client import Client, Content, NotAcceptable, NotFound
from filmroom.client.roots import fuller_root
from filmroom.dicom.resources import Resource

_AS_IT_IS = (*DOCUMENTS, *VIDEOS)  # what is no image
_UID = r"([0-9.]*[0-9])"
_PLACE = re.compile(rf"/studies/{_UID}/series/{_UID}/instances/{_UID}(?:/frames/([0-9,]+))?/rendered")

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
        parser=looks.window,
        show_default="that of the file",
        help="Values to show; the function is linear, linear-exact or sigmoid.",
    ),
]
Size = Annotated[
    str | None,
    typer.Option(metavar="PIXELS", parser=looks.size, show_default="its own", help="Size to fit in: 512 or 640x480."),
]

Annotate = Annotated[
    str | None,
    typer.Option(
        metavar="LIST", parser=looks.annotation, help="What to draw into the image: patient,technique,overlay."
    ),
]
Frames = Annotated[
    typed.Frames | None, typer.Option(metavar="LIST", parser=typed.frames, help="Frames of the instance: 1,5,9.")
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
    annotate: Annotate = None,
    frames: Frames = None,
    thumbnail: Annotated[bool, typer.Option("--thumbnail", help="One small image that stands for all.")] = False,
    quiet: Quiet = False,
    url: Url = DEFAULT_URL,
    partition: Partition = None,
    token: Token = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Save a study for people to look at, or one series of it, or one instance of that.

    Images are saved as such, reports, documents and videos as what they are: instance.html, instance.pdf, instance.mp4.

    The files are named DIR/study/series/instance.jpg by their UIDs, those of frames instance-5.jpg; a thumbnail is
    called thumbnail.jpg, in the folder of what it stands for. Files of these names are replaced. Their paths are
    printed. Of a study or a series, what nobody can look at is left out.

    Exit codes: 0 all was saved; 1 there is no such image, or some were left out that can't be shown in this format or
    at all, or DIR can't be written; 2, 3 as for every command.

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
        connect(url, token, timeout, partition) as client,
        existing(f"{kind} of {asked.path}", client, beyond_azure),
        saving(client, folder, printed=False) as saved,
    ):
        images = [_thumbnail(client, asked)] if thumbnail else _all(client, asked)
        rendered = set()
        for path, instance_uid in _saved(images, folder, _names(asked, thumbnail), quiet):
            saved.append(path)
            rendered.add(instance_uid)
        if asked.target.instance is None and not thumbnail and "" not in rendered:
            left_out.check(client, asked.target, rendered)
    if instance and not quiet:
        _tell_of_no_effect(
            format, saved, {"--window": window, "--size": size, "--quality": quality, "--annotate": annotate}
        )


def _tell_of_no_effect(format: Format, saved: Iterable[Path], options: Mapping[str, object]) -> None:  # noqa: A002
    """Where a document was saved in place of an image."""
    given = [name for name, value in options.items() if value is not None]
    others = {ENDINGS[media_type] for media_type in _AS_IT_IS if media_type != format.media_type}
    if given and any(path.suffix in others for path in saved):
        typer.echo(f"filmroom: what was saved is no image; without effect: {', '.join(given)}", err=True)


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
        (thumbnail and annotate, "--annotate", "a thumbnail has no annotation"),
        (
            quality and format in looks.WITHOUT_QUALITY,
            "--quality",
            f"{format} has no quality: ask for jpeg, webp or mp4, or leave it out",
        ),
        (thumbnail and frames and len(frames.numbers) > 1, "--frames", "a thumbnail is of one frame: name one number"),
    )


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


def _saved(images: Iterable[Content], folder: Path, names: Iterator[str], quiet: bool) -> Iterator[tuple[Path, str]]:
    """Save each, and say at once where: the path, and the SOP Instance UID if the service says it.

    Only UIDs are taken over from what the service calls it.
    """
    for image, name in zip(images, names, strict=False):
        place = _PLACE.search(image.location or "")
        if place:
            name = "/".join(place.group(1, 2, 3)) + (f"-{place[4]}" if place[4] else "")
        path = write(image, folder / (name + ENDINGS.get(image.media_type, "")))
        if not quiet:
            typer.echo(path)
        yield path, place[3] if place else ""
