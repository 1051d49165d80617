"""A receiver of traces for the tests: takes OTLP over HTTP, and unpacks it."""

import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(slots=True)
class Receiver:
    """What it has received."""

    url: str = ""
    paths: list[str] = field(default_factory=list)
    messages: list[ExportTraceServiceRequest] = field(default_factory=list)

    def spans(self) -> list[Span]:
        """All of them, in the order in which they began."""
        scopes = (scope for message in self.messages for one in message.resource_spans for scope in one.scope_spans)
        return sorted((span for scope in scopes for span in scope.spans), key=lambda span: span.start_time_unix_nano)

    def resources(self) -> list[Mapping[str, str]]:
        """By whom they were sent."""
        found = (one.resource for message in self.messages for one in message.resource_spans)
        return [{one.key: one.value.string_value for one in resource.attributes} for resource in found]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """One that runs as long as the block."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.paths.append(self.path)
            receiver.messages.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever).start()
        try:
            yield receiver
        finally:
            server.shutdown()
