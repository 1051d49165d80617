"""The ASGI application: the roots with their dialects, and the pages beside them."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import cache
from importlib import import_module
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from filmroom import __version__, tracing
from filmroom.access import Action, Roles
from filmroom.archive import Archive, audit_places, audit_sender
from filmroom.server import browsers, errors, events, exposition, health, journal, openapi, sites
from filmroom.server.allowance import Allowance, Limits
from filmroom.server.audit import Audited
from filmroom.server.authentication import Authority, Gate, only_for
from filmroom.server.exposition import Exposition, Watched
from filmroom.server.paths import in_any_case
from filmroom.server.roots import Roots
from filmroom.server.routes import by_depth
from filmroom.server.sampling import Sampler
from filmroom.server.sites import Sites
from filmroom.server.traced import Traced
from filmroom.server.traffic import Traffic
from filmroom.server.work import Work
from filmroom.services import partitions
from filmroom.settings import Settings

COLLECTED_AFTER = 20_000  # objects made; a data set has thousands, and hardly any that only the collector can free

_INDEX = f"""Filmroom {__version__}, a DICOMweb service.

/dicomweb       DICOMweb as the Standard has it (PS3.18)
/v2, /v1        DICOMweb as the Azure DICOM service has it
/health/check   whether all parts of the service are well; /health/ready and /health/live for who balances load
/metrics        what is counted and measured, for Prometheus
/openapi.json   all paths, methods, parameters and media types, for programs
"""


def create(settings: Settings | None = None) -> ASGIApp:
    """The application on one archive. Without `settings` they come from the environment, as in a worker process."""
    settings = settings or Settings()
    journal.configure(settings.log_format, settings.log_level)
    traced, traffic = tracing.start(settings.otlp_endpoint), Traffic()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        authority = _authority(settings)
        work = Work(settings.threads)
        with ExitStack() as undone:
            undone.callback(work.close)
            archive = await work.run(Archive.open, settings)
            undone.callback(archive.close)
            await work.run(partitions.check, archive, in_use=settings.partitions)
            undone.pop_all()
        gc.freeze()  # what is here now stays: the collector need not look at it again and again
        gc.set_threshold(COLLECTED_AFTER)
        healths, sampler = health.Health(archive), Sampler(traffic, work, archive)
        exposed = Exposition(archive, sampler, _watched_by_scrapes(settings))
        sampling = asyncio.create_task(sampler.go_on())
        feed = events.Feed(archive, work)
        await authority.begin()
        state = {"archive": archive, "work": work, "health": healths, "exposition": exposed, "events": feed}
        try:
            with audit_sender(settings):
                yield state | {"settings": settings, "authority": authority}
        finally:
            sampling.cancel()
            feed.close()
            work.close()  # first: what runs needs the archive
            authority.close()
            exposed.close()
            healths.close()
            archive.close()
            if traced is not None:
                await asyncio.to_thread(traced)

    app = Starlette(exception_handlers=errors.HANDLERS, lifespan=lifespan)
    app.router.redirect_slashes = False
    app.router.default = by_depth(_beside(settings), Gate(Roots(partitions=settings.partitions)))
    return journal.Journal(_guarded(_watched(app, settings, traced=traced is not None), settings), traffic)


_HEALTH: Sequence[tuple[str, Callable[[Request], Awaitable[Response]]]] = (
    ("/health/check", health.check),
    ("/health", health.check),
    ("/health/ready", health.ready),
    ("/health/live", health.live),
)


def _beside(settings: Settings) -> list[Route]:
    """What is beside the roots."""
    routes = [Route("/", _index), Route("/openapi.json", _openapi)]
    routes += [in_any_case(Route(*one)) for one in _HEALTH]
    if settings.metrics:
        routes.append(Route("/metrics", only_for(Action.METRICS, exposition.answer)))
    return routes


def _watched(app: ASGIApp, settings: Settings, *, traced: bool) -> ASGIApp:
    """What looks at who asks for what, from the inside out."""
    known = None if settings.authenticates else sites.known(settings.host, settings.public_url, settings.hosts)
    app = Sites(app, known, settings.cors_origins, settings.public_url)
    limits = Limits(
        settings.requests_at_once,
        settings.requests_per_client,
        settings.requests_per_second,
        settings.bytes_per_client,
        settings.request_limit,
    )
    return Audited(Allowance(Traced(app) if traced else app, limits))  # what a limit refuses is written down, too


def _guarded(app: ASGIApp, settings: Settings) -> ASGIApp:
    """What comes before a request is looked at, from the inside out."""
    https = settings.tls_certificate is not None or (settings.public_url or "").startswith("https:")
    app = browsers.shared(app, settings.cors_origins)  # outside: a page must be able to read a 429
    return browsers.Protected(app, https=https, shared=bool(settings.cors_origins))


def _authority(settings: Settings) -> Authority:
    """Whom to believe. What is off is None; tokens are on where their file is named, whether it is there or not."""
    provider = None
    if settings.issuer:
        identity = import_module("filmroom.server.identity")  # who needs no issuer need not load what reads its tokens
        provider = identity.Provider(settings.issuer, settings.audience, settings.algorithms, settings.clock_skew)
    roles = Roles(settings.grants, settings.default_role)
    return Authority(provider, settings.tokens, roles, settings.roles_claim, settings.name_claim)


def _watched_by_scrapes(settings: Settings) -> Watched:
    sends = settings.audit and settings.audit_syslog is not None
    trail = audit_places(settings)[0] if sends else None
    return Watched(settings.data, settings.sweep_every, list(settings.webhooks), trail, settings.tls_certificate)


async def _index(request: Request) -> Response:
    request.scope["handler"], request.scope["template"] = "index", "/"
    return PlainTextResponse(_INDEX)


async def _openapi(request: Request) -> Response:
    request.scope["handler"], request.scope["template"] = "openapi", "/openapi.json"
    return JSONResponse(_document(request.state.settings.partitions))


@cache
def _document(partitions: bool) -> dict[str, Any]:
    return openapi.document(partitions=partitions)
