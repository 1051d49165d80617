"""`GET /metrics` for Prometheus: what all processes of the service counted, and what index and disk say at the moment.

A scrape never waits for long: what an index or a disk that stands still would say is left out.
"""

import platform
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily
from starlette.requests import Request
from starlette.responses import Response

from filmroom import __version__, metrics
from filmroom.archive import Archive
from filmroom.audit import sender
from filmroom.errors import Unavailable
from filmroom.server import tls
from filmroom.server.sampling import Sampler
from filmroom.server.tries import Tries
from filmroom.services import delete, operations, webhooks
from filmroom.services.operations import State

PATIENCE = 2.0  # seconds; Prometheus waits for 10

# What is looked at only when somebody asks, beside what `filmroom.metrics` has: a text, and the labels.
GAUGES: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "build_info": ("What runs.", ("version", "python")),
        "ready": ("Whether the worker that was asked is ready, as /health/ready says.", ()),
        "data_size_bytes": ("Size of the disk of the data folder.", ()),
        "data_free_bytes": ("What is free on the disk of the data folder.", ()),
        "tls_certificate_end_timestamp_seconds": ("Until when the TLS certificate is good.", ()),
        "audit_syslog_behind_seconds": ("For how long the oldest line that was not sent has waited.", ()),
        "webhook_behind_events": ("Changes that the webhook was not told of.", ("webhook",)),
        "webhook_behind_seconds": ("For how long the oldest of these has waited.", ("webhook",)),
        "webhook_failures": ("Tries to tell the webhook that failed since one did not.", ("webhook",)),
        "webhook_disabled": ("Whether its receiver wants no more.", ("webhook",)),
        "operations": ("Long operations that are known of, by their state.", ("operation", "state")),
        "operations_oldest_waiting_seconds": ("For how long the oldest that nobody has begun has waited.", ()),
        "operation_silent_seconds": ("Since a running operation was heard of.", ("operation",)),
        "operation_progress_ratio": ("How far a running operation is, from 0 to 1.", ("operation",)),
        "sweep_interval_seconds": ("Between two sweeps of the service; 0: it makes none.", ()),
        "sweep_last_start_timestamp_seconds": ("When the last sweep was started.", ()),
    }
)


@dataclass(frozen=True, slots=True)
class Watched:
    """What of the settings is told of. What is off is None."""

    folder: Path  # of the data
    sweep_every: float  # seconds
    webhooks: Sequence[str] = ()  # their names
    sent_trail: Path | None = None  # the folder of an audit trail that goes to a syslog receiver
    certificate: Path | None = None


class Exposition:
    """What one web worker answers a scrape with."""

    def __init__(self, archive: Archive, sampler: Sampler, watched: Watched) -> None:
        self._archive, self._sampler, self._watched = archive, sampler, watched
        looks = {
            "operations": self._operations,
            "webhooks": self._webhooks,
            "disk": self._disk,
            "trail": self._trail,
            "certificate": self._certificate,
        }
        self._tries: Tries[list[Metric]] = Tries(looks)
        self._reading = Tries({"numbers": lambda: list(metrics.collector().collect())})

    async def metrics(self, ready: bool) -> list[Metric]:
        """All of them. `ready`: whether this worker can serve."""
        self._sampler.look()
        looked = await self._tries.results(PATIENCE)
        read = await self._reading.results(PATIENCE)
        now = [
            _gauge("build_info", [((__version__, platform.python_version()), 1)]),
            _gauge("ready", [((), float(ready))]),
            _gauge("sweep_interval_seconds", [((), self._watched.sweep_every)]),
        ]
        return [*now, *(one for some in (*looked.values(), *read.values()) for one in some or ())]

    def close(self) -> None:
        """Wait for what is looked at."""
        self._tries.close()
        self._reading.close()

    def _disk(self) -> list[Metric]:
        try:
            usage = shutil.disk_usage(self._watched.folder)
        except OSError:
            return []
        return [_gauge("data_size_bytes", [((), usage.total)]), _gauge("data_free_bytes", [((), usage.free)])]

    def _trail(self) -> list[Metric]:
        behind = []
        if self._watched.sent_trail is not None:
            with suppress(OSError):
                since = sender.waiting_since(self._watched.sent_trail)
                behind = [((), 0.0 if since is None else max(time.time() - since, 0.0))]
        return [_gauge("audit_syslog_behind_seconds", behind)]

    def _certificate(self) -> list[Metric]:
        end = []
        if self._watched.certificate is not None:
            with suppress(OSError, ValueError):
                end = [((), tls.ends(self._watched.certificate))]
        return [_gauge("tls_certificate_end_timestamp_seconds", end)]

    def _webhooks(self) -> list[Metric]:
        try:
            found = webhooks.standings(self._archive, self._watched.webhooks)
        except Unavailable:
            return []
        return list(_of_webhooks(found, time.time()))

    def _operations(self) -> list[Metric]:
        try:
            found = operations.count(self._archive)
        except Unavailable:
            return []
        return list(_of_operations(found, time.time()))


def _of_operations(found: Iterable[operations.Count], now: float) -> Iterator[Metric]:
    told = {(one.name, one.state): one for one in found}
    names = operations.FUNCTIONS.keys() | {name for name, _ in told}
    counts = [((n, s), float(told[n, s].count) if (n, s) in told else 0.0) for n in sorted(names) for s in State]
    waiting = [one for one in told.values() if one.state is State.NOT_STARTED]
    running = [one for one in told.values() if one.state is State.RUNNING]
    yield _gauge("operations", counts)
    oldest = max((now - one.first_created for one in waiting), default=0.0)
    yield _gauge("operations_oldest_waiting_seconds", [((), max(oldest, 0.0))])
    yield _gauge("operation_silent_seconds", [((one.name,), max(now - one.updated, 0.0)) for one in running])
    yield _gauge("operation_progress_ratio", [((one.name,), (one.percent or 0) / 100) for one in running])
    started = [one.last_created for one in told.values() if one.name == delete.SWEEP]
    yield _gauge("sweep_last_start_timestamp_seconds", [((), max(started))] if started else [])


def _of_webhooks(found: Iterable[webhooks.Standing], now: float) -> Iterator[Metric]:
    known = [((one.name,), one, one.progress) for one in found]
    yield _gauge("webhook_behind_events", [(name, one.behind) for name, one, _ in known])
    waits = [(name, one.waiting_since) for name, one, _ in known]
    yield _gauge("webhook_behind_seconds", [(name, 0.0 if at is None else max(now - at, 0.0)) for name, at in waits])
    yield _gauge("webhook_failures", [(name, progress.failures if progress else 0) for name, _, progress in known])
    yield _gauge("webhook_disabled", [(name, bool(progress and progress.disabled)) for name, _, progress in known])


def _gauge(name: str, samples: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    text, labels = GAUGES[name]
    family = GaugeMetricFamily(f"filmroom_{name}", text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


@dataclass(frozen=True, slots=True)
class _Collected:
    """What an encoder takes for a registry."""

    metrics: list[Metric]

    def collect(self) -> list[Metric]:
        return self.metrics


async def answer(request: Request) -> Response:
    """`GET /metrics`, in the form that is asked for: OpenMetrics, or Prometheus's own."""
    request.scope["handler"], request.scope["template"] = "metrics", "/metrics"
    state: Any = request.state
    ready = all(part.healthy for part in await state.health.ready())
    metrics = await state.exposition.metrics(ready)
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(_Collected(metrics)), headers={"Content-Type": media_type, "Cache-Control": "no-store"})
