"""`filmroom serve`: start the service, and say what can be opened and tried."""

import errno
import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
import uvicorn

# Before numpy is imported, whose own threads no process that is forked from this one would have (decision 31).
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from filmroom import metric_files, socket_folder
from filmroom.archive import Archive
from filmroom.cli import beside as beside_them
from filmroom.cli import configuration, processes
from filmroom.cli import workers as web_workers
from filmroom.cli.exits import BAD_SETTING, ENDED, NO_DATA, PORT_IN_USE, stop
from filmroom.cli.noted import noted
from filmroom.errors import Unavailable
from filmroom.server import journal, tls
from filmroom.server.connections import Bounds, Connection
from filmroom.services import partitions as data_partitions
from filmroom.services import views
from filmroom.setting_values import is_here
from filmroom.settings import Settings

LISTENS = "Filmroom listens on "  # programs that start a service wait for this line
APPLICATION = "filmroom.server.app:create"
_DEFAULTS = {  # where it is no plain value
    "workers": "cores, at most 4",
    "codec_processes": "cores, at most 4",
    "index": "SQLite in the data folder",
    "blobs": "the folder blobs in the data folder",
    "public_url": "none",
    "issuer": "none",
    "audience": "none",
    "tokens": "tokens.json in the data folder, if it is there",
    "export_to": "none",
    "import_from": "none",
    "cors_origins": "none",
    "tls_certificate": "none: http",
    "tls_key": "in the file of the certificate",
}


def _option(name: str, metavar: str | None = None) -> Any:
    field = Settings.model_fields[name]
    default = _DEFAULTS.get(name) or str(field.default)
    text = f"{field.description} [env: FILMROOM_{name.upper()}]"
    return typer.Option(help=text, metavar=metavar, show_default=default)


def serve(
    host: Annotated[str | None, _option("host")] = None,
    port: Annotated[int | None, _option("port")] = None,
    insecure: Annotated[bool | None, _option("insecure")] = None,
    issuer: Annotated[str | None, _option("issuer", "URL")] = None,
    audience: Annotated[str | None, _option("audience", "TEXT")] = None,
    tokens: Annotated[str | None, _option("tokens", "FILE")] = None,
    data: Annotated[str | None, _option("data", "FOLDER")] = None,
    index: Annotated[str | None, _option("index", "URL")] = None,
    blobs: Annotated[str | None, _option("blobs", "URL")] = None,
    workers: Annotated[int | None, _option("workers")] = None,
    partitions: Annotated[bool | None, _option("partitions")] = None,
    public_url: Annotated[str | None, _option("public_url", "URL")] = None,
    cors_origins: Annotated[str | None, _option("cors_origins", "ORIGINS")] = None,
    tls_certificate: Annotated[str | None, _option("tls_certificate", "FILE")] = None,
    tls_key: Annotated[str | None, _option("tls_key", "FILE")] = None,
    threads: Annotated[int | None, _option("threads")] = None,
    codec_processes: Annotated[int | None, _option("codec_processes")] = None,
    codec_timeout: Annotated[float | None, _option("codec_timeout")] = None,
    part_limit: Annotated[int | None, _option("part_limit")] = None,
    memory_per_request: Annotated[int | None, _option("memory_per_request")] = None,
    rendered_cache: Annotated[int | None, _option("rendered_cache")] = None,
    export_to: Annotated[str | None, _option("export_to", "URLS")] = None,
    import_from: Annotated[str | None, _option("import_from", "URLS")] = None,
    sweep_every: Annotated[float | None, _option("sweep_every")] = None,
    operations_worker: Annotated[bool | None, _option("operations_worker")] = None,
    operation_retention: Annotated[float | None, _option("operation_retention")] = None,
    log_format: Annotated[str | None, _option("log_format", "auto|pretty|json")] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="TOML file with the same settings. [env: FILMROOM_CONFIG]",
            metavar="FILE",
            show_default="filmroom.toml, if it is there",
        ),
    ] = None,
) -> None:
    """Start the service; Ctrl-C ends it.

    Flags win over FILMROOM_* variables, these over the TOML file, that over the default.

    Example: filmroom serve --data /srv/images --workers 2
    """
    flags = {name: value for name, value in locals().items() if name != "config"}
    settings = _settings(flags, config)
    _check_exposure(settings)
    _check_roles(settings)
    configuration.keep_private()
    certificate = _certificate(settings)
    _prepare(settings)
    listening = _listen(settings)
    url = configuration.local_url(settings, *listening.getsockname()[:2])
    _hear_signals()
    print(f"{LISTENS}{url}", flush=True)  # noqa: T201
    _welcome(settings, url)
    try:
        _run(settings, listening, certificate)
    except Unavailable as error:
        stop(str(error), NO_DATA)


def _hear_signals() -> None:
    for number in ENDED:
        signal.signal(number, _end)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` has it
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))


def _settings(flags: dict[str, Any], config: Path | None) -> Settings:
    try:
        return configuration.read(flags, config).at_start()
    except configuration.BadSettings as error:
        stop(str(error), BAD_SETTING)


def _check_exposure(settings: Settings) -> None:
    """Patients' images, and whoever reaches the address could read and delete them: only on purpose."""
    if is_here(settings.host) or settings.insecure or settings.authenticates:
        return
    stop(
        f"It won't listen on {settings.host} without authentication: whoever reaches that address could read and "
        "delete everything. Make a token (`filmroom token create --name me --role admin`), or name an identity "
        "provider (--issuer); or say --insecure if all who can reach it may do everything. The default, 127.0.0.1, "
        "is reached from this machine alone.",
        BAD_SETTING,
    )


def _check_roles(settings: Settings) -> None:
    """What no role can show is told here, and not to its holders."""
    faults = [*views.faults(settings.roles, settings.profile_names)]
    if faults:
        stop(f"The setting roles can't be heeded: {'; '.join(faults)}.", BAD_SETTING)


def _certificate(settings: Settings) -> tls.Files | None:
    """The files of TLS, if it is wanted; what is wrong with them is told here and not by every worker."""
    if settings.tls_certificate is None:
        return None
    files = tls.Files(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
    try:
        files.context()
    except Unavailable as error:
        stop(str(error), BAD_SETTING)
    return files


def _prepare(settings: Settings) -> None:
    """Open the archive once before any worker does: it makes what is new, and tells here what is wrong.

    So with the folder of sockets of codec processes: workers, who inherit it, are ended by a signal and remove nothing.
    """
    try:
        socket_folder.make()
    except Unavailable as error:
        stop(str(error), NO_DATA)
    wrong = processes.apart(_unusable, settings)
    if wrong is not None:
        stop(f"The data folder {settings.data.absolute()}{_where(settings)} can't be used. {wrong}", NO_DATA)


def _unusable(settings: Settings) -> str | None:
    """Why the archive can't be used, if it can't."""
    try:
        archive = Archive.open(settings)
        try:
            data_partitions.check(archive, in_use=settings.partitions)
        finally:
            archive.close()
    except Unavailable as error:
        return str(error)
    return None


def _where(settings: Settings) -> str:
    """Where index and files are, if not in the data folder. The URL of the index may hold a password: none is shown."""
    places = ["its index in PostgreSQL"] if settings.index else []
    places += [f"its files in {settings.blobs}"] if settings.blobs else []
    return f" with {' and '.join(places)}" if places else ""


_HINTS = {
    errno.EADDRINUSE: "Another program uses it: name another --port, or 0 for a free one.",
    errno.EACCES: "Only the administrator may use it: name a --port above 1023.",
}


def _listen(settings: Settings) -> socket.socket:
    try:
        return web_workers.listen(settings.host, settings.port)
    except (OSError, UnicodeError) as error:  # the latter: no name that could be looked up
        code, reason = (error.errno, error.strerror) if isinstance(error, OSError) else (None, "that is no name")
        hint = _HINTS.get(code or 0, "Name an address of this machine as --host.")
        stop(f"Can't listen on {settings.host}:{settings.port}: {reason}. {hint}", PORT_IN_USE)


def _welcome(settings: Settings, url: str) -> None:
    """What can be opened and tried, on standard error: standard output is for programs."""
    root = f"{url}/dicomweb{'/partitions/demo' if settings.partitions else ''}"
    token = '-H "Authorization: Bearer $FILMROOM_TOKEN" ' if settings.authenticates else ""
    lines = [
        f"  DICOMweb             {url}/dicomweb    viewers and clients of the Standard",
        f"  Azure DICOM service  {url}/v2  /v1     programs written for it",
        f"  Health               {url}/health/check",
        f"  Data                 {settings.data.resolve()}{_where(settings)}",
        "",
        "Try it in another terminal:",
        f"  {_program()} samples samples",
        f"  curl {token}-H 'Content-Type: application/dicom' --data-binary @samples/blue-circle.dcm {root}/studies",
        f"  curl {token}{root}/studies",
    ]
    if settings.host in configuration.ANY_ADDRESS:
        lines += ["", "Other machines use the name or an address of this machine in place of the one above."]
    if settings.authenticates:
        lines += ["", f"Who asks has to send a token: {_where_from(settings)}."]
        if settings.in_the_clear:
            lines += [
                "It goes unencrypted over the network, as images do: whoever is on the way can read and use it. Name a",
                "--tls-certificate; or have a proxy with TLS before it, and set public_url and proxies.",
            ]
    elif not is_here(settings.host):
        lines += ["", "There is no authentication: whoever reaches this address can read and delete everything."]
    typer.echo("\n".join([*lines, "", "Ctrl-C ends it."]), err=True)


def _where_from(settings: Settings) -> str:
    sources = [f"of {settings.issuer}"] if settings.issuer else []
    if settings.tokens:
        sources.append("made by `filmroom token create`")
    return ", or one ".join(sources)


def _program() -> str:
    """How this program can be called in another terminal."""
    if shutil.which("filmroom"):
        return "filmroom"
    return os.path.relpath(sys.argv[0]) if os.access(sys.argv[0], os.X_OK) else f"{sys.executable} -m filmroom"


def _run(settings: Settings, listening: socket.socket, certificate: tls.Files | None) -> None:
    os.environ.update(settings.environment())  # from where the processes of the service read them
    config = uvicorn.Config(
        APPLICATION,
        factory=True,
        http=partial(Connection, bounds=Bounds(settings.connections, settings.client_patience)),  # type: ignore[arg-type]
        ws="none",
        log_config=journal.logging_config(settings.log_format, settings.log_level),
        access_log=False,  # it would write UIDs and names; server/journal.py writes its own
        proxy_headers=bool(settings.proxies),  # of nobody else they are believed; `public_url` says what clients see
        forwarded_allow_ips=list(settings.proxies),
        ssl_context_factory=partial(tls.factory, files=certificate) if certificate else None,
        loop=f"{tls.__name__}:{tls.Loop.__name__}" if certificate else "auto",
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=30,
    )
    processes.load(_needed(settings))
    with ExitStack() as stack:
        stack.enter_context(noted(settings))
        numbers = _numbers(settings, stack) if settings.metrics else None
        workers = web_workers.places(config, listening, settings.workers, numbers, settings.drain)
        beside = [beside_them.place(numbers)] if settings.operations_worker else []
        processes.run([*workers, *beside], web_workers.hopeless(workers))


def _needed(settings: Settings) -> Iterator[str]:
    """The modules that the processes of the service need, and this one does not."""
    yield from (APPLICATION.partition(":")[0], "filmroom.cli.worker", "uvloop")
    yield "psycopg" if settings.index else "sqlalchemy.dialects.sqlite.pysqlite"
    if settings.issuer:
        yield "filmroom.server.identity"
    if settings.tls_certificate:
        yield "cryptography.x509"


def _numbers(settings: Settings, stack: ExitStack) -> Path:
    """Where all processes of the service count together."""
    places = [*map(web_workers.place_of, range(settings.workers)), beside_them.OPERATIONS]
    try:
        return stack.enter_context(metric_files.folder(places))
    except Unavailable as error:
        stop(str(error), NO_DATA)


def _end(number: int, _: FrameType | None = None) -> NoReturn:
    """Uvicorn ends what is under way, and then raises the signal again as if it had not been there."""
    raise SystemExit(ENDED[signal.Signals(number)])
