"""Images as files that browsers show: the rendered media types (PS3.18 §8.7.4), one row each."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from PIL import Image as Pillow

from filmroom.errors import NotAcceptable, Unsuited
from filmroom.pixels import video

_HUNDREDTHS = 0xFFFF  # of a second: how long a GIF can show an image
_WEBP_MILLISECONDS = 0x7FFFFFFF  # how long all images of a file can take


@dataclass(frozen=True, slots=True)
class Encoder:
    """How images become a file of one media type."""

    encode: Callable[["Pictures"], bytes]
    longest_side: int
    moving: bool = False  # several images are one file
    profiles: bool = True  # a file can have an ICC Profile


@dataclass(frozen=True, slots=True)
class Pictures:
    """Images of one size and mode, L or RGB, and how they are to be shown. Only moving ones are several."""

    images: Sequence[Pillow.Image]
    quality: int
    profile: bytes | None = None
    milliseconds: float = 100.0  # for which each is shown


def find(media_type: str) -> Encoder:
    """The encoder of a media type. NotAcceptable if there is none."""
    if media_type not in ENCODERS:
        raise NotAcceptable(f"Images can be rendered as {', '.join(ENCODERS)}.")
    return ENCODERS[media_type]


def encode(pictures: Pictures, media_type: str) -> bytes:
    """A file of these images."""
    encoder = find(media_type)
    if max(pictures.images[0].size) > encoder.longest_side:
        raise Unsuited(f"{media_type} has no images above {encoder.longest_side} pixels; ask for a viewport.")
    return encoder.encode(pictures)


def _jpeg(pictures: Pictures) -> bytes:
    file = io.BytesIO()
    # Chroma is not thinned out: small colored marks are what one looks for.
    pictures.images[0].save(file, "JPEG", quality=pictures.quality, subsampling=0, icc_profile=pictures.profile)
    return file.getvalue()


def _png(pictures: Pictures) -> bytes:
    file = io.BytesIO()
    pictures.images[0].save(file, "PNG", compress_level=1, icc_profile=pictures.profile)  # 6 takes half as long again
    return file.getvalue()


def _gif(pictures: Pictures) -> bytes:
    if len(pictures.images) > _HUNDREDTHS:
        raise Unsuited(f"image/gif has at most {_HUNDREDTHS} Frames; ask for fewer.")
    file = io.BytesIO()
    # Colors are chosen by octree: the default takes ten times as long.
    colored = pictures.images[0].mode == "RGB"
    octree = Pillow.Quantize.FASTOCTREE
    one, *others = [image.quantize(256, octree) if colored else image for image in pictures.images]
    if others:
        one.save(file, "GIF", save_all=True, append_images=others, duration=_gif_milliseconds(pictures), loop=0)
    else:
        one.save(file, "GIF")
    return file.getvalue()


def _gif_milliseconds(pictures: Pictures) -> int:
    """GIF counts in hundredths of a second, and browsers take less than two of them for ten.

    Those of images that are equal and follow each other are added up.
    """
    return min(max(round(pictures.milliseconds / 10), 2), _HUNDREDTHS // len(pictures.images)) * 10


def _webp(pictures: Pictures) -> bytes:
    file = io.BytesIO()
    one, *others = pictures.images
    milliseconds = min(round(pictures.milliseconds), _WEBP_MILLISECONDS // len(pictures.images))
    moving = {"save_all": True, "append_images": others, "duration": milliseconds, "loop": 0}
    one.save(
        file,
        "WEBP",
        quality=pictures.quality,
        method=2,  # 4, the default, takes twice as long for a twentieth of the size
        icc_profile=pictures.profile or b"",
        **(moving if others else {}),
    )
    return file.getvalue()


def _mp4(pictures: Pictures) -> bytes:
    return video.encode(pictures.images, pictures.quality, pictures.milliseconds)


ENCODERS: Mapping[str, Encoder] = MappingProxyType(
    {
        "image/jpeg": Encoder(_jpeg, 65_500),
        "image/png": Encoder(_png, 1 << 24),
        "image/gif": Encoder(_gif, 65_535, moving=True, profiles=False),
        "image/webp": Encoder(_webp, 16_383, moving=True),
        **({"video/mp4": Encoder(_mp4, 8_192, moving=True, profiles=False)} if video.AVAILABLE else {}),
    }
)
