"""Compression of the texts in rows: zstd, from the standard library where it has it."""

import sys

if sys.version_info >= (3, 14):  # pragma: no cover - the one or the other
    from compression import zstd
else:  # pragma: no cover
    from backports import zstd

_LEVEL = 3


def pack(text: bytes) -> bytes:
    return zstd.compress(text, _LEVEL)


def unpack(packed: bytes) -> bytes:
    return zstd.decompress(packed)
