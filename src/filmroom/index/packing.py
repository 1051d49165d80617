"""Compression of the texts in rows: zstd, from the standard library where it has it."""

import sys
import threading

if sys.version_info >= (3, 14):  # pragma: no cover - the one or the other
    from compression.zstd import ZstdCompressor, decompress
else:  # pragma: no cover
    from backports.zstd import ZstdCompressor, decompress

_LEVEL = 3


class _Local(threading.local):
    """A compressor for each thread: to make one takes longer than to compress a text of some kilobytes."""

    def __init__(self) -> None:
        self.compressor = ZstdCompressor(_LEVEL)


_local = _Local()


def pack(text: bytes) -> bytes:
    return _local.compressor.compress(text, ZstdCompressor.FLUSH_FRAME)


def unpack(packed: bytes) -> bytes:
    return decompress(packed)
