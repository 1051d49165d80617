"""An S3 on loopback that refuses what it is told to refuse; it keeps objects in memory and checks no signature."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

OPTIONS = {"access_key_id": "ours", "secret_access_key": "guessed", "region": "us-east-1", "allow_http": "true"}


class Store:
    """The bucket `bucket`: its objects, and what it answers in place of the truth."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.refuses: Callable[[str, str], tuple[int, str] | None] = lambda method, name: None
        self.endpoint = ""

    @property
    def options(self) -> dict[str, str]:
        return OPTIONS | {"endpoint": self.endpoint}


@contextmanager
def running() -> Iterator[Store]:
    store = Store()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            name = unquote(urlsplit(self.path).path).removeprefix("/bucket").lstrip("/")
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            refused = store.refuses(self.command, name)
            if refused:
                self.send(
                    refused[0], f"<Error><Code>{refused[1]}</Code><Message>of a patient</Message></Error>".encode()
                )
            elif not name:
                listed = "".join(
                    f"<Contents><Key>{key}</Key><Size>{len(value)}</Size><ETag>e</ETag>"
                    "<LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents>"
                    for key, value in sorted(store.objects.items())
                )
                self.send(
                    200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{listed}</ListBucketResult>".encode()
                )
            elif self.command == "PUT":
                store.objects[name] = content
                self.send(200, b"")
            elif name in store.objects:
                self.send(200, store.objects[name])
            else:
                self.send(404, b"<Error><Code>NoSuchKey</Code></Error>")

        def send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"e"')
            self.send_header("Last-Modified", "Wed, 01 Jan 2020 00:00:00 GMT")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = answer  # noqa: N815 - names of http.server

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        store.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield store
        finally:
            server.shutdown()
