"""Cursors: where a page of a search ended, as a text that tells nobody and that nobody can make up.

A place holds values of patients if the order does, and a cursor is part of a URL, which gets into logs. To hold only
the key of the last match, and to look its values up, would not do: that match may be deleted or changed meanwhile, and
the next page would leave out or repeat. So the place is sealed: a keyed digest of it and of the search proves that it
is ours and belongs to the search; a stream made from that digest hides it. A place of a search is always one cursor.
"""

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

import orjson

from filmroom.dicom.order import Place
from filmroom.dicom.resources import Resource
from filmroom.errors import BadParameter

_PROOF = 16  # bytes
# What may differ from page to page: none of it says what matches, or in which order. In small letters.
_OF_THE_PAGE = frozenset({"cursor", "limit", "offset", "includefield", "count", "accept", "charset"})


def subject(listed: str, scope: Resource, parameters: Sequence[tuple[str, str]]) -> bytes:
    """What a cursor belongs to: all of a search that decides on its matches (`Query.listed`) and their order."""
    said = sorted((name, value) for name, value in parameters if name.lower() not in _OF_THE_PAGE)
    where = (listed, scope.partition, scope.study, scope.series, scope.instance)
    return hashlib.sha256(orjson.dumps((where, said))).digest()


def seal(secret: bytes, about: bytes, place: Place) -> str:
    """The cursor of a place in the matches of a search, its `subject`."""
    text = orjson.dumps(place)
    proof = _proof(secret, about, text)
    return urlsafe_b64encode(proof + _veiled(secret, proof, text)).rstrip(b"=").decode()


def unseal(secret: bytes, about: bytes, cursor: str) -> Place:
    """The place that a cursor holds, if it is ours and belongs to this search."""
    try:
        sealed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (binascii.Error, UnicodeEncodeError):
        sealed = b""
    proof = sealed[:_PROOF]
    text = _veiled(secret, proof, sealed[_PROOF:])
    genuine = hmac.compare_digest(proof, _proof(secret, about, text))
    # What is no letter of base64 is passed over in decoding it, so the whole must be what was given.
    if not genuine or urlsafe_b64encode(sealed).rstrip(b"=").decode() != cursor:
        raise BadParameter(
            "The query parameter 'cursor' is not one that an answer to this search came with: follow the header Link "
            "of an answer as it is, with all other parameters, or begin again without cursor."
        )
    place: list[str | int | None] = orjson.loads(text)
    return tuple(place)


def _proof(secret: bytes, about: bytes, text: bytes) -> bytes:
    return hmac.digest(secret, about + text, "sha256")[:_PROOF]


def _veiled(secret: bytes, proof: bytes, text: bytes) -> bytes:
    """The text under a stream that is another for each; the same again unveils it."""
    stream = hashlib.shake_256(secret + proof).digest(len(text))
    return bytes(one ^ other for one, other in zip(text, stream, strict=True))
