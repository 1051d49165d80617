"""What dicomweb-client has beside its operations, for both clients: settings to be changed later, and look-ups."""

from collections.abc import Collection
from dataclasses import replace

from pydicom.datadict import keyword_for_tag, tag_for_keyword

from filmroom.client._link import Linked
from filmroom.client._retry import Retry

RETRIABLE = (429, 408, 503, 504)


class Moved(Linked):
    """The part of a client that its users know from dicomweb-client. New programs have `retries=` and pydicom."""

    _chunk_size: int | None = None

    def set_chunk_size(self, chunk_size: int) -> None:
        """Read streamed answers in pieces of so many bytes: how often `progress` is called. Stores send 1 MiB a piece.

        Without it each piece is what the connection brings.
        """
        if chunk_size < 1:
            raise ValueError("A piece has at least one byte.")
        self._chunk_size = chunk_size

    def set_http_retry_params(
        self,
        retry: bool = True,
        max_attempts: int = 5,
        wait_exponential_multiplier: float = 1000,
        retriable_error_codes: Collection[int] = RETRIABLE,
    ) -> None:
        """Change how requests that failed are sent again; `retries=` of the constructor says the same in other words.

        retry                        False: never, and nothing else counts
        max_attempts                 how often a request is sent at most, the first time counted
        wait_exponential_multiplier  milliseconds of the first wait; each further one is twice as long
        retriable_error_codes        statuses after which a request is sent again. A store is so only after 429 and 503,
                                     whatever else is named: see `Retry`.
        """
        if max_attempts < 1:
            raise ValueError("A request is sent at least once.")
        made = Retry(max_attempts - 1, wait_exponential_multiplier / 1000, statuses=frozenset(retriable_error_codes))
        self._link = replace(self._link, retry=made if retry else Retry(times=0))

    @staticmethod
    def lookup_keyword(tag: str | int | tuple[int, int]) -> str:
        """The keyword of an attribute: "00080018", 0x00080018 or (0x0008, 0x0018) gives "SOPInstanceUID"."""
        keyword = keyword_for_tag(tag)
        if not keyword:
            raise KeyError(f"No attribute has the tag {tag}.")
        return keyword

    @staticmethod
    def lookup_tag(keyword: str) -> str:
        """The tag of an attribute as eight hexadecimal digits: "SOPInstanceUID" gives "00080018"."""
        tag = tag_for_keyword(keyword)
        if tag is None:
            raise KeyError(f"No attribute has the keyword {keyword!r}.")
        return f"{tag:08X}"
