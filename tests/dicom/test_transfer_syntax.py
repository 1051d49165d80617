import pytest
from pydicom.uid import UID, AllTransferSyntaxes

from filmroom.dicom import transfer_syntax
from filmroom.dicom.transfer_syntax import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    HTJ2K,
    IMPLICIT_LITTLE,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_LS_LOSSLESS,
    RLE,
    find,
    same_frames,
)

# pydicom does not know that files in these have no pixel data (JPIP), or that there are no files (real-time video).
NOT_ENCAPSULATED = {f"1.2.840.10008.1.2.{end}" for end in ("4.94", "4.95", "4.204", "4.205", "7.1", "7.2", "7.3")}


@pytest.mark.parametrize("uid", [uid for uid in AllTransferSyntaxes if uid not in NOT_ENCAPSULATED])
def test_each_is_encoded_as_pydicom_says(uid: UID) -> None:
    syntax = transfer_syntax.ALL.get(uid)
    assert syntax is not None
    assert (syntax.implicit, syntax.big_endian) == (uid.is_implicit_VR, not uid.is_little_endian)
    assert (syntax.deflated, syntax.encapsulated) == (uid.is_deflated, uid.is_encapsulated)


@pytest.mark.parametrize(
    ("syntax", "media_type", "lossy"),
    [
        (EXPLICIT_LITTLE, "application/octet-stream", False),
        (JPEG_BASELINE, "image/jpeg", True),
        (JPEG_LS_LOSSLESS, "image/jls", False),
        (JPEG_2000_LOSSLESS, "image/jp2", False),
        (HTJ2K, "image/jphc", True),
        (RLE, "image/dicom-rle", False),
        (find("1.2.840.10008.1.2.4.102.1"), "video/mp4", True),
    ],
)
def test_media_types(syntax: transfer_syntax.TransferSyntax, media_type: str, lossy: bool) -> None:
    assert (syntax.media_type, syntax.lossy) == (media_type, lossy)


def test_an_unknown_one_is_taken_for_a_new_compression() -> None:
    syntax = find("1.2.3")
    assert syntax == transfer_syntax.TransferSyntax("1.2.3", "1.2.3", encapsulated=True)
    assert syntax.media_type == "application/octet-stream"


@pytest.mark.parametrize("other", [IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED])
def test_native_frames_are_the_same_in_one_byte_order(other: transfer_syntax.TransferSyntax) -> None:
    assert same_frames(EXPLICIT_LITTLE.uid, other.uid)
    assert not same_frames(EXPLICIT_BIG.uid, other.uid)


def test_compressed_frames_are_the_same_in_one_syntax_only() -> None:
    assert same_frames(RLE.uid, RLE.uid)
    assert not same_frames(RLE.uid, EXPLICIT_LITTLE.uid)
    assert not same_frames(JPEG_BASELINE.uid, RLE.uid)


def test_names_are_of_transfer_syntaxes() -> None:
    assert all(uid == "*" or uid in transfer_syntax.ALL for uid in transfer_syntax.NAMES.values())
    assert transfer_syntax.named("JPEG_2000") == "1.2.840.10008.1.2.4.91"
    assert transfer_syntax.named("1.2.840.10008.1.2") == "1.2.840.10008.1.2"
    assert transfer_syntax.named("1.2.840.113619.5.2") == "1.2.840.113619.5.2"
    assert transfer_syntax.named("1.2.840.10008.1.2.4.900") is None
    assert transfer_syntax.named("1.2.3") is None
