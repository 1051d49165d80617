"""What the commands take from people and hand on: attributes, Frame numbers, ranges of bytes."""

import re
from dataclasses import dataclass
from datetime import timedelta

import typer

from filmroom.dicom import attributes
from filmroom.errors import BadTarget
from filmroom.protocol import targets

TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)?")  # 0010,0020 as the Standard prints it
_DURATION = re.compile(r"([1-9][0-9]{0,5}) ?([dhms])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_BYTES = re.compile(r"([0-9]{1,18})-([0-9]{1,18})?")


def refuse(*reasons: tuple[object, str, str]) -> None:
    """The first reason that holds: options that would have no effect are not passed over."""
    for holds, option, why in reasons:
        if holds:
            raise typer.BadParameter(why, param_hint=option)


def plain(text: str) -> str:
    """Tags without comma and parentheses, at any place of a path."""
    return TAG.sub(r"\1\2", text)


def attribute(text: str, hint: str | None = None) -> int:
    """The tag of a keyword or tag. What is none never reaches the service, which might pass it over."""
    tag = attributes.parse(text)
    if tag is None:
        near = attributes.nearest(text)
        raise typer.BadParameter(
            f"{text!r} is not the keyword of an attribute; do you mean {near}?"
            if near
            else f"{text!r} is neither the keyword of an attribute (PatientID) nor its tag (00100020)",
            param_hint=hint,
        )
    return tag


def path(text: str, hint: str | None = None) -> str:
    """A keyword, a tag, or with dots a path of them into sequences, each of which there is."""
    found = plain(text)
    for step in found.split("."):
        attribute(step, hint)
    return found


def bulk_path(text: str) -> str:
    """The path of a value as BulkDataURIs of Filmroom have it: tags, and between them the numbers of items."""
    tags = plain(text.strip("/")).split("/")
    if len(tags) % 2 == 0 or not all(number.isascii() and number.isdigit() and int(number) for number in tags[1::2]):
        raise typer.BadParameter(
            f"{text!r} is not the place of a value: a keyword, a tag, or in sequences SEQUENCE/1/ATTRIBUTE"
        )
    tags[::2] = [attributes.key(attribute(name)) for name in tags[::2]]
    return "/".join(tags)


@dataclass(frozen=True, slots=True)
class Frames:
    """Numbers of Frames, in the order that was typed."""

    numbers: tuple[int, ...]

    def __str__(self) -> str:
        return ",".join(map(str, self.numbers))


def frames(text: str) -> Frames:
    """A list of them: 1,5,9."""
    try:
        return Frames(targets.frame_numbers(text))
    except BadTarget:
        raise typer.BadParameter(f"{text!r} is not a list of frame numbers: 1,5,9") from None


def duration(text: str) -> timedelta:
    """A length of time with its unit: 30d."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is not a length of time: a number with its unit, 30d, 12h, 45m or 90s")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The first and the last byte, counted from 0; without a last one up to the end."""

    first: int
    last: int | None = None

    def __str__(self) -> str:
        return f"{self.first}-{'' if self.last is None else self.last}"

    @property
    def bounds(self) -> tuple[int] | tuple[int, int]:
        """As the client takes it."""
        return (self.first,) if self.last is None else (self.first, self.last)

    @property
    def cut(self) -> slice:
        """It of bytes that are there."""
        return slice(self.first, None if self.last is None else self.last + 1)


def byte_range(text: str) -> ByteRange:
    """A range that was typed: 0-99, or 100- to the end."""
    found = _BYTES.fullmatch(text)
    if found is None or (found[2] and int(found[2]) < int(found[1])):
        raise typer.BadParameter(f"{text!r} is not a range of bytes, counted from 0: 0-99, or 100- to the end")
    return ByteRange(int(found[1]), int(found[2]) if found[2] else None)
