"""How images are to look is understood as people type it, or refused with what would be right."""

from collections.abc import Callable

import pytest
import typer

from filmroom.cli import looks


@pytest.mark.parametrize(("text", "viewport"), [("512", "512,512"), ("640x480", "640,480"), ("640,480", "640,480")])
def test_sizes(text: str, viewport: str) -> None:
    assert looks.size(text) == viewport


@pytest.mark.parametrize("text", ["40,400", "-600,1500,linear-exact"])
def test_windows(text: str) -> None:
    assert looks.window(text) == text


@pytest.mark.parametrize(
    ("parse", "text", "said"),
    [
        (looks.size, "0", "'0' is not a size: 512 or 640x480"),
        (looks.size, "16384x1", "16383 pixels"),
        (looks.size, "9999", "64 megapixels"),
        (looks.window, "40,0", "CENTER,WIDTH or CENTER,WIDTH,FUNCTION"),
        (looks.annotation, "name", "patient, technique, overlay"),
    ],
)
def test_what_is_malformed_is_refused(parse: Callable[[str], str], text: str, said: str) -> None:
    with pytest.raises(typer.BadParameter, match=said):
        parse(text)


def test_formats_are_media_types() -> None:
    assert [one.media_type for one in looks.Format] == [
        "image/jpeg", "image/png", "image/gif", "image/webp", "video/mp4"
    ]  # fmt: skip
