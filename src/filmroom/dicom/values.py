"""Values of one VR each, from their bytes to what the DICOM JSON Model has for them (PS3.18 §F.2.3 to §F.2.5)."""

from collections.abc import Callable
from math import isfinite
from struct import Struct, calcsize
from typing import Any, TypeAlias

from filmroom.dicom.character_sets import Bytes, decode

# From bytes and the codecs of Specific Character Set to a list of values. None if the length does not suit the VR.
Converter: TypeAlias = Callable[[Bytes, tuple[str, ...]], list[Any] | None]

COMPONENT_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")

_NUMBERS = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_NOT_FINITE = {float("inf"): "Infinity", float("-inf"): "-Infinity"}
_LARGEST, _SMALLEST = (1 << 64) - 1, -(1 << 63)  # of integers that JSON parsers commonly hold


def _text(text: str) -> str:
    """Without padding. NULs at the end are kept, for Azure keeps them, unless there is nothing else."""
    return text.rstrip(" ") if text.rstrip(" \0") else ""


def _one(text: str) -> list[Any]:
    text = _text(text)
    return [text] if text else []


def _several(text: str) -> list[Any]:
    return [_text(value) or None for value in text.split("\\")] if "\\" in text else _one(text)


def _texts(raw: Bytes, codecs: tuple[str, ...]) -> list[Any]:
    return _several(decode(raw, codecs))


def _single_text(raw: Bytes, codecs: tuple[str, ...]) -> list[Any]:
    return _one(decode(raw, codecs))


def _strings(raw: Bytes, _: tuple[str, ...]) -> list[Any]:
    return _several(str(raw, "latin-1"))


def _single_string(raw: Bytes, _: tuple[str, ...]) -> list[Any]:
    return _one(str(raw, "latin-1"))


def _titles(raw: Bytes, _: tuple[str, ...]) -> list[Any]:
    """AE: blanks do not count on either side."""
    return _nonempty([_text(value).lstrip(" ") or None for value in str(raw, "latin-1").split("\\")])


def _uids(raw: Bytes, _: tuple[str, ...]) -> list[Any]:
    # NUL is padding (PS3.5 §6.2); a blank is not, but common, and what is compared or sent strips it.
    text = str(raw, "latin-1").rstrip("\0")
    if "\\" in text:
        return [value.rstrip("\0") if value.strip(" \0") else None for value in text.split("\\")]
    return [text] if text.strip(" \0") else []


def _names(raw: Bytes, codecs: tuple[str, ...]) -> list[Any]:
    return _nonempty([person_name(_text(value)) for value in decode(raw, codecs).split("\\")])


def person_name(text: str) -> dict[str, str] | None:
    """The component groups that are not empty (PS3.18 §F.2.2). What would be a fourth stays in the third."""
    if "=" not in text:
        return {"Alphabetic": text} if text else None
    groups = zip(COMPONENT_GROUPS, text.split("=", 2), strict=False)
    return {name: group for name, group in groups if group} or None


def _nonempty(values: list[Any]) -> list[Any]:
    return values if len(values) > 1 or values[0] is not None else []


def _integers(raw: Bytes, _: tuple[str, ...]) -> list[Any]:
    return _nonempty([_integer(value) for value in str(raw, "latin-1").split("\\")])


def _integer(text: str) -> str | int | float | None:
    try:
        value = int(text)
    except ValueError:
        decimal = _decimal(text)
        return int(decimal) if isinstance(decimal, float) and decimal.is_integer() and _is_exact(decimal) else decimal
    return value if _SMALLEST <= value <= _LARGEST and "_" not in text else _text(text)


def _decimals(raw: Bytes, _: tuple[str, ...]) -> list[Any]:
    return _nonempty([_decimal(value) for value in str(raw, "latin-1").split("\\")])


def _decimal(text: str) -> str | int | float | None:
    """A number if it is one that JSON has, else the text as it is."""
    text = text.strip(" \0")
    try:
        value = float(text)
    except ValueError:
        return text or None
    if not isfinite(value) or "_" in text:
        return text
    return int(value) if text.isdecimal() and _is_exact(value) else value


def _is_exact(value: float) -> bool:
    return abs(value) < 1 << 53


def _tags(order: str) -> Converter:
    pair = Struct(order + "HH")

    def convert(raw: Bytes, _: tuple[str, ...]) -> list[Any] | None:
        if len(raw) % 4:
            return None
        return [f"{group:04X}{element:04X}" for group, element in pair.iter_unpack(raw)]

    return convert


def _numbers(order: str, letter: str) -> Converter:
    one, size = Struct(order + letter), calcsize(order + letter)

    def convert(raw: Bytes, _: tuple[str, ...]) -> list[Any] | None:
        if len(raw) == size:
            return list(one.unpack(raw))
        if len(raw) % size:
            return None
        return [value for (value,) in one.iter_unpack(raw)]

    return convert


def _floats(order: str, letter: str) -> Converter:
    convert_all = _numbers(order, letter)

    def convert(raw: Bytes, codecs: tuple[str, ...]) -> list[Any] | None:
        found = convert_all(raw, codecs)
        if found is None or all(map(isfinite, found)):
            return found
        # JSON has no numbers for these. The strings are those of Azure, and what JavaScript and Python parse.
        return [value if isfinite(value) else _NOT_FINITE.get(value, "NaN") for value in found]

    return convert


_TEXT: dict[str, Converter] = {
    "AE": _titles,
    "DS": _decimals,
    "IS": _integers,
    "PN": _names,
    "UI": _uids,
    "UR": _single_string,
    **dict.fromkeys(("AS", "CS", "DA", "DT", "TM"), _strings),
    **dict.fromkeys(("LO", "SH", "UC"), _texts),
    **dict.fromkeys(("LT", "ST", "UT"), _single_text),
}


def _converters(order: str) -> dict[str, Converter]:
    numbers = {vr: (_floats if letter in "fd" else _numbers)(order, letter) for vr, letter in _NUMBERS.items()}
    return {**_TEXT, **numbers, "AT": _tags(order)}


# By byte order (whether it is big endian), by VR. The VRs without an entry have binary values or Items.
CONVERTERS: dict[bool, dict[str, Converter]] = {False: _converters("<"), True: _converters(">")}
