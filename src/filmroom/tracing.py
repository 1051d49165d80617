"""Traces for OpenTelemetry (`filmroom[tracing]`): a span for each request, and inside it index, blobs and codecs.

Off, it costs one look at a variable. A span says what was done and for how long, never to what: no UID, no name.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from typing import Any, Protocol

from filmroom import __version__
from filmroom.errors import Unavailable

_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PATH = "/v1/traces"  # of the endpoint (https://opentelemetry.io/docs/specs/otlp/#otlphttp-request)
_PATIENCE = 3.0  # seconds, with all tries: so long may a receiver that is away hold up the end of a process
_OFF = nullcontext()
_tracer: Any = None


class Histogram(Protocol):
    """What takes seconds."""

    def observe(self, amount: float) -> None:
        """One more."""


def start(endpoint: str | None) -> Callable[[], None] | None:
    """Send spans to a receiver of OTLP over HTTP, or to where OpenTelemetry's own variables say; gives how to end it.

    None if nobody asks for it. It is loaded only then: it takes a third of a second.
    """
    global _tracer
    if endpoint is None and not any(map(os.environ.get, _VARIABLES)):
        return None
    try:
        provider = _provider(None if endpoint is None else endpoint.rstrip("/").removesuffix(_PATH) + _PATH)
    except ModuleNotFoundError as error:
        raise Unavailable("Traces need filmroom[tracing]: install that, or leave otlp_endpoint out.") from error
    _tracer = provider.get_tracer("filmroom", __version__)

    def end() -> None:
        global _tracer
        _tracer = None
        provider.shutdown()

    return end


def _provider(endpoint: str | None) -> Any:
    resources, trace = import_module("opentelemetry.sdk.resources"), import_module("opentelemetry.sdk.trace")
    exporter = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    export = import_module("opentelemetry.sdk.trace.export")
    named = {"service.version": __version__} | (
        {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "filmroom"}
    )
    provider = trace.TracerProvider(resource=resources.Resource.create(named), shutdown_on_exit=False)
    patience = None if os.environ.get("OTEL_EXPORTER_OTLP_TIMEOUT") else _PATIENCE
    sends = exporter.OTLPSpanExporter(endpoint=endpoint, timeout=patience)
    provider.add_span_processor(export.BatchSpanProcessor(sends))
    return provider


def on() -> bool:
    """Whether there are traces."""
    return _tracer is not None


def span(name: str) -> AbstractContextManager[Any]:
    """A span in that of the context, for as long as the block lasts."""
    return _OFF if _tracer is None else _inner(name)


@contextmanager
def _inner(name: str) -> Iterator[Any]:
    # What an error says may quote what it is about: only that there was one is told.
    with _tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as begun:
        try:
            yield begun
        except BaseException as error:
            begun.set_attribute("error.type", type(error).__name__)
            raise


@contextmanager
def served(name: str, headers: Mapping[str, str]) -> Iterator[Any]:
    """The span of a request, in the trace of a client that sends the header traceparent (W3C Trace Context)."""
    propagation = import_module("opentelemetry.trace.propagation.tracecontext")
    kinds = import_module("opentelemetry.trace").SpanKind
    context = propagation.TraceContextTextMapPropagator().extract(headers)
    options: dict[str, Any] = {"record_exception": False, "set_status_on_exception": False, "kind": kinds.SERVER}
    with _tracer.start_as_current_span(name, context, **options) as begun:
        yield begun


def mark_failed(span: Any) -> None:
    """Have a span say that what it is of has failed."""
    span.set_status(import_module("opentelemetry.trace").StatusCode.ERROR)


class timed:  # noqa: N801 - it is used as a word of a `with`
    """Observes how long its block takes, and makes a span of it."""

    __slots__ = ("_began", "_histogram", "_name", "_span")

    def __init__(self, histogram: Histogram, name: str) -> None:
        self._histogram, self._name = histogram, name

    def __enter__(self) -> None:
        self._span = None if _tracer is None else _inner(self._name)
        if self._span is not None:
            self._span.__enter__()
        self._began = time.perf_counter()

    def __exit__(self, *error: Any) -> None:
        self._histogram.observe(time.perf_counter() - self._began)
        if self._span is not None:
            self._span.__exit__(*error)
