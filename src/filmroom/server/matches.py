"""Responses of Search (PS3.18 §10.6.3): the matches, where the next page is, how many there are, and warnings."""

from collections.abc import Sequence
from urllib.parse import urlencode

import orjson
from starlette.requests import Request

from filmroom.dicom import attributes, csv_table, xml_model
from filmroom.dicom.query import Query
from filmroom.dicom.resources import Level
from filmroom.dicom.search_attributes import COMPUTED, HELD
from filmroom.errors import BadParameter
from filmroom.protocol import cursors, multipart, offers
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Selected
from filmroom.protocol.searched import ignored, some
from filmroom.server import messages, responses
from filmroom.server.responses import Answer
from filmroom.server.work import Body
from filmroom.services.search import Found

_REPLACED = frozenset({"cursor", "offset"})
_MOST_COLUMNS = 500  # each costs some 10 microseconds a row


def columns(query: Query, selected: Selected, made_up: frozenset[int]) -> list[int]:
    """The columns of a table, if one is to be sent; `made_up` are attributes that no row holds."""
    if selected.media_type != offers.CSV:
        return []
    found = _columns(query, made_up)
    if len(found) > _MOST_COLUMNS:
        raise BadParameter(f"A table (text/csv) of {len(found)} columns is too wide: {_MOST_COLUMNS} are the most.")
    return found


def _columns(query: Query, made_up: frozenset[int]) -> list[int]:
    everything = query.all_attributes and query.level is Level.INSTANCE
    if everything or query.groups:
        what = "includefield=all of Instances" if everything else "a group in includefield"
        raise BadParameter(f"A table (text/csv) can't have {what}: its columns are known before its rows; name them.")
    if not query.all_attributes:
        return csv_table.columns(query.attributes)
    held = (HELD[level] for level in Level if level <= query.level)
    computed = (tag for tag, level in COMPUTED.items() if level <= query.level)
    return csv_table.columns(query.attributes.union(made_up, computed, *held))


def left_out(dialect: Dialect, query: Query, of_table: Sequence[int]) -> tuple[str, ...]:
    """Warnings of what a table was asked to have and has no column for. Of what is no table there are none."""
    if not of_table:
        return ()
    heeded = {key.tag for key in query.keys}
    asked = query.attributes.union(tag.tag for tag in query.private) - heeded
    without = asked.difference(*dialect.returned.values(), of_table)
    return some(ignored(attributes.name(tag), "a table has no column for it.") for tag in sorted(without))


def represent(dialect: Dialect, request: Request, found: Found, selected: Selected, of_table: Sequence[int]) -> Answer:
    """The answer, without what its headers say of pages. A message without parts is none (RFC 2046 §5.1.1)."""
    media_type = selected.media_type
    if found.empty and (dialect.empty_search_status == 204 or media_type == offers.DICOM_XML):
        return Answer({}, None, status=204)
    if media_type == offers.DICOM_XML:
        boundary = multipart.new_boundary()
        documents = ((None, xml_model.write(match)) for match in found.matches)
        content_type = f'multipart/related; type="{media_type}"; boundary={boundary}'
        chunks = messages.xml_parts(documents, boundary, media_type)
    elif media_type == offers.CSV:
        chunks = csv_table.write(of_table, found.matches)
        content_type = f"{media_type}; charset=utf-8; header=present"
    else:
        chunks, content_type = messages.json_array(map(orjson.dumps, found.matches)), responses.DICOM_JSON
    encoded, coding = responses.coded(request, chunks)
    return Answer(coding | {"Content-Type": content_type}, Body(encoded))


def page_headers(
    query: Query, found: Found, secret: bytes, url: str, parameters: Sequence[tuple[str, str]]
) -> dict[str, str]:
    """Where the next page is (RFC 8288), and how many match on all pages. `url` is that of the searched resource."""
    headers = {} if found.total is None else {"X-Total-Count": str(found.total)}
    if found.end is not None:
        cursor = cursors.seal(secret, cursors.subject(query.listed, query.scope, parameters), found.end)
        kept = [(name, value) for name, value in parameters if name.lower() not in _REPLACED]
        headers["Link"] = f'<{url}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'
    return headers


def page_warnings(query: Query, found: Found) -> tuple[str, ...]:
    """What is said if it was the service that cut the answer (PS3.18 §8.3.4.4)."""
    if found.end is None or not query.own_limit:
        return ()
    return ("There are additional results that can be requested: follow the header Link.",)
