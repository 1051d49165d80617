"""How images are to look, as people type it and as it goes into the query (PS3.18 §8.3.5)."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypedDict

import typer

from filmroom.errors import BadParameter
from filmroom.protocol import rendering

_SIZE = re.compile(r"([1-9][0-9]*)(?:[x,]([1-9][0-9]*))?")


class Looks(TypedDict):
    """How images are to look."""

    quality: int | None
    params: Mapping[str, str | None]


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


WITHOUT_QUALITY = frozenset({Format.PNG, Format.GIF})


def size(text: str) -> str:
    """512 or 640x480 as a viewport."""
    found = _SIZE.fullmatch(text)
    return _checked("viewport", f"{found[1]},{found[2] or found[1]}" if found else "", text)


def window(text: str) -> str:
    """Center, width and function."""
    return _checked("window", text, text)


def annotation(text: str) -> str:
    """What to draw into an image."""
    return _checked("annotation", text, text)


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


def _checked(name: str, value: str, text: str) -> str:
    """What goes into a query parameter. What would be refused there never reaches the service."""
    try:
        rendering.parse({name: value})
    except BadParameter:
        raise typer.BadParameter(f"{text!r} is not {_MEANT[name]}") from None
    return value
