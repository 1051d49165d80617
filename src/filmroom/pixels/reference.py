"""The table of Transfer Syntaxes in docs/reference, made from the codecs: `python -m filmroom.pixels.reference`."""

import sys
from collections.abc import Iterator

from filmroom.dicom.transfer_syntax import ALL, TransferSyntax
from filmroom.pixels import codecs

_HEAD = """\
# Transfer Syntaxes

This page is made by `python -m filmroom.pixels.reference > docs/reference/transfer-syntaxes.md`.

Instances are stored in any Transfer Syntax, and sent again as they are stored. "From" is what can be decoded, to
be sent in another one; "to" is what can be asked for. Why it is so: decisions
[10](../decisions/0010-colours-of-frames.md) and [11](../decisions/0011-codecs.md).

* Lossless means that every sample is equal. Samples have 1, 8, 16 or 32 bits in the native Transfer Syntaxes;
  8 or 16, signed or not, in the others, unless a remark says otherwise. Floating point samples are native only.
* Indexes of a palette are never compressed with loss.
* What is compressed with loss says so in (0028,2110), (0028,2112) and (0028,2114). It keeps its SOP Instance UID.
* A Frame whose compressed image is cut off, or of another size than the data set says, is 406, or sent as it is stored
  if the request leaves the Transfer Syntax open. Frames of more than 256 megapixels are not decoded.

| Transfer Syntax | UID | Frames are | stored | retrieved | from | to | remarks |
|---|---|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(_rows())


def _rows() -> Iterator[str]:
    for syntax in ALL.values():
        codec = codecs.find(syntax.uid)
        yes = [_mark(True), _mark(True), _mark(codec.decode is not None), _mark(_can_be_made(codec))]
        cells = [syntax.name, f"`{syntax.uid}`", f"`{syntax.media_type}`", *yes, _remarks(syntax, codec)]
        yield f"| {' | '.join(cells)} |\n"


def _mark(yes: bool) -> str:
    return "yes" if yes else "–"


def _can_be_made(codec: codecs.Codec) -> bool:
    return codec.encode is not None or bool(codec.recode)


def _remarks(syntax: TransferSyntax, codec: codecs.Codec) -> str:
    if codec.loses:
        return f"With loss. {codec.remarks}".strip()
    if syntax.media_type.startswith("video/"):
        return "Sent as it is stored."
    return codec.remarks


if __name__ == "__main__":
    sys.stdout.write(page())
