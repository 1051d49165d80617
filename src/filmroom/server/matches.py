"""Responses of Search (PS3.18 §10.6.3): the matches, where the next page is, how many there are, and warnings."""

from collections.abc import Sequence
from urllib.parse import urlencode

import orjson
from starlette.requests import Request

from filmroom.dicom.matching import Query
from filmroom.protocol import cursors
from filmroom.protocol.dialects import Dialect
from filmroom.server import messages, responses
from filmroom.server.responses import Answer
from filmroom.server.work import Body
from filmroom.services.search import Found

_REPLACED = frozenset({"cursor", "offset"})


def represent(dialect: Dialect, request: Request, found: Found) -> Answer:
    """The answer, without what its headers say of pages."""
    if found.empty and dialect.empty_search_status == 204:
        return Answer({}, None, status=204)
    chunks, coding = responses.coded(request, messages.json_array(map(orjson.dumps, found.matches)))
    return Answer(coding | {"Content-Type": responses.DICOM_JSON}, Body(chunks))


def page_headers(
    query: Query, found: Found, secret: bytes, url: str, parameters: Sequence[tuple[str, str]]
) -> dict[str, str]:
    """Where the next page is (RFC 8288), and how many match on all pages. `url` is that of the searched resource."""
    headers = {} if found.total is None else {"X-Total-Count": str(found.total)}
    if found.end is not None:
        cursor = cursors.seal(secret, cursors.subject(query.level, query.scope, parameters), found.end)
        kept = [(name, value) for name, value in parameters if name.lower() not in _REPLACED]
        headers["Link"] = f'<{url}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'
    return headers


def page_warnings(query: Query, found: Found) -> tuple[str, ...]:
    """What is said if it was the service that cut the answer (PS3.18 §8.3.4.4)."""
    if found.end is None or not query.own_limit:
        return ()
    return ("there are additional results that can be requested: follow the header Link.",)
