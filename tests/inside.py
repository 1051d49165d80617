"""The service on a socket, but in this process: quick to start, and with any settings."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from filmroom.cli.workers import listen
from filmroom.server import tls
from filmroom.server.app import create
from filmroom.server.connections import Bounds, Connection
from filmroom.settings import Settings
from tests.service import wait_until


@contextmanager
def serving(settings: Settings, certificate: tls.Files | None = None) -> Iterator[int]:
    """Its port. What `filmroom serve` gives uvicorn is given here, too."""
    listening = listen("127.0.0.1", 0)
    config = uvicorn.Config(
        partial(create, settings),
        factory=True,
        http=partial(Connection, bounds=Bounds(settings.connections, settings.client_patience)),  # type: ignore[arg-type]
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        ssl_context_factory=partial(tls.factory, files=certificate) if certificate else None,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    wait_until(lambda: server.started or not thread.is_alive())
    assert server.started, "it could not start; the log says why"
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def settings(folder: Path, **given: Any) -> Settings:
    """Settings for it."""
    return Settings(data=folder / "data", codec_processes=1, log_format="json", **given)
