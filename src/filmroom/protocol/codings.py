"""Content codings (RFC 9110 §8.4, §12.5.3): what Accept-Encoding allows, and texts compressed while they are sent."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Protocol

from zstandard import ZstdCompressor

from filmroom.protocol import media_types

SMALLEST = 4096  # bytes: what is smaller fits few packets as it is
_LEVEL = 1  # the cheapest: a text must not wait for its compression
_IDENTITY = "identity"


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


# The better first. Both write a text of JSON several times smaller; zstd in a fifth of the time.
_COMPRESSORS: dict[str, Callable[[], _Compressor]] = {
    "zstd": lambda: ZstdCompressor(level=_LEVEL).compressobj(),
    "gzip": lambda: zlib.compressobj(_LEVEL, wbits=zlib.MAX_WBITS | 16),
}


def select(accept_encoding: Sequence[str]) -> str | None:
    """The best coding that the request accepts; None is the text as it is."""
    return _select(tuple(accept_encoding)) if accept_encoding else None


@lru_cache(maxsize=64)  # clients repeat themselves
def _select(accept_encoding: tuple[str, ...]) -> str | None:
    asked = {one.type.removeprefix("x-"): one.q for one in media_types.parse_accept(accept_encoding)}
    rest = asked.get("*/*", 0.0)  # how the parser gives "*"
    weights = {name: asked.get(name, rest) for name in _COMPRESSORS}
    best = max(weights, key=lambda name: weights[name])
    return best if weights[best] > 0 and weights[best] >= asked.get(_IDENTITY, 0.0) else None


def encode(chunks: Iterable[bytes], accept_encoding: Sequence[str]) -> tuple[str | None, Iterator[bytes]]:
    """The coding that was chosen and the chunks in it. A small text is left as it is."""
    taken, coding = iter(chunks), select(accept_encoding)
    if coding is None:
        return None, taken
    first: list[bytes] = []
    size = 0
    for chunk in taken:
        first.append(chunk)
        size += len(chunk)
        if size >= SMALLEST:
            return coding, _compressed(_COMPRESSORS[coding](), chain(first, taken))
    return None, iter(first)


def _compressed(compressor: _Compressor, chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        if compressed := compressor.compress(chunk):
            yield compressed
    yield compressor.flush()
