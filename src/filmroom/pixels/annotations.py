"""Text in a rendered image (PS3.18 §8.3.5.1.1): who it is of, and how it was made."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from filmroom.dicom.json_model import first

Elements = Mapping[str, Any]

# Each line of text: attributes whose values stand in it, with what stands before each.
PATIENT: Sequence[Sequence[tuple[str, int]]] = (
    (("", 0x00100010),),
    (("ID ", 0x00100020),),
    (("born ", 0x00100030), ("", 0x00100040)),
)
TECHNIQUE: Sequence[Sequence[tuple[str, int]]] = (
    (("", 0x00080060), ("", 0x00080020)),  # Modality, Study Date
    (("", 0x00081030),),  # Study Description
    (("Se ", 0x00200011), ("Im ", 0x00200013), ("", 0x0008103E)),  # Series and Instance Number, Series Description
    (("kV ", 0x00180060), ("mA ", 0x00181151), ("mm ", 0x00180050)),  # KVP, X-Ray Tube Current, Slice Thickness
    (("TR ", 0x00180080), ("TE ", 0x00180081)),  # Repetition Time, Echo Time
)
_SMALLEST, _LARGEST = 9, 48  # pixels of a line
_LINES = 40  # of which an image is high


def draw(image: Pillow.Image, elements: Elements, annotation: Sequence[str]) -> Pillow.Image:
    """The image with the patient in its upper left and the technique in its lower left corner."""
    size = min(max(image.height // _LINES, _SMALLEST), _LARGEST)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    colors: dict[str, Any] = {"font": font, "fill": "white", "stroke_width": max(size // 10, 1), "stroke_fill": "black"}
    margin = size // 2
    if "patient" in annotation:
        pen.multiline_text((margin, margin), "\n".join(lines(elements, PATIENT)), **colors)
    if "technique" in annotation:
        text = "\n".join(lines(elements, TECHNIQUE))
        pen.multiline_text((margin, image.height - margin), text, anchor="ld", **colors)
    return image


def lines(elements: Elements, table: Sequence[Sequence[tuple[str, int]]]) -> list[str]:
    """The lines in which anything stands."""
    found = [[(before, first(elements, tag)) for before, tag in line] for line in table]
    texts = ["  ".join(before + _plain(value) for before, value in line if value not in (None, "")) for line in found]
    return [text for text in texts if text]


def _plain(value: str | float | None) -> str:
    """A value in the characters that the font has: letters lose their accents, others become question marks.

    Of a name it is the alphabetic representation, which is in Latin letters whatever the patient writes.
    """
    text = f"{value:g}" if isinstance(value, float) else str(value).partition("=")[0].replace("^", " ").strip()
    bare = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    return "".join(one if " " <= one <= "~" else "?" for one in bare)[:64]
