"""Transfer Syntaxes (PS3.5 Annex A): how a data set is encoded, and as which media type its Frames are served."""

import re
from dataclasses import dataclass

OCTET_STREAM = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """One Transfer Syntax. `media_type` is that of a single Frame (PS3.18 tables 8.7.3-4 and 8.7.3-5)."""

    uid: str
    name: str
    implicit: bool = False
    big_endian: bool = False
    deflated: bool = False
    encapsulated: bool = False
    lossy: bool = False
    media_type: str = OCTET_STREAM

    @property
    def is_video(self) -> bool:
        """Whether its fragments are one stream, and no Frame can be had without the others (PS3.5 §8.2.5 ff)."""
        return self.media_type.startswith("video/")


def _native(
    uid: str, name: str, *, implicit: bool = False, big: bool = False, deflated: bool = False
) -> TransferSyntax:
    return TransferSyntax(f"1.2.840.10008.1.2{uid}", name, implicit=implicit, big_endian=big, deflated=deflated)


def _encapsulated(uid: str, name: str, media_type: str, *, lossy: bool = False) -> TransferSyntax:
    return TransferSyntax(f"1.2.840.10008.1.2{uid}", name, encapsulated=True, lossy=lossy, media_type=media_type)


IMPLICIT_LITTLE = _native("", "Implicit VR Little Endian", implicit=True)
EXPLICIT_LITTLE = _native(".1", "Explicit VR Little Endian")
DEFLATED = _native(".1.99", "Deflated Explicit VR Little Endian", deflated=True)
EXPLICIT_BIG = _native(".2", "Explicit VR Big Endian", big=True)
ENCAPSULATED_UNCOMPRESSED = _encapsulated(".1.98", "Encapsulated Uncompressed Explicit VR Little Endian", OCTET_STREAM)
JPEG_BASELINE = _encapsulated(".4.50", "JPEG Baseline (Process 1)", "image/jpeg", lossy=True)
JPEG_EXTENDED = _encapsulated(".4.51", "JPEG Extended (Process 2 & 4)", "image/jpeg", lossy=True)
JPEG_LOSSLESS = _encapsulated(".4.57", "JPEG Lossless, Non-Hierarchical (Process 14)", "image/jpeg")
JPEG_LOSSLESS_SV1 = _encapsulated(
    ".4.70", "JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14, Selection Value 1)", "image/jpeg"
)
JPEG_LS_LOSSLESS = _encapsulated(".4.80", "JPEG-LS Lossless", "image/jls")
JPEG_LS_LOSSY = _encapsulated(".4.81", "JPEG-LS Lossy (Near-Lossless)", "image/jls", lossy=True)
JPEG_2000_LOSSLESS = _encapsulated(".4.90", "JPEG 2000 (Lossless Only)", "image/jp2")
JPEG_2000 = _encapsulated(".4.91", "JPEG 2000", "image/jp2", lossy=True)
JPEG_2000_PART_2_LOSSLESS = _encapsulated(".4.92", "JPEG 2000 Part 2 Multi-component (Lossless Only)", "image/jpx")
JPEG_2000_PART_2 = _encapsulated(".4.93", "JPEG 2000 Part 2 Multi-component", "image/jpx", lossy=True)
JPEG_XL_LOSSLESS = _encapsulated(".4.110", "JPEG XL Lossless", "image/jxl")
JPEG_XL_RECOMPRESSION = _encapsulated(".4.111", "JPEG XL JPEG Recompression", "image/jxl", lossy=True)
JPEG_XL = _encapsulated(".4.112", "JPEG XL", "image/jxl", lossy=True)
HTJ2K_LOSSLESS = _encapsulated(".4.201", "High-Throughput JPEG 2000 (Lossless Only)", "image/jphc")
HTJ2K_LOSSLESS_RPCL = _encapsulated(
    ".4.202", "High-Throughput JPEG 2000 with RPCL Options (Lossless Only)", "image/jphc"
)
HTJ2K = _encapsulated(".4.203", "High-Throughput JPEG 2000", "image/jphc", lossy=True)
RLE = _encapsulated(".5", "RLE Lossless", "image/dicom-rle")
DEFLATED_FRAMES = _encapsulated(".8.1", "Deflated Image Frame Compression", "application/x-deflate")

_RETIRED_JPEG = tuple(
    _encapsulated(f".4.{number}", f"{name} (Retired)", "image/jpeg", lossy=lossy)
    for number, name, lossy in (
        (52, "JPEG Extended (Process 3 & 5)", True),
        (53, "JPEG Spectral Selection, Non-Hierarchical (Process 6 & 8)", True),
        (54, "JPEG Spectral Selection, Non-Hierarchical (Process 7 & 9)", True),
        (55, "JPEG Full Progression, Non-Hierarchical (Process 10 & 12)", True),
        (56, "JPEG Full Progression, Non-Hierarchical (Process 11 & 13)", True),
        (58, "JPEG Lossless, Non-Hierarchical (Process 15)", False),
        (59, "JPEG Extended, Hierarchical (Process 16 & 18)", True),
        (60, "JPEG Extended, Hierarchical (Process 17 & 19)", True),
        (61, "JPEG Spectral Selection, Hierarchical (Process 20 & 22)", True),
        (62, "JPEG Spectral Selection, Hierarchical (Process 21 & 23)", True),
        (63, "JPEG Full Progression, Hierarchical (Process 24 & 26)", True),
        (64, "JPEG Full Progression, Hierarchical (Process 25 & 27)", True),
        (65, "JPEG Lossless, Hierarchical (Process 28)", False),
        (66, "JPEG Lossless, Hierarchical (Process 29)", False),
    )
)

# The ".1" variants may be cut into several fragments (PS3.5 §8.2.5 ff).
_VIDEO = tuple(
    _encapsulated(f".4.{number}{suffix}", f"{prefix}{name}", media_type, lossy=True)
    for number, name, media_type in (
        (100, "MPEG2 Main Profile / Main Level", "video/mpeg2"),
        (101, "MPEG2 Main Profile / High Level", "video/mpeg2"),
        (102, "MPEG-4 AVC/H.264 High Profile / Level 4.1", "video/mp4"),
        (103, "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", "video/mp4"),
        (104, "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", "video/mp4"),
        (105, "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", "video/mp4"),
        (106, "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", "video/mp4"),
        (107, "HEVC/H.265 Main Profile / Level 5.1", "video/h265"),
        (108, "HEVC/H.265 Main 10 Profile / Level 5.1", "video/h265"),
    )
    for suffix, prefix in (("", ""), (".1", "Fragmentable "))
    if number < 107 or not suffix
)

# Their pixel data are elsewhere: (0028,7FE0) Pixel Data Provider URL (PS3.5 §A.6, §A.7).
_REFERENCED = (
    _native(".4.94", "JPIP Referenced"),
    _native(".4.95", "JPIP Referenced Deflate", deflated=True),
    _native(".4.204", "JPIP HTJ2K Referenced"),
    _native(".4.205", "JPIP HTJ2K Referenced Deflate", deflated=True),
)

ALL: dict[str, TransferSyntax] = {
    syntax.uid: syntax
    for syntax in (
        IMPLICIT_LITTLE,
        EXPLICIT_LITTLE,
        DEFLATED,
        EXPLICIT_BIG,
        ENCAPSULATED_UNCOMPRESSED,
        JPEG_BASELINE,
        JPEG_EXTENDED,
        JPEG_LOSSLESS,
        JPEG_LOSSLESS_SV1,
        JPEG_LS_LOSSLESS,
        JPEG_LS_LOSSY,
        JPEG_2000_LOSSLESS,
        JPEG_2000,
        JPEG_2000_PART_2_LOSSLESS,
        JPEG_2000_PART_2,
        JPEG_XL_LOSSLESS,
        JPEG_XL_RECOMPRESSION,
        JPEG_XL,
        HTJ2K_LOSSLESS,
        HTJ2K_LOSSLESS_RPCL,
        HTJ2K,
        RLE,
        DEFLATED_FRAMES,
        *_RETIRED_JPEG,
        *_VIDEO,
        *_REFERENCED,
    )
}


# What people call them, at a shell. "stored" is none: it is the "*" of PS3.18 §8.7.3.5.2.
NAMES: dict[str, str] = {
    "stored": "*",
    "implicit": IMPLICIT_LITTLE.uid,
    "explicit": EXPLICIT_LITTLE.uid,
    "explicit-big-endian": EXPLICIT_BIG.uid,
    "deflated": DEFLATED.uid,
    "jpeg-baseline": JPEG_BASELINE.uid,
    "jpeg-extended": JPEG_EXTENDED.uid,
    "jpeg-lossless": JPEG_LOSSLESS_SV1.uid,
    "jpeg-ls-lossless": JPEG_LS_LOSSLESS.uid,
    "jpeg-ls": JPEG_LS_LOSSY.uid,
    "jpeg-2000-lossless": JPEG_2000_LOSSLESS.uid,
    "jpeg-2000": JPEG_2000.uid,
    "htj2k-lossless": HTJ2K_LOSSLESS.uid,
    "htj2k-lossless-rpcl": HTJ2K_LOSSLESS_RPCL.uid,
    "htj2k": HTJ2K.uid,
    "jpeg-xl-lossless": JPEG_XL_LOSSLESS.uid,
    "jpeg-xl": JPEG_XL.uid,
    "rle": RLE.uid,
}


def named(text: str) -> str | None:
    """The UID that is meant: one of `NAMES` in any letter case, one of the Standard's, a private one; None is none."""
    meant = NAMES.get(text.strip().lower().replace("_", "-"), text.strip())
    private = _UID.fullmatch(meant) is not None and not meant.startswith("1.2.840.10008.")
    return meant if meant in ALL or meant == "*" or private else None


_UID = re.compile(r"[0-9]+(\.[0-9]+){3,}")  # four components at least: a version or a number is none


def find(uid: str) -> TransferSyntax:
    """The Transfer Syntax of a UID. One that is not known is taken for a newer compression (PS3.5 §A.4)."""
    return ALL.get(uid) or TransferSyntax(uid, uid, encapsulated=True)


def same_frames(one: str, other: str) -> bool:
    """Whether a Frame has the same bytes in both Transfer Syntaxes: native and in the same byte order, or equal."""
    if one == other:
        return True
    first, second = find(one), find(other)
    return not (first.encapsulated or second.encapsulated) and first.big_endian == second.big_endian
