"""Every value of a data set, at any depth, against the rules of its VR and its multiplicity (PS3.5 §6.2, §6.4)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Any

from pydicom.datadict import dictionary_VM

from filmroom.dicom import attributes, value_rules
from filmroom.dicom.part10 import Buffer, DataSet, Element
from filmroom.dicom.values import COMPONENT_GROUPS

_LONGEST = 64 << 10  # bytes that are looked at in one go; no single value of a VR with rules is as long
_ANY_SCRIPT = frozenset({"LO", "LT", "PN", "SH", "ST"})  # with rules, and affected by Specific Character Set
_QUOTED = 256  # characters of a bad value that a message repeats


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the value of one element. `depth` is 0 outside sequences."""

    tag: int
    message: str
    depth: int


@dataclass(frozen=True, slots=True)
class _Multiplicity:
    """How many values an attribute has, as the dictionary writes it: "1", "2-2n", "1-99"."""

    text: str
    least: int
    most: int | None


@cache
def _multiplicity(text: str) -> _Multiplicity:
    least, _, most = text.partition("-")
    return _Multiplicity(text, int(least), None if most.endswith("n") else int(most or least))


# VR, what recognises good values (None: there are no rules), the fewest bytes, the most.
_Check = tuple[str, value_rules.Recognise | None, int, float]
_CHECKS: dict[int, _Check] = {}  # of the attributes met so far; never more than are in the dictionary


def inspect(elements: DataSet, decoded: Mapping[str, Any], buffer: Buffer, depth: int = 0) -> Iterator[Fault]:
    """The elements with bad values. Of those that are good, nearly all cost one look at their bytes."""
    known = _CHECKS.get
    for tag, element in elements.items():
        vr, offset, length, items, _ = element
        if items is not None:
            models = decoded.get(attributes.key(tag), {}).get("Value", ())
            for item, model in zip(items, models, strict=True):
                yield from inspect(item, model, buffer, depth + 1)
        elif length:
            check = known(tag)
            if check is None or check[0] != vr:
                check = _prepare(tag, vr)
            _, recognise, least, most = check
            good = recognise is None or (length <= _LONGEST and recognise(buffer, offset, offset + length))
            if not (good and least <= length <= most) and (message := _explain(tag, element, decoded, buffer)):
                yield Fault(tag, message, depth)


def texts(element: Element, decoded: Mapping[str, Any], buffer: Buffer) -> list[str]:
    """The values of a textual element, without blanks at the end; NULs are kept. `decoded` is for other scripts."""
    if element.length <= _LONGEST:
        raw = bytes(buffer[element.offset : element.offset + element.length])
        if _is_plain(raw):
            text = raw.decode("ascii").rstrip(" ")
            return [text] if element.vr in value_rules.SINGLE else text.split("\\") if text else []
    return [_text(value) for value in decoded.get("Value", ())]


def _is_plain(raw: bytes) -> bool:
    return raw.isascii() and b"\x1b" not in raw


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "=".join(value.get(group, "") for group in COMPONENT_GROUPS).rstrip("=")
    return "" if value is None else str(value)


def _multiplicity_of(tag: int) -> _Multiplicity:
    return _multiplicity(dictionary_VM(tag) if tag in attributes.VRS else "1-n")


def _prepare(tag: int, vr: str) -> _Check:
    """The quick check of an attribute that has this VR."""
    multiplicity = _multiplicity_of(tag)
    if size := value_rules.SIZE.get(vr):
        most = inf if multiplicity.most is None else (multiplicity.most + 1) * size - 1
        check: _Check = (vr, None, multiplicity.least * size, most)
    else:
        recognise = value_rules.recognise(vr, multiplicity.least, multiplicity.most)
        check = (vr, recognise, 0, value_rules.MAXIMUM.get(vr, inf))
    if tag in attributes.VRS:
        _CHECKS[tag] = check
    return check


def _explain(tag: int, element: Element, decoded: Mapping[str, Any], buffer: Buffer) -> str | None:
    """What is wrong with a value that was not recognised; None if it is good after all."""
    vr = element.vr
    if size := value_rules.SIZE.get(vr):
        return _miscounted(tag, vr, element.length // size)
    if element.length > _LONGEST and vr not in value_rules.SINGLE:
        return _explain_long(tag, element, decoded, buffer)
    values = texts(element, decoded.get(attributes.key(tag), {}), buffer)
    if element.length > _LONGEST and not values:  # nor is it decoded, for it is longer than what is
        values = [next(_pieces(element, buffer)).decode("latin-1")]
    return judge(tag, vr, values)


def judge(tag: int, vr: str, values: list[str]) -> str | None:
    """What is wrong with the values of an attribute; None if nothing is."""
    if values:  # NULs at the end are padding
        values[-1] = values[-1].rstrip("\0")
    if not any(values):
        return None
    return _first_bad(vr, values) or _miscounted(tag, vr, len(values))


def _first_bad(vr: str, values: Iterable[str]) -> str | None:
    for value in values:
        if message := value_rules.explain(vr, value):
            quoted = value if len(value) <= _QUOTED else value[:_QUOTED] + "…"
            return f'Content "{quoted}" does not validate VR {vr}: {message}'
    return None


def _explain_long(tag: int, element: Element, decoded: Mapping[str, Any], buffer: Buffer) -> str | None:
    """The same of values that are too long for one look: in pieces, so that it takes little memory."""
    vr, count = element.vr, 0
    recognise = value_rules.recognise(vr, 1, None)
    assert recognise is not None
    for raw in _pieces(element, buffer):
        count += raw.count(b"\\") + 1
        if recognise(raw) and b"\0" not in raw:
            continue
        whole = len(raw) < _LONGEST or b"\\" in raw
        if vr in _ANY_SCRIPT and whole and not _is_plain(raw):
            # What is too long to be decoded has no values here, and then nothing is said.
            return judge(tag, vr, texts(element, decoded.get(attributes.key(tag), {}), buffer))
        if message := _first_bad(vr, raw.decode("latin-1").split("\\")):
            return message
    return _miscounted(tag, vr, count)


def _pieces(element: Element, buffer: Buffer) -> Iterator[bytes]:
    """As many whole values as fit in one look, and so on; a single value that does not fit is cut."""
    position, end = element.offset, element.offset + element.length
    while position < end:
        raw = bytes(buffer[position : min(position + _LONGEST, end)])
        position += len(raw)
        if position == end:
            yield raw.rstrip(b" \0")
            return
        values, separator, rest = raw.rpartition(b"\\")
        position -= len(rest) if separator else 0
        yield values if separator else raw


def _miscounted(tag: int, vr: str, count: int) -> str | None:
    multiplicity = _multiplicity_of(tag)
    if multiplicity.least <= count and (multiplicity.most is None or count <= multiplicity.most):
        return None
    content = f"({tag >> 16:04x},{tag & 0xFFFF:04x}) {vr} {attributes.keyword(tag)}"
    return (
        f'Content "{content}" does not validate VR {vr}: '
        f"Number of items {count} does not match ValueMultiplicity {multiplicity.text}"
    )
