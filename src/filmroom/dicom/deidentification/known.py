"""Which UIDs pseudonyms stand for, as far as this process has found out: a pseudonym can't be undone."""

from collections.abc import Mapping

from filmroom.dicom.deidentification.profile import Deidentification

MOST = 200_000  # pseudonyms, of 150 bytes and more each


class Known:
    """Pseudonyms by the numbers of their keys. What they stand for never changes. Threads share it."""

    def __init__(self) -> None:
        self._uids: dict[tuple[int, str], str] = {}
        self._complete: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self._uids)

    def find(self, profile: Deidentification, pseudonym: str) -> str | None:
        """The UID that it stands for."""
        return self._uids.get((profile.number, pseudonym))

    def remember(self, profile: Deidentification, uids: Mapping[str, str]) -> None:
        """UIDs by their pseudonyms."""
        if len(self._uids) > MOST:
            self._uids.clear()
        self._uids.update({(profile.number, pseudonym): uid for pseudonym, uid in uids.items()})

    def complete_until(self, profile: Deidentification, partition: int) -> int:
        """The watermark until which the index has the pseudonyms of all Studies of a partition."""
        return self._complete.get((profile.number, partition), 0)

    def complete(self, profile: Deidentification, partition: int, until: int) -> None:
        """The index has them until that watermark."""
        self._complete[profile.number, partition] = until
