"""What values must look like by their VR (PS3.5 §6.2), and what is said, in the Azure service's words, if they don't.

`explain` judges a decoded value. `recognise` knows, from raw bytes alone, values that surely keep all rules: the
common ones, so that few need to be decoded. `minimum` is the weaker check that the service makes of what it indexes.

The values come from anybody, so no pattern may have two ways to match the same text: a value that fails at its end
would be tried in all of them. Repetitions are therefore possessive (`*+`), or followed by what they can't match.
"""

import calendar
import re
from collections.abc import Callable, Mapping
from functools import cache

Holds = Callable[[str], object]
Rule = tuple[Holds, str]  # what must hold of a value, and what is said if it doesn't
Recognise = Callable[..., object]  # of a compiled pattern: buffer, start, end

SINGLE = frozenset({"LT", "ST"})  # a backslash is a character of the text (PS3.5 §6.2)
MAXIMUM = {"LT": 10240, "ST": 1024}  # characters, of which there are never more than bytes
SIZE = {"AT": 4, "FL": 4, "FD": 8, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}  # bytes of one value

_TIME = r"(?:\d{2}|\d{4}|\d{6}(?:\.\d{1,6})?)"
_CLOCK = r"(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?"
_DATE_TIME = r"(?:\d{4}|\d{6}|\d{8}|\d{10}|\d{12}|\d{14}(?:\.\d{1,6})?)"
_MOMENT = rf"\d{{4}}(?:(?:0[1-9]|1[0-2])(?:(?:0[1-9]|[12]\d|3[01])(?:{_CLOCK})?)?)?"
_OFFSET = r"(?:\+(?:0\d|1[0-4])[0-5]\d|-(?:0\d|1[0-2])[0-5]\d)?"
_NUMBER = r"[+-]?+(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][+-]?+\d++)?+"
_COMPONENTS = r"[^=^]*+(?:\^[^=^]*+){0,4}+"


def _whole(pattern: str) -> Holds:
    return re.compile(pattern, re.ASCII | re.DOTALL).fullmatch


def _range(pattern: str) -> Holds:
    """A value, or the range of two that query keys have; each may be padded."""
    return _whole(f"(?:{pattern})? *+(?:-(?:{pattern})? *+)?")


def _fits_32_bits(text: str) -> bool:
    number = text.strip(" ")
    digits = number.lstrip("+-0") or "0"  # without zeros, so that `int` never gets more than ten digits
    return len(digits) <= 10 and int(digits) < 2**31 + number.startswith("-")


def _is_date(text: str) -> bool:
    if len(text) != 8 or not (text.isascii() and text.isdecimal()):
        return False
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:])
    return year > 0 and 0 < month <= 12 and 0 < day <= calendar.monthrange(year, month)[1]


def _at_most(length: int) -> Rule:
    return _whole(rf".{{0,{length}}}"), f"value exceeds maximum length of {length} characters"


_NO_CONTROLS = _whole(r"[^\x00-\x1f\x7f-\x9f]*+")
_NO_CONTROLS_BUT_ESC = _whole(r"[^\x00-\x1a\x1c-\x1f\x7f-\x9f]*+")
_ONE_RANGE = (_whole(r"[^-]*+(?:-[^-]*+)?+"), "value contains too many range separators '-'")
_ONLY_UPPER_CASE = "Only uppercase characters, digits, space and underscore are allowed"
_DATE_TIME_PATTERN = "YYYY[MM[DD[HH[MM[SS[.F{1-6}]]]]]]"

_RULES: Mapping[str, tuple[Rule, ...]] = {
    "AE": (
        _at_most(16),
        (_whole(r"\s*+\S.*+"), "value may not consist only of spaces"),
        (_NO_CONTROLS, "value contains invalid control character"),
    ),
    "AS": ((_whole(r"(?:\d{3}[DWMY])?"), "value does not have pattern 000[DWMY]"),),
    "CS": (
        _at_most(16),
        (_whole(r"[A-Z0-9_ ]*+"), f"value contains invalid character. {_ONLY_UPPER_CASE}"),
    ),
    "DA": (
        _ONE_RANGE,
        (_range(r"\d{8}"), "one of the date values does not match the pattern YYYYMMDD"),
        (_range(r"\d{4}(?:0\d|1[0-2])\d\d"), "month component exceeds the value 12"),
        (_range(r"\d{6}(?:[0-2]\d|3[01])"), "day component exceeds the value 31"),
    ),
    "DS": (_at_most(16), (_whole(rf"\s*+{_NUMBER}\s*+"), "value is no decimal string")),
    "DT": (
        (_whole(r"(?!.*-0000).*"), "negative UTC hours component with value -0000 is not allowed"),
        # "mach" is how the service's documentation shows it.
        (_range(rf"{_DATE_TIME}(?:[+-]\d{{4}})?"), f"value does not mach pattern {_DATE_TIME_PATTERN}"),
        (_range(_MOMENT + _OFFSET), "one of the date, time and UTC components is out of its range"),
    ),
    "IS": (
        (_whole(r" *+(?:[+-]?+\d++ *+)?+"), "value is not an integer string"),
        (_fits_32_bits, "value too large to fit 32 bit integer"),
    ),
    "LO": (_at_most(64), (_NO_CONTROLS_BUT_ESC, "value contains invalid character")),
    "LT": (_at_most(MAXIMUM["LT"]),),
    "PN": (
        (_whole(r"[^=]*+(?:=[^=]*+){0,2}+"), "value contains too many groups"),
        (_whole(r"[^=]{0,64}+(?:=[^=]{0,64}+)*+"), "value exceeds maximum length of 64 characters"),
        (_NO_CONTROLS_BUT_ESC, "value contains invalid control character"),
        (_whole(rf"{_COMPONENTS}(?:={_COMPONENTS})*+"), "value contains too many components"),
    ),
    "SH": ((_NO_CONTROLS_BUT_ESC, "value contains invalid character"), _at_most(16)),
    "ST": (_at_most(MAXIMUM["ST"]),),
    "TM": (
        _ONE_RANGE,
        (_range(_TIME), "value does not mach pattern HH or HHMM or HHMMSS or HHMMSS.F{1-6}"),
        (_range(r"(?:[01]\d|2[0-3])[\d.]*+"), "hour component exceeds 23"),
        (_range(r"\d\d(?:[0-5]\d[\d.]*+)?"), "minutes component exceeds 59"),
        (_range(r"\d{4}(?:(?:[0-5]\d|60)[\d.]*+)?|\d\d"), "seconds component exceeds 60"),
    ),
    "UI": (
        (_whole(r".{0,64}+ *+"), "value exceeds maximum length of 64 characters"),
        (_whole(r"[0-9.]*+ *+"), "value contains invalid characters other than '0'-'9' and '.'"),
        (_whole(r"(?!0)(?!.*\.0\d).*"), "components must not have leading zeros"),
        (_whole(r"(?!\.)(?!.*\.\.)(?!.*\. *+$).*"), "a component can not be empty"),
    ),
}

_TOO_MANY_COMPONENTS = "Value contains more than 5 components."
_NO_INVALID_CHARACTER: Rule = (_NO_CONTROLS_BUT_ESC, "Value contains invalid character.")
_SHORT: tuple[Rule, ...] = ((_whole(r".{0,16}"), "Value length exceeds maximum length of 16."),)
_MINIMUM: Mapping[str, tuple[Rule, ...]] = {
    "AE": _SHORT,
    "AS": ((_whole(r".{4}"), "Value length is not 4."),),
    "CS": _SHORT,
    "DA": ((_is_date, "Value cannot be parsed as a valid date."),),
    "DT": tuple((holds, "Value cannot be parsed as a valid DateTime.") for holds, _ in _RULES["DT"]),
    "IS": tuple((holds, "Value cannot be parsed as a valid integer string.") for holds, _ in _RULES["IS"]),
    "LO": ((_whole(r".{0,64}"), "Value length exceeds maximum length of 64."), _NO_INVALID_CHARACTER),
    "PN": (
        (_whole(r"[^=]*+(?:=[^=]*+){0,2}+"), _TOO_MANY_COMPONENTS),
        (
            _whole(r"[^=]{0,64}+(?:=[^=]{0,64}+)*+"),
            "One or more group of person name exceeds maxium length of 64.",
        ),
        (_whole(rf"{_COMPONENTS}(?:={_COMPONENTS})*+"), _TOO_MANY_COMPONENTS),
        _NO_INVALID_CHARACTER,
    ),
    "SH": _SHORT,
    "TM": tuple((holds, "Value cannot be parsed as a valid Time.") for holds, _ in _RULES["TM"]),
    "UI": (
        (
            _whole(r"(?!.{65})[0-9.]*[0-9]"),
            "DICOM Identifier is invalid. Value length should not exceed the maximum length of 64 "
            "characters. Value should contain characters in '0'-'9' and '.'. Each component must start "
            "with non-zero number.",
        ),
    ),
}

# One valid value in ASCII: the common forms only, and each in one way (see above).
_NAME = r"(?![^\\=]{65})[ -<>-\[\]_-~]*+(?:\^[ -<>-\[\]_-~]*+){0,4}+"
_RECOGNISED: Mapping[str, str] = {
    "AE": r"[!-\[\]-~][ -\[\]-~]{0,15}+",
    "AS": r"\d{3}[DWMY]",
    "CS": r"[A-Z0-9_ ]{0,16}+",
    "DA": r"(?:\d{4}(?:0\d|1[0-2])(?:[0-2]\d|3[01]))?+",
    "DS": rf"(?![^\\]{{17}}) *+{_NUMBER} *+",
    "DT": rf"(?:{_MOMENT})?+",
    "IS": r" {0,11}+[+-]?+\d{1,9}+ {0,11}+",
    "LO": r"[ -\[\]-~]{0,64}+",
    "PN": rf"{_NAME}(?:={_NAME}){{0,2}}+",
    "SH": r"[ -\[\]-~]{0,16}+",
    "TM": rf"(?:{_CLOCK})?+",
    "UI": r"(?:(?![^\\]{65})[1-9]\d*+(?:\.(?:0|[1-9]\d*+))*+)?+",
}


def explain(vr: str, value: str) -> str | None:
    """What is wrong with one decoded value; None if nothing is."""
    return _broken(_RULES.get(vr, ()), value)


def minimum(vr: str, value: str) -> str | None:
    """What the minimum validation has against a value that is not empty; None if nothing, or there is no rule."""
    return _broken(_MINIMUM.get(vr, ()), value)


def _broken(rules: tuple[Rule, ...], value: str) -> str | None:
    for holds, message in rules:
        if not holds(value):
            return message
    return None


@cache
def recognise(vr: str, least: int, most: int | None) -> Recognise | None:
    """What recognises `least` to `most` (None: any number of) valid values. None: the VR has no rules."""
    if vr not in _RECOGNISED:
        return None
    value = _RECOGNISED[vr]
    others = rf"(?:\\{value}){{{least - 1},{'' if most is None else most - 1}}}+"
    return re.compile(rf"{value}{others} *+\0*+".encode(), re.ASCII).fullmatch
