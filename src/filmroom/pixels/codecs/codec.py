"""What a codec is, and what all families share: refusals, and samples as the data set means them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np

from filmroom.errors import Unconvertible
from filmroom.pixels.frame import Frame, Samples

Order = Literal["<", ">"]
SAME: Mapping[str, str] = MappingProxyType({})
SHARED: Mapping[str, str] = MappingProxyType({"YBR_FULL_422": "YBR_FULL"})  # decoded, no two pixels share their chroma
FAILURES = (RuntimeError, ValueError)  # what imagecodecs raises; its own errors are RuntimeErrors


@dataclass(frozen=True, slots=True)
class Codec:
    """How the Frames of one Transfer Syntax become samples, and samples Frames. None: it can't be done."""

    decode: Callable[[bytes, Frame], Samples] | None = None
    encode: Callable[[Samples, Frame], bytes] | None = None
    native: Order | None = None  # the byte order of samples that are not compressed
    as_described: bool = False  # the data set alone says how samples are laid out: planes, shared chroma
    # Photometric Interpretation before -> after. What is not named stays.
    decoded: Mapping[str, str] = field(default_factory=lambda: SAME)
    encoded: Mapping[str, str] = field(default_factory=lambda: SAME)
    loses: str = ""  # Lossy Image Compression Method (PS3.3 §C.7.6.1.1.5.1), if encoding changes samples
    always_loses: bool = False  # whatever is in it has lost something already
    # From other Transfer Syntaxes without decoding: the samples are not touched.
    recode: Mapping[str, Callable[[bytes], bytes]] = field(default_factory=lambda: MappingProxyType({}))
    remarks: str = ""  # for docs/reference/transfer-syntaxes.md


class Size(NamedTuple):
    """What a compressed image says of itself before it is decoded. `precision` is in bits; 0 is not told."""

    rows: int
    columns: int
    samples: int
    precision: int


def agree(size: Size | None, frame: Frame, family: str) -> Size:
    """Refuse what a decoder need not even begin with: not of its family, or of another size than the data set says."""
    if size is None:
        raise Unconvertible(f"The Frame is not {family}.")
    if size[:3] != (frame.rows, frame.columns, frame.samples):
        raise Unconvertible(
            f"The {family} image is {size.rows} x {size.columns} with {size.samples} samples per pixel, "
            f"the data set says {frame.rows} x {frame.columns} with {frame.samples}."
        )
    if frame.floating or size.precision > frame.bits_allocated:
        raise Unconvertible(f"The {family} image has {size.precision} bits a sample, more than Bits Allocated.")
    return size


def complete(data: bytes, family: str) -> None:
    """Refuse an image whose end marker is missing, as decoders would fill in what is not there. It may be padded."""
    if not data.rstrip(b"\0\xff").endswith(b"\xff\xd9"):
        raise Unconvertible(f"The {family} image is cut off.")


def conform(samples: Samples, precision: int, frame: Frame) -> Samples:
    """Samples whose word or sign is not that of the data set, which is what counts: their bits as they are."""
    if samples.dtype == frame.dtype:
        return samples
    size = frame.dtype.itemsize
    words = samples.astype(f"{samples.dtype.kind}{size}", copy=False).view(f"i{size}")
    shift = 8 * size - precision
    if not shift:
        return words.view(frame.dtype)
    return (words << shift).view(frame.dtype) >> shift


def precision(samples: Samples, frame: Frame) -> int:
    """Bits Stored, unless a word uses more: old files keep overlays there, or don't extend the sign."""
    top = frame.bits_stored - frame.signed
    fits = int(samples.max()) < 1 << top and (not frame.signed or int(samples.min()) >= -(1 << top))
    return frame.bits_stored if fits else frame.bits_allocated


def unsigned(samples: Samples, bits: int) -> Samples:
    """The lowest bits of samples, for codecs that know no sign."""
    if samples.dtype.kind == "u":
        return samples
    words = samples.view(f"u{samples.dtype.itemsize}")
    return words if bits == 8 * samples.dtype.itemsize else words & np.array((1 << bits) - 1, words.dtype)


def integers(frame: Frame, *bits_allocated: int) -> None:
    """Refuse to encode other samples than whole numbers in words of these sizes."""
    if frame.floating or frame.bits_allocated not in bits_allocated:
        raise Unconvertible(f"Bits Allocated can be {' or '.join(map(str, bits_allocated))} there.")


def to_be_lost(frame: Frame, most_bits: int) -> None:
    """Refuse to change samples that are no shades: indexes of a palette, and negative ones where there is no sign."""
    if frame.photometric == "PALETTE COLOR" or frame.signed or frame.bits_stored > most_bits:
        raise Unconvertible(
            f"Only unsigned shades and colours of at most {most_bits} bits can be compressed so with loss."
        )


def span(samples: Samples) -> int:
    """The range of values in use, of which an error is a part."""
    return max(int(samples.max()) - int(samples.min()), 1)
