"""The roots of Filmroom: one beside the Standard, and those that offer what the Azure service does and no more."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from filmroom.client.exceptions import NotFound

# As the dialects have them, whose tables no client waits for.
ROOT, AZURE_ROOTS = "/dicomweb", frozenset({"/v1.0-prerelease", "/v1", "/v2"})


def fuller_root(url: str) -> str:
    """The root of the Standard, beside one that does what the Azure service does; "" if this is none of these.

    Without user and password, for it is shown.
    """
    parts = urlsplit(url)
    above, slash, last = parts.path.rpartition("/")
    if slash + last not in AZURE_ROOTS:
        return ""
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], path=above + ROOT))


def elsewhere(more: str) -> str:
    """Where there is what the Azure service does not have; `more` is a `fuller_root`."""
    return f"this root offers what the Azure service does, and not this; {more} does"


@contextmanager
def beyond_azure(url: str) -> Iterator[None]:
    """What the Azure service has no resource for is answered there with a bare 404, which says nothing of the data."""
    try:
        yield
    except NotFound as error:
        more = fuller_root(url)
        if not more or error.payload is not None:
            raise
        raise NotFound(error.status, elsewhere(more), error.headers, warnings=error.warnings) from None
