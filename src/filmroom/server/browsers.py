"""What browsers are told: which other sites may read answers (CORS), and what they must not do with them. Pure ASGI."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filmroom.protocol.dialects import Dialect

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# Beside those that any page may read
_READ = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Length",
    "Content-Location",
    "Content-Range",
    "ETag",
    "Link",
    "Location",
    "Retry-After",
    "WWW-Authenticate",
    "Warning",
    "X-Request-ID",
    "X-Total-Count",
    "api-supported-versions",
    "erroneous-dicom-attributes",
)
_PREFLIGHT_FOR = 7200  # seconds: the longest that Chromium heeds
_HSTS = (b"strict-transport-security", b"max-age=31536000")  # a year

PINNED = (  # as the Azure service sends them
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"content-security-policy", b"frame-src 'self';"),
)
_VERSIONED, _FRESH = (b"cache-control", b"private, no-cache"), (b"cache-control", b"no-store")
_ADDED = (
    (b"referrer-policy", b"no-referrer"),  # UIDs stand in URLs
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
)


class Protected:
    """Adds headers to every answer; what an answer says itself of caches stays."""

    def __init__(self, app: ASGIApp, *, https: bool, shared: bool) -> None:
        """`https`: clients come by TLS, to here or to a proxy. `shared`: pages of other sites may read answers."""
        self.app = app
        # Without CORS an <img> of the same site is served still: http://portal.example.org and http://pacs.example.org.
        policy = (b"cross-origin-resource-policy", b"cross-origin" if shared else b"same-site")
        self._always = [*PINNED, *_ADDED, policy]
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        secure = [_HSTS] if self._https or scope["scheme"] == "https" else []

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", ())
                names = [name for name, _ in given]  # in lower case (ASGI)
                message["headers"] = headers = [*given, *self._always, *secure]
                if b"cache-control" not in names and not _is_of_azure(scope):
                    headers.append(_VERSIONED if b"etag" in names else _FRESH)
            await send(message)

        await self.app(scope, receive, protected)


def _is_of_azure(scope: Scope) -> bool:
    """That service says nothing of caches, and neither does its dialect; but it has no share links.

    Caches that many use keep nothing that was asked for with a token (RFC 9111 §3.5). With a link there is none.
    """
    dialect: Dialect | None = scope.get("dialect")
    return dialect is not None and dialect.version is not None and "prefix" not in scope


def shared(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """The application, for pages of these origins too; `*` is any. They may send any header, but no cookies.

    A preflight is answered here, before anything is authenticated (it never carries a token). Pages of the internet
    reach a service of a private network only if their origin is named.
    """
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=_METHODS,
        allow_headers=["*"],
        allow_private_network="*" not in origins,
        expose_headers=_READ,
        max_age=_PREFLIGHT_FOR,
    )
