"""Attributes by tag and by keyword: the data dictionary of PS3.6, and the private ones that are publicly known."""

import difflib
import re
from functools import lru_cache

from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom._private_dict import private_dictionaries

_TAG = re.compile("[0-9A-Fa-f]{8}")
_NOT_ATTRIBUTES = range(0xFFFE0000, 0x100000000)  # Items and their delimiters (PS3.5 §7.5)

# The VR of every standard attribute but the repeating ones; some are a choice: "US or SS", "OB or OW", ...
VRS: dict[int, str] = {tag: str(entry[0]) for tag, entry in DicomDictionary.items() if tag not in _NOT_ATTRIBUTES}
_KEYWORDS: dict[int, str] = {tag: entry[4] for tag, entry in DicomDictionary.items() if tag in VRS and entry[4]}
_TAGS: dict[str, int] = {keyword: tag for tag, keyword in _KEYWORDS.items()}


def _repeating() -> dict[int, dict[int, tuple[str, str]]]:
    """Mask of the digits that count -> these digits -> VR and keyword (PS3.5 §7.6: "50xx0005", "002031xx", ...)."""
    attributes: dict[int, dict[int, tuple[str, str]]] = {}
    for pattern, entry in RepeatersDictionary.items():
        mask = int("".join("0" if digit == "x" else "F" for digit in pattern), 16)
        attributes.setdefault(mask, {})[int(pattern.replace("x", "0"), 16)] = (str(entry[0]), entry[4])
    return attributes


_REPEATING = _repeating()


def parse(text: str) -> int | None:
    """The tag of a keyword (exact case) or of eight hexadecimal digits. None if it is neither."""
    tag = _TAGS.get(text)
    if tag is None and _TAG.fullmatch(text):
        return int(text, 16)
    return tag


def nearest(text: str) -> str | None:
    """The keyword that is most likely meant by one that is none, without regard to case."""
    lower = {keyword.lower(): keyword for keyword in _TAGS}
    found = difflib.get_close_matches(text.lower(), lower, n=1, cutoff=0.75)
    return lower[found[0]] if found else None


def keyword(tag: int) -> str | None:
    """The keyword of a standard attribute."""
    return _KEYWORDS.get(tag) or _repeated(tag)[1] or None


def vr(tag: int) -> str | None:
    """The VR that the dictionary gives a standard attribute; "US or SS" and the like as they stand there."""
    return VRS.get(tag) or _repeated(tag)[0] or None


def key(tag: int) -> str:
    """The name of an attribute in the DICOM JSON Model (PS3.18 §F.2.2)."""
    return f"{tag:08X}"


def name(tag: int) -> str:
    """What to call an attribute: its keyword, or if it has none its tag."""
    return keyword(tag) or key(tag)


def is_private(tag: int) -> bool:
    """Whether the group is odd (PS3.5 §7.8)."""
    return bool(tag & 0x10000)


@lru_cache(maxsize=8192)
def private_vr(tag: int, creator: str) -> str | None:
    """The VR of a private attribute of a block that `creator` reserved (PS3.5 §7.8.1). None if nobody published it."""
    known = private_dictionaries.get(creator, {})
    group, last = f"{tag >> 16:04X}", f"{tag & 0xFF:02X}"
    for pattern in (key(tag), f"{group}xx{last}", f"{group[:2]}xxxx{last}"):
        if pattern in known:
            return str(known[pattern][0])
    return None


def _repeated(tag: int) -> tuple[str, str]:
    if not is_private(tag):
        for mask, attributes in _REPEATING.items():
            if (tag & mask) in attributes:
                return attributes[tag & mask]
    return "", ""
