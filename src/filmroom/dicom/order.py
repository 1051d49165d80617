"""The order of matches that a search asks for, and places in it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class By:
    """An attribute that puts matches in order. Who has no value comes last, either way."""

    tag: int
    descending: bool = False


Place = tuple[str | int | None, ...]  # of a match in an order: the values of `Query.order`, folded, and its key
