"""The roots of the service: the first segment of a path chooses the dialect (a version of Azure's, or the Standard)."""

import re
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filmroom.protocol import dialects
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind
from filmroom.server import routes
from filmroom.server.audit import UNKNOWN

# v1, v1.0, v2.0, v1.0-prerelease, v1-prerelease: a missing minor number counts as 0.
_VERSION = re.compile(r"v(?P<major>[0-9]{1,4})(?:\.(?P<minor>[0-9]{1,4}))?(?P<status>-[a-z]\w*)?", re.IGNORECASE)
_VERSIONED = [dialect for dialect in dialects.ALL if dialect.version is not None]
_EXPORTING = [dialect for dialect in _VERSIONED if Kind.EXPORT in dialect.offers]
_EXPORT = re.compile(r"/[^/]+(/partitions/[^/]+)?/export/?", re.IGNORECASE)
_NOTHING = f"Nothing is here. DICOMweb is at {dialects.DICOMWEB.root}, health at /health/check."


class Roots:
    """Finds the dialect of a request and hands the rest of its path to that dialect's routes."""

    def __init__(self, *, partitions: bool) -> None:
        """`partitions`: whether data partitions are in use."""
        self._routers = {dialect.root: routes.router(dialect, in_partitions=partitions) for dialect in dialects.ALL}
        self._by_version = {_canonical(dialect.root[1:]): dialect for dialect in _VERSIONED}
        self._standard = self._routers[dialects.DICOMWEB.root]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request under one of the roots, or say that there is no such root."""
        segment = scope["path"].removeprefix("/").partition("/")[0]
        root_path = scope.get("root_path", "") + "/" + segment
        if segment == dialects.DICOMWEB.root[1:]:
            scope["root_path"], scope["audited"] = root_path, UNKNOWN  # until a route says what it is
            scope["path"] += "" if "/" in scope["path"][1:] else "/"  # the root itself is a resource (PS3.18 §8.9)
            await self._standard(scope, receive, send)
            return
        version, supporting = _canonical(segment), _supporting(scope["path"])
        dialect = self._by_version.get(version)
        if dialect is None or dialect not in supporting:
            await _unknown(scope, segment, version, supporting)(scope, receive, send)
            return
        scope["root_path"], scope["audited"] = root_path, UNKNOWN
        scope["path"] = scope["path"].removesuffix("/")  # that service takes no notice of a slash at the end
        await _versioned(self._routers[dialect.root], supporting)(scope, receive, send)


def _canonical(segment: str) -> str | None:
    """The version as text with its minor number, or None if the segment is none: "v1" is "1.0"."""
    found = _VERSION.fullmatch(segment)
    if found is None:
        return None
    return f"{int(found['major'])}.{int(found['minor'] or 0)}{(found['status'] or '').lower()}"


def _supporting(path: str) -> Sequence[Dialect]:
    """The versions that have what is at a path: all of them, but that exports came later."""
    return _EXPORTING if _EXPORT.fullmatch(path) else _VERSIONED


def _listed(supporting: Sequence[Dialect]) -> str:
    return ", ".join(dialect.version for dialect in supporting if dialect.version is not None)


def _unknown(scope: Scope, segment: str, version: str | None, supporting: Sequence[Dialect]) -> Response:
    if version is None:
        return PlainTextResponse(_NOTHING, 404)
    message = (
        f"The HTTP resource that matches the request URI '{Request(scope).url}' "
        f"does not support the API version '{segment[1:]}'."
    )
    body = {"error": {"code": "UnsupportedApiVersion", "message": message}}
    return JSONResponse(body, 400, {"api-supported-versions": _listed(supporting)})


def _versioned(router: ASGIApp, supporting: Sequence[Dialect]) -> ASGIApp:
    """What the Azure service's pipeline does around its routes."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def announced(message: Message) -> None:
            if message["type"] == "http.response.start" and ("handler" in scope or message["status"] == 405):
                header = (b"api-supported-versions", _listed(supporting).encode())
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        refusal = _screen(scope)
        await (refusal or router)(scope, receive, announced)

    return app


def _screen(scope: Scope) -> Response | None:
    query: bytes = scope["query_string"]
    if b"<" in query or b"%3c" in query.lower():
        return PlainTextResponse("The query string included invalid characters.", 400)
    return None
