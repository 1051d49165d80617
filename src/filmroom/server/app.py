"""The ASGI application: the roots with their dialects, and the pages beside them."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from filmroom import __version__
from filmroom.archive import Archive
from filmroom.errors import Unavailable
from filmroom.server import errors, health, journal, openapi
from filmroom.server.authentication import Authority, Gate
from filmroom.server.identity import Provider
from filmroom.server.paths import in_any_case
from filmroom.server.roots import Roots
from filmroom.server.work import Work
from filmroom.services import partitions
from filmroom.settings import Settings
from filmroom.tokens import Tokens

COLLECTED_AFTER = 20_000  # objects made; a data set has thousands, and hardly any that only the collector can free

_INDEX = f"""Filmroom {__version__}, a DICOMweb service.

/dicomweb       DICOMweb as the Standard has it (PS3.18)
/v2, /v1        DICOMweb as the Azure DICOM service has it
/health/check   whether all parts of the service are well
/openapi.json   all paths, methods, parameters and media types, for programs
"""


def create(settings: Settings | None = None) -> ASGIApp:
    """The application on one archive. Without `settings` they come from the environment, as in a worker process."""
    settings = settings or Settings()
    journal.configure(settings.log_format)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        work = Work(settings.threads)
        archive = await work.run(Archive.open, settings)
        try:
            await work.run(partitions.check, archive, in_use=settings.partitions)
        except Unavailable:
            archive.close()
            raise
        gc.freeze()  # what is here now stays: the collector need not look at it again and again
        gc.set_threshold(COLLECTED_AFTER)
        tries = health.Tries(archive)
        try:
            yield {"archive": archive, "work": work, "tries": tries, "settings": settings}
        finally:
            work.close()  # first: what runs needs the archive
            tries.close()
            archive.close()

    healths = [in_any_case(Route(path, health.check)) for path in ("/health/check", "/health")]
    routes = [Route("/", _index), Route("/openapi.json", _openapi), *healths]
    app = Starlette(routes=routes, exception_handlers=errors.HANDLERS, lifespan=lifespan)
    app.router.default = Gate(Roots(partitions=settings.partitions), _authority(settings))
    app.router.redirect_slashes = False
    return journal.Journal(app)


def _authority(settings: Settings) -> Authority:
    """Whom to believe. An option that is off is None, and a file of tokens counts if it is there at the start."""
    provider = None
    if settings.issuer:
        provider = Provider(settings.issuer, settings.audience, settings.algorithms, settings.clock_skew)
    tokens = Tokens(settings.tokens_file) if settings.tokens or settings.tokens_file.exists() else None
    return Authority(
        provider, tokens, settings.grants, settings.roles_claim, settings.name_claim, settings.default_role
    )


async def _index(request: Request) -> Response:
    return PlainTextResponse(_INDEX)


async def _openapi(request: Request) -> Response:
    return JSONResponse(_document(request.state.settings.partitions))


@cache
def _document(partitions: bool) -> dict[str, Any]:
    return openapi.document(partitions=partitions)
