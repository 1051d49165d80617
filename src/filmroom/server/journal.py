"""The log: one line for each request, and those of the libraries in the same form. Pure ASGI, outside all else.

No path, query or header is logged: they hold UIDs, names and tokens. The handler's name and the template of its route,
`/dicomweb/studies/{study}`, say what was asked. Every request has an id, which is on all lines that are written for it.
What is counted of each is told here, too.
"""

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filmroom.errors import Error, Unforeseen
from filmroom.server import request_ids
from filmroom.server.traffic import Traffic

log = structlog.get_logger()


Who = Callable[[Scope], str | None]


class Journal:
    """Wraps the application. `who` says by what name to log who asked, if by any."""

    def __init__(self, app: ASGIApp, traffic: Traffic, who: Who = lambda _: None) -> None:
        self.app, self._traffic, self._who = app, traffic, who
        self._log = log.bind()  # to put a logger together takes a fifth of the time of a line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, log the end."""
        if scope["type"] != "http":
            await self._live(scope, receive, send)
            return
        began, status, received, sent = time.perf_counter(), 0, 0, 0
        identifier = scope["request_id"] = request_ids.find(scope["headers"])
        request_ids.current.set(identifier)  # the server has a context for each request
        named = (b"x-request-id", identifier.encode("ascii"))

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def watched(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), named]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        self._traffic.in_flight += 1
        try:
            await self.app(scope, counted, watched)
        except Exception as error:  # noqa: BLE001 - the outermost handler
            _tell(error)
            self._traffic.break_off(scope)
        finally:
            self._traffic.in_flight -= 1
            seconds = time.perf_counter() - began
            self._traffic.end(scope, status, seconds, received, sent)
            self._note(scope, status=status, milliseconds=round(seconds * 1000, 1), received=received, sent=sent)

    def _note(self, scope: Scope, **facts: float | str) -> None:
        who, trace = self._who(scope), scope.get("trace_id")
        if who is not None:
            facts["who"] = who
        if trace is not None:
            facts["trace_id"] = trace
        self._log.info(
            "request",
            client=(scope.get("client") or ["unknown"])[0],
            method=scope["method"],
            route=scope.get("template", "none"),
            handler=scope.get("handler", "none"),
            **facts,
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


class _Lines:
    """Writes lines. A request must not fail because its line can't be written, be it for a full disk."""

    def __init__(self, *_: object) -> None:
        pass

    def msg(self, message: str) -> None:
        with suppress(OSError):
            sys.stderr.write(message + "\n")
            sys.stderr.flush()

    info = warning = error = msg


_encode = json.JSONEncoder(default=repr).encode  # `json.dumps` with options makes one for each line


class Library(logging.Handler):
    """Writes what libraries log, in the form of all lines and without what they may quote of a request."""

    def __init__(self, log_format: str, least: str = "info") -> None:
        super().__init__()
        configure(log_format, least)

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


def logging_config(log_format: str, least: str = "info") -> dict[str, Any]:
    """For `logging.config.dictConfig`, which uvicorn calls in each of its processes."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"journal": {"()": f"{__name__}.{Library.__name__}", "log_format": log_format, "least": least}},
        "root": {"handlers": ["journal"], "level": "WARNING"},
        "loggers": {"uvicorn.error": {"level": "WARNING"}},  # it asks for its own level, to save what is not written
    }


def _identified(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A line that is written for a request, in whichever thread, has its id."""
    identifier = request_ids.current.get()
    if identifier is not None:
        line["request_id"] = identifier
    return line


def configure(log_format: str, least: str = "info") -> None:
    """Log to standard error, from the level `least` on: one JSON object a line, or aligned text on a terminal."""
    pretty = log_format == "pretty" or (log_format == "auto" and sys.stderr.isatty())
    structlog.configure(
        processors=[
            _identified,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer()
            if pretty
            else structlog.processors.JSONRenderer(lambda line, **_: _encode(line)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=_Lines,
        cache_logger_on_first_use=False,
    )
