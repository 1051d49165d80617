"""Contents as lists, whether they come as such or as a stream."""

from collections.abc import Callable
from typing import ParamSpec

from filmroom.services.content import Content, Stream

P = ParamSpec("P")


def listed(service: Callable[P, list[Content] | Stream], *args: P.args, **kwargs: P.kwargs) -> list[Content]:
    """What a service function gives."""
    found = service(*args, **kwargs)
    return list(found.contents) if isinstance(found, Stream) else found
