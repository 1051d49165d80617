"""How a rendered image is asked to look (PS3.18 §8.3.5), as values that `protocol` makes and `pixels` follows."""

from dataclasses import dataclass

THUMBNAIL_SIZE = 128  # pixels of a thumbnail that is asked for without a viewport


@dataclass(frozen=True, slots=True)
class Viewport:
    """The pixels that the image must fit in, and what of the source it shows (PS3.18 §8.3.5.1.3, §9.5.1.2).

    A `width` or `height` of None is as long as the other allows; if both are, the image has its own size. `left` and
    `top` are source pixels to leave out; a `region_width` or `region_height` of None reaches to the edge.
    """

    width: int | None
    height: int | None
    left: float = 0
    top: float = 0
    region_width: float | None = None
    region_height: float | None = None
    mirrored: bool = False  # left and right change places
    flipped: bool = False  # top and bottom do
    relative: bool = False  # the region is in parts of the whole, from 0 to 1, and not in pixels


@dataclass(frozen=True, slots=True)
class Presentation:
    """All that a request says of the looks of its images. Equal ones make equal images."""

    quality: int = 100  # 1 to 100, where the media type loses anything
    window: tuple[float, float, str] | None = None  # center, width, VOI LUT Function; instead of the file's
    viewport: Viewport | None = None
    annotation: tuple[str, ...] = ()  # what is drawn into the image: patient, technique, overlay
    icc_profile: str = "no"  # no, yes, or the name of a color space
    square_pixels: bool = True  # where the pixels of the source are not square, the image is stretched
