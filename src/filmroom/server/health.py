"""Health Check: whether the index answers and the blob store and the spool folder can be written, in time."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from filmroom.archive import Archive
from filmroom.services import health as service
from filmroom.services.health import Part

PATIENCE = 10.0  # seconds that a check waits for the parts


class Tries:
    """Has the parts tried side by side, each in a thread of its own and by one try at a time.

    A disk or a database that stands still gives no error; who tries it waits for as long. That must cost neither a
    thread of those that requests need nor one more with each check.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._threads = ThreadPoolExecutor(len(service.PROBES), thread_name_prefix="health")
        self._begun: dict[str, asyncio.Future[Part]] = {}

    async def report(self) -> list[Part]:
        """How each part is. What is still tried for an earlier check is not tried once more, but waited for."""
        for name in service.PROBES:
            if name not in self._begun or self._begun[name].done():
                task = self._threads.submit(service.check, self._archive, name)
                self._begun[name] = asyncio.wrap_future(task)
        tries = dict(self._begun)
        await asyncio.wait(tries.values(), timeout=PATIENCE)
        return [one.result() if one.done() else Part(name, False, "It does not answer.") for name, one in tries.items()]

    def close(self) -> None:
        """Wait for what is tried and end the threads."""
        self._threads.shutdown()


async def check(request: Request) -> Response:
    """`GET /health/check`: 200 if all is well, 503 if not, in the Azure service's JSON form."""
    request.scope["handler"], request.scope["template"] = "health", "/health/check"
    report = await request.state.tries.report()
    healthy = all(part.healthy for part in report)
    details = [
        {
            "name": part.name,
            "status": "Healthy" if part.healthy else "Unhealthy",
            "description": part.description,
        }
        for part in report
    ]
    body = {"overallStatus": "Healthy" if healthy else "Unhealthy", "details": details}
    return JSONResponse(body, 200 if healthy else 503)
