"""Numbers that go up and down, looked at each second: they cost requests nothing, and a scrape hears of all workers."""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from filmroom import metric_files, metrics
from filmroom.archive import Archive
from filmroom.server.traffic import Traffic
from filmroom.server.work import Work

EVERY = 1.0  # seconds


class Sampler:
    """Looks at what one web worker has under way."""

    def __init__(self, traffic: Traffic, work: Work, archive: Archive) -> None:
        place = metric_files.place()
        index, pool = archive.index, archive.pool
        self._memory = metrics.process_resident_memory_bytes.labels(place)
        self._looks: list[tuple[Callable[[float], None], Callable[[], float]]] = [
            (metrics.http_requests_in_flight.set, lambda: traffic.in_flight),
            (metrics.threads_busy.set, lambda: work.busy),
            (metrics.threads_waiting.set, lambda: work.waiting),
            (metrics.index_connections_busy.set, lambda: index.busy),
            (metrics.codec_processes_busy.set, lambda: pool.busy),
        ]
        metrics.process_start_time_seconds.labels(place).set(time.time())
        metrics.threads.set(work.threads)
        metrics.index_connections.set(index.connections)
        metrics.codec_processes.set(pool.processes)

    def look(self) -> None:
        """Write down how it is now."""
        for tell, look in self._looks:
            tell(look())
        with suppress(OSError):  # there is no such file but on Linux
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self._memory.set(pages * os.sysconf("SC_PAGE_SIZE"))

    async def go_on(self) -> None:
        """Look again and again. By how much it comes too late, every request does."""
        while True:
            self.look()
            due = time.monotonic() + EVERY
            await asyncio.sleep(EVERY)
            metrics.event_loop_delay_seconds.set(max(time.monotonic() - due, 0.0))
