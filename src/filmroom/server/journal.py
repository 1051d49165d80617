"""The log: one line for each request, and those of the libraries in the same form. Pure ASGI, outside all else.

No path, query or header is logged: they hold UIDs, names and tokens. The handler's name and the template of its route,
`/dicomweb/studies/{study}`, say what was asked. The headers that every response carries are added here, too.
"""

import logging
import sys
import time
import traceback
from contextlib import suppress
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filmroom.errors import Error, Unforeseen

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
            await self._live(scope, receive, send)
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
            _tell(error)
        finally:
            log.info(
                "request",
                client=(scope.get("client") or ["unknown"])[0],
                method=scope["method"],
                route=scope.get("template", "none"),
                handler=scope.get("handler", "none"),
                status=status,
                milliseconds=round((time.perf_counter() - began) * 1000, 1),
            )

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Start and end of the application, which would have uvicorn log a traceback with what the error says."""

        async def told(message: Message) -> None:
            await send({key: value for key, value in message.items() if key != "message"})

        try:
            await self.app(scope, receive, told)
        except Exception as error:
            if isinstance(error, Error):  # those of ours say nothing of patients
                log.error("not started", error=type(error).__name__, reason=str(error))
            else:
                log.error("unforeseen", error=type(error).__name__, at=frames(error))
            raise


def _tell(error: Exception) -> None:
    """What ended an answer. One of our errors gets here when the status line is sent already: the answer breaks off."""
    known = next((one for one in (error, error.__cause__) if isinstance(one, Error)), None)
    if known is not None:  # Starlette wraps it; what it says is nothing of patients
        log.error("broken off", error=type(known).__name__, reason=str(known))
    elif isinstance(error, Unforeseen):
        log.error("unforeseen", error=type(error).__name__, reason=str(error), at=frames(error))  # holds no values
    else:
        # Neither its message nor its values: they may hold what a data set says of a patient.
        log.error("unforeseen", error=type(error).__name__, at=frames(error))


def frames(error: BaseException) -> list[str]:
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


class Library(logging.Handler):
    """Writes what libraries log, in the form of all lines and without what they may quote of a request."""

    def __init__(self, log_format: str) -> None:
        super().__init__()
        configure(log_format)

    def emit(self, record: logging.LogRecord) -> None:
        """Numbers are kept; text that was filled in, further lines and messages of exceptions are not."""
        filled = all(isinstance(value, int | float) for value in record.args or ())
        text = record.getMessage() if filled else str(record.msg)
        line = {"logger": record.name, "text": text.strip().partition("\n")[0]}
        if record.exc_info and (error := record.exc_info[1]):
            log.error("unforeseen", **line, error=type(error).__name__, at=frames(error))
        elif record.levelno >= logging.ERROR:
            log.error("library", **line)
        else:
            log.warning("library", **line)


def logging_config(log_format: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`, which uvicorn calls in each of its processes."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"journal": {"()": f"{__name__}.{Library.__name__}", "log_format": log_format}},
        "root": {"handlers": ["journal"], "level": "WARNING"},
        "loggers": {"uvicorn.error": {"level": "WARNING"}},  # it asks for its own level, to save what is not written
    }


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
