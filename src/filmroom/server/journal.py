"""One log line for each request, and the headers that every response carries. Pure ASGI, outside all else.

No path, query or header is logged: they hold UIDs, names and tokens. The handler's name says what was asked.
"""

import logging
import sys
import time
import traceback
from contextlib import suppress

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()

SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"content-security-policy", b"frame-src 'self';"),
]


class Journal:
    """Wraps the application."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, add the headers, log the end."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *SECURITY_HEADERS]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - the outermost handler
            # Neither its message nor its values: they may hold what a data set says of a patient.
            log.error("unforeseen", error=type(error).__name__, at=_frames(error))
        finally:
            handler = scope.get("handler", "none")
            milliseconds = round((time.perf_counter() - began) * 1000, 1)
            log.info("request", method=scope["method"], handler=handler, status=status, milliseconds=milliseconds)


def _frames(error: BaseException) -> list[str]:
    """Where an error came from, the innermost call last."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]


class _Lines(structlog.WriteLogger):
    """Writes lines. A request must not fail because its line can't be written, be it for a full disk."""

    def msg(self, message: str) -> None:
        with suppress(OSError):
            super().msg(message)

    info = warning = error = msg


def _lines(*_: object) -> _Lines:
    return _Lines(sys.stderr)


def configure(log_format: str) -> None:
    """Log to standard error: one JSON object a line, or aligned text on a terminal."""
    pretty = log_format == "pretty" or (log_format == "auto" and sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=_lines,
        cache_logger_on_first_use=False,
    )
