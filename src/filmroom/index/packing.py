"""Compression of the texts in rows: zstd, from the standard library where it has it."""

import sys

if sys.version_info >= (3, 14):  # pragma: no cover - the one or the other
    from compression.zstd import ZstdCompressor, decompress
else:  # pragma: no cover
    from backports.zstd import ZstdCompressor, decompress

_LEVEL = 3


def pack(text: bytes) -> bytes:
    # In one step, which takes half the time of `zstd.compress`.
    return ZstdCompressor(_LEVEL).compress(text, ZstdCompressor.FLUSH_FRAME)


def unpack(packed: bytes) -> bytes:
    return decompress(packed)
