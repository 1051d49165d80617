"""Compression of the texts in rows: zstd."""

import threading

from zstandard import ZstdCompressor, ZstdDecompressor

_LEVEL = 3


class _Local(threading.local):
    """What each thread has of its own: to make one takes longer than a text of some kilobytes does."""

    def __init__(self) -> None:
        self.compressor = ZstdCompressor(level=_LEVEL)
        self.decompressor = ZstdDecompressor()


_local = _Local()


def pack(text: bytes) -> bytes:
    return _local.compressor.compress(text)


def unpack(packed: bytes) -> bytes:
    return _local.decompressor.decompress(packed)
