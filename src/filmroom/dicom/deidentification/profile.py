"""Which de-identification is wanted: options of PS3.15 Annex E, and the key that all pseudonyms are made with."""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple, Self

from filmroom.dicom import uids

VERSION = 2  # to be raised when other bytes are made of the same file
_FARTHEST = 3650  # days that dates are moved back by, at most
_VARIANT, _VERSION = 0b10 << 62, 8 << 76  # of a UUID that is made by a rule of one's own (RFC 9562 §5.8)
_FREE = ~(0b11 << 62 | 0xF << 76)


class Option(StrEnum):
    """What an option of the Basic Profile keeps (PS3.15 §E.3)."""

    UIDS = "retain-uids"
    DEVICE = "retain-device-identity"
    INSTITUTION = "retain-institution-identity"
    PATIENT = "retain-patient-characteristics"
    FULL_DATES = "retain-full-dates"
    MODIFIED_DATES = "retain-modified-dates"


class Method(NamedTuple):
    """A code of CID 7050 (PS3.16), of the scheme DCM."""

    value: str
    meaning: str


BASIC = Method("113100", "Basic Application Confidentiality Profile")
METHODS = {
    Option.FULL_DATES: Method("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    Option.MODIFIED_DATES: Method("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    Option.PATIENT: Method("113108", "Retain Patient Characteristics Option"),
    Option.DEVICE: Method("113109", "Retain Device Identity Option"),
    Option.UIDS: Method("113110", "Retain UIDs Option"),
    Option.INSTITUTION: Method("113112", "Retain Institution Identity Option"),
}


@dataclass(frozen=True)
class Deidentification:
    """The Basic Profile with options. The same key gives the same pseudonyms, for ever and everywhere."""

    options: frozenset[Option]
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, options: Iterable[Option], secret: bytes, name: str = "") -> Self:
        """With a key that is made of a secret of any length and of the name of the profile."""
        return cls(frozenset(options), hashlib.blake2b(name.encode(), key=hashlib.sha256(secret).digest()).digest())

    @property
    def methods(self) -> list[Method]:
        """What was done, for De-identification Method Code Sequence."""
        return [BASIC, *(method for option, method in METHODS.items() if option in self.options)]

    @cached_property
    def mark(self) -> str:
        """What tells what is made by this profile from what is made by others, in a word."""
        return self._hash(b"mark", f"{VERSION} {sorted(self.options)}", 6).hex()

    @cached_property
    def number(self) -> int:
        """What tells pseudonyms made with this key from others."""
        return int.from_bytes(self._hash(b"number", "", 8)) >> 1

    def uid(self, original: str) -> str:
        """What a Study, Series or Instance is called by: a pseudonym, unless UIDs are kept."""
        return original.strip(" \0") if Option.UIDS in self.options else self.pseudonym(original)

    def pseudonym(self, original: str) -> str:
        """The pseudonym of a UID; those that the Standard registers mean the same everywhere and stay."""
        plain = original.strip(" \0")
        if not plain or uids.name(plain) is not None:
            return plain
        number = int.from_bytes(self._hash(b"uid", plain, 16))
        return f"2.25.{number & _FREE | _VARIANT | _VERSION}"

    def patient(self, subject: str) -> str:
        """The pseudonym of a patient: 16 letters and digits."""
        return base64.b32encode(self._hash(b"patient", subject, 10)).decode("ascii")

    def days(self, subject: str) -> int:
        """By how many days the dates of a patient are moved back: some, so that none is where it was."""
        return 1 + int.from_bytes(self._hash(b"days", subject, 8)) % _FARTHEST

    def _hash(self, purpose: bytes, text: str, size: int) -> bytes:
        return hashlib.blake2b(text.encode(), digest_size=size, key=self.key, person=purpose).digest()
