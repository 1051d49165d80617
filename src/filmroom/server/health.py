"""Health: whether the parts of the archive answer (check, ready), and whether this process does (live)."""

import threading
from collections.abc import Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from filmroom.archive import Archive
from filmroom.server.tries import Tries
from filmroom.services import health as service
from filmroom.services.health import Part

PATIENCE = 10.0  # seconds that a check waits for the parts
READY_PATIENCE = 2.0  # who balances load asks every few seconds, and takes no answer for a bad one
FRESH = 1.0  # seconds for which it is known how all is: a flood of questions costs no more than one

ending = threading.Event()  # this process was asked to end; set by who hears the signal


class Health:
    """The tries of one archive."""

    def __init__(self, archive: Archive) -> None:
        self._check = Tries(_probes(archive, service.PROBES), FRESH)
        self._ready = Tries(_probes(archive, service.LOOKS), FRESH)

    async def report(self) -> list[Part]:
        """How each part is, by writing something to it."""
        return _parts(await self._check.results(PATIENCE))

    async def ready(self) -> list[Part]:
        """How each part is that requests need, by reading something."""
        process = Part("process", not ending.is_set(), "It is about to end." if ending.is_set() else "It answers.")
        return [process, *_parts(await self._ready.results(READY_PATIENCE))]

    def close(self) -> None:
        """Wait for what is tried."""
        self._check.close()
        self._ready.close()


def _probes(archive: Archive, names: Mapping[str, service.Probe]) -> dict[str, partial[Part]]:
    return {name: partial(service.check, archive, name, probe) for name, probe in names.items()}


def _parts(told: Mapping[str, Part | None]) -> list[Part]:
    return [part or Part(name, False, "It does not answer.") for name, part in told.items()]


async def check(request: Request) -> Response:
    """`GET /health/check`: 200 if all is well, 503 if not, in the Azure service's JSON form."""
    request.scope["handler"], request.scope["template"] = "health", "/health/check"
    report = await request.state.health.report()
    return _answer(report, {"overallStatus": "Healthy" if _well(report) else "Unhealthy"})


async def ready(request: Request) -> Response:
    """`GET /health/ready`: 200 if requests can be answered, 503 if not, also when the process is about to end."""
    request.scope["handler"], request.scope["template"] = "ready", "/health/ready"
    report = await request.state.health.ready()
    answer = _answer(report, {"ready": _well(report)})
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def live(request: Request) -> Response:
    """`GET /health/live`: 200, for this process answers. It touches nothing: a new start would heal no disk."""
    request.scope["handler"], request.scope["template"] = "live", "/health/live"
    return JSONResponse({"live": True})


def _well(report: list[Part]) -> bool:
    return all(part.healthy for part in report)


def _answer(report: list[Part], verdict: dict[str, object]) -> Response:
    details = [
        {"name": part.name, "status": "Healthy" if part.healthy else "Unhealthy", "description": part.description}
        for part in report
    ]
    return JSONResponse(verdict | {"details": details}, 200 if _well(report) else 503)
