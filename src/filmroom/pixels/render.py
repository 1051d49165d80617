"""Frames as people see them, for browsers (PS3.4 §N.2, PS3.18 §8.3.5): the conductor of what `pixels` can do to them.

In order, and why:

(1) decode                      each Frame, into samples
(2) shades and colors           of 8 bits; grey Frames that have no window are measured together
(3) overlays                    where they lie, before anything moves
(4) region, form, size          of fewer pixels, if fewer are asked for, all that follows is cheap
(5) colors                      converted or described
(6) annotation                  in letters of the size of the image, not of the source
(7) encode
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image as Pillow

from filmroom.dicom.json_model import first
from filmroom.dicom.presentation import Presentation
from filmroom.errors import NotAcceptable, Unconvertible, Unsuited
from filmroom.pixels import annotations, codecs, display, encoders, geometry, icc, overlays, shading
from filmroom.pixels.codecs import Order
from filmroom.pixels.display import Bulk
from filmroom.pixels.encoders import Pictures
from filmroom.pixels.frame import Frame, Samples, describe
from filmroom.pixels.shading import UNRENDERABLE, Image

VERSION = 1  # of what is made of the same Frames: a change that can be seen makes cached images useless
MOST_PIXELS = 64 << 20  # of all Frames of one file, for what they take in memory
MOST_FRAMES = 10_000  # in one file: each costs something, however small it is
PLAIN = Presentation()

RECOMMENDED_RATE, CINE_RATE, FRAME_TIME, FRAME_TIME_VECTOR = 0x00082144, 0x00180040, 0x00181063, "00181065"
_MILLISECONDS = 100.0  # for a Frame where nothing is said
_SHORTEST, _LONGEST = 1.0, 655_350.0  # milliseconds; no GIF shows a Frame for longer


@dataclass(frozen=True, slots=True)
class Source:
    """Some Frames of an Instance, as they are stored, and what the data set says of them."""

    frames: Sequence[bytes]
    numbers: Sequence[int]  # which Frames these are, from 1
    elements: Mapping[str, Any]
    transfer_syntax: str
    bulk: Bulk = field(default_factory=dict)  # what `needed` names


def check(elements: Mapping[str, Any], numbers: Sequence[int], media_type: str, how: Presentation) -> None:
    """Refuse what can be told from the data set alone to be too much, or to make no sense."""
    encoder, frame = encoders.find(media_type), describe(elements)
    if how.icc_profile != "no" and not encoder.profiles:
        raise Unsuited(f"{media_type} has no ICC Profile; leave out 'iccprofile' or accept another media type.")
    if frame.rows * frame.columns > MOST_PIXELS:
        raise NotAcceptable(f"Frames of more than {MOST_PIXELS >> 20} megapixels are not rendered.")
    if len(numbers) > MOST_FRAMES:
        raise Unsuited(f"One file is made of at most {MOST_FRAMES:,} Frames: ask for some at a time, or for the first.")
    if frame.rows * frame.columns * len(numbers) > MOST_PIXELS:
        raise Unsuited(
            f"One file is made of at most {MOST_PIXELS >> 20} megapixels of Frames: ask for {_most(frame)} Frames "
            "at a time (/frames/1,2,3/rendered)."
        )


def needed(elements: Mapping[str, Any], number: int, how: Presentation) -> tuple[str, ...]:
    """The paths of the bulk values without which Frame `number` can't be rendered."""
    over = overlays.needed(elements) if "overlay" in how.annotation else ()
    profiles = icc.needed(elements) if how.icc_profile != "no" else ()
    return (*display.needed(elements, number), *over, *profiles)


def render(source: Source, media_type: str, how: Presentation = PLAIN) -> bytes:
    """A file of these Frames."""
    check(source.elements, source.numbers, media_type, how)
    frame = describe(source.elements)
    samples = [_decoded(data, frame, source.transfer_syntax) for data in source.frames]  # (1)
    order: Order = codecs.find(source.transfer_syntax).native or "<"
    images = _images(source, frame, samples, order, how)  # (2)
    if "overlay" in how.annotation:  # (3)
        images = [
            overlays.draw(image, source.elements, raw, number, order, source.bulk)
            for image, raw, number in zip(images, samples, source.numbers, strict=True)
        ]
    finished: list[Pillow.Image] = []
    profile: bytes | None = None
    for image in images:
        made, profile = _finished(source, image, how)
        finished.append(made)
        if made.width * made.height * len(images) > MOST_PIXELS:
            raise Unsuited(f"Files of more than {MOST_PIXELS >> 20} megapixels are not made; ask for fewer Frames.")
    pictures = Pictures(finished, how.quality, profile, frame_milliseconds(source.elements))
    return encoders.encode(pictures, media_type)  # (7)


def _decoded(data: bytes, frame: Frame, transfer_syntax: str) -> Samples:
    try:
        return codecs.decode(data, frame, transfer_syntax)
    except Unconvertible as error:  # nobody asked for another Transfer Syntax
        raise NotAcceptable(f"{UNRENDERABLE}. {error}") from error


def frame_milliseconds(elements: Mapping[str, Any]) -> float:
    """For how long each Frame is shown: as recommended, or as fast as they were taken (PS3.3 §C.7.6.5)."""
    return min(max(_told_milliseconds(elements), _SHORTEST), _LONGEST)


def _told_milliseconds(elements: Mapping[str, Any]) -> float:
    for tag in (RECOMMENDED_RATE, CINE_RATE):
        rate = first(elements, tag)
        if isinstance(rate, (int, float)) and rate > 0:
            return 1000 / rate
    time = first(elements, FRAME_TIME)
    if isinstance(time, (int, float)) and time > 0:
        return float(time)
    steps = [
        step for step in elements.get(FRAME_TIME_VECTOR, {}).get("Value", [])[1:] if isinstance(step, (int, float))
    ]
    return sum(steps) / len(steps) if sum(steps) > 0 else _MILLISECONDS


def _images(source: Source, frame: Frame, samples: Sequence[Samples], order: Order, how: Presentation) -> list[Image]:
    elements, bulk = source.elements, source.bulk
    photometric = codecs.find(source.transfer_syntax).decoded.get(frame.photometric, frame.photometric)
    if photometric in ("MONOCHROME1", "MONOCHROME2"):
        displays = [
            display.describe(elements, number, order, bulk, photometric, how.window) for number in source.numbers
        ]
        return shading.grey(samples, frame, displays)
    if photometric == "PALETTE COLOR":
        palette, high_bit = display.palette(elements, order, bulk), display.high_bit(elements)
        return [shading.painted(one, frame, high_bit, palette) for one in samples]
    return [shading.colored(one, frame, photometric) for one in samples]


def _finished(source: Source, image: Image, how: Presentation) -> tuple[Pillow.Image, bytes | None]:
    height = geometry.pixel_height(source.elements) if how.square_pixels else 1.0
    fitted = geometry.fit(Pillow.fromarray(image), how, height)  # (4)
    managed, profile = icc.manage(fitted, source.elements, source.bulk, how.icc_profile)  # (5)
    if how.annotation:
        managed = annotations.draw(managed, source.elements, how.annotation)  # (6)
    return managed, profile


def _most(frame: Frame) -> int:
    return MOST_PIXELS // (frame.rows * frame.columns)


__all__ = ["UNRENDERABLE", "VERSION", "Source", "check", "needed", "render"]
