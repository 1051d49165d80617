"""A span for each request, of which those of its work are parts. In the stack only if there are traces."""

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filmroom import tracing
from filmroom.server.traffic import method_of

_CONTEXT = (b"traceparent", b"tracestate")


class Traced:
    """Wraps the application. The span is named by the template of the route, in the words of OpenTelemetry."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, inside of its span."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = method_of(scope)
        sent = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _CONTEXT}
        with tracing.served(method, sent) as span:
            scope["trace_id"] = f"{span.get_span_context().trace_id:032x}"
            try:
                await self.app(scope, receive, watched)
            finally:
                _describe(span, scope, method, status)


def _describe(span: Any, scope: Scope, method: str, status: int) -> None:
    """https://opentelemetry.io/docs/specs/semconv/http/http-spans/, without what may say of whom it is."""
    template = scope.get("template")
    span.set_attribute("http.request.method", "_OTHER" if method == "other" else method)
    span.set_attribute("filmroom.request_id", scope["request_id"])
    if template is not None:
        span.update_name(f"{method} {template}")
        span.set_attribute("http.route", template)
    if status:
        span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_attribute("error.type", str(status))
        tracing.mark_failed(span)
