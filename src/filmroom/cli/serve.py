"""`filmroom serve`: start the service, and say what can be opened and tried."""

import errno
import os
import shutil
import socket
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import uvicorn
from pydantic import ValidationError
from uvicorn.supervisors import Multiprocess

from filmroom.archive import Archive
from filmroom.errors import Unavailable
from filmroom.settings import FILE_VARIABLE, Settings

LISTENS = "Filmroom listens on "  # programs that start a service wait for this line
APPLICATION = "filmroom.server.app:create"
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
BACKLOG = 2048
BAD_SETTING, NO_DATA, PORT_IN_USE = 2, 3, 4  # exit codes


def _help(name: str) -> str:
    return f"{Settings.model_fields[name].description} [env: FILMROOM_{name.upper()}]"


def serve(
    host: Annotated[str | None, typer.Option(help=_help("host"))] = None,
    port: Annotated[int | None, typer.Option(help=_help("port"))] = None,
    data: Annotated[Path | None, typer.Option(help=_help("data"))] = None,
    workers: Annotated[int | None, typer.Option(help=_help("workers"))] = None,
    public_url: Annotated[str | None, typer.Option(help=_help("public_url"))] = None,
    threads: Annotated[int | None, typer.Option(help=_help("threads"))] = None,
    codec_processes: Annotated[int | None, typer.Option(help=_help("codec_processes"))] = None,
    codec_timeout: Annotated[float | None, typer.Option(help=_help("codec_timeout"))] = None,
    part_limit: Annotated[int | None, typer.Option(help=_help("part_limit"))] = None,
    memory_per_request: Annotated[int | None, typer.Option(help=_help("memory_per_request"))] = None,
    log_format: Annotated[str | None, typer.Option(help=_help("log_format"))] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with the same settings. [env: FILMROOM_CONFIG]")
    ] = None,
) -> None:
    """Start the service; Ctrl-C ends it.

    Flags win over FILMROOM_* variables, these over the TOML file, that over the default.

    Example: filmroom serve --data /srv/images --workers 2
    """
    flags = {name: value for name, value in locals().items() if name != "config" and value is not None}
    settings = _settings(flags, config)
    _prepare(settings)
    listening = _bind(settings)
    url = _url(listening)
    print(f"{LISTENS}{url}", flush=True)  # noqa: T201
    _welcome(settings, url)
    _run(settings, listening)


def _settings(flags: dict[str, Any], config: Path | None) -> Settings:
    if config is not None:
        if not config.is_file():
            _stop(f"There is no settings file at {config}.", BAD_SETTING)
        os.environ[FILE_VARIABLE] = str(config)
    try:
        return Settings(**flags)
    except ValidationError as error:
        wrong = "\n".join(f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        _stop(f"A setting is not valid.\n{wrong}", BAD_SETTING)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        _stop(f"The settings file is not TOML: {error}", BAD_SETTING)


def _prepare(settings: Settings) -> None:
    """Open the archive once before any worker does: it makes what is new, and tells here what is wrong."""
    try:
        Archive.open(settings).close()
    except (Unavailable, OSError) as error:
        _stop(f"The data in {settings.data.absolute()} can't be opened: {error}", NO_DATA)


_HINTS = {
    errno.EADDRINUSE: "Another program uses it: name another --port, or 0 for a free one.",
    errno.EACCES: "Only the administrator may use it: name a --port above 1023.",
}


def _bind(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        hint = _HINTS.get(error.errno or 0, "Name an address of this machine as --host.")
        _stop(f"Can't listen on {settings.host}:{settings.port}: {error.strerror}. {hint}", PORT_IN_USE)
    listening.listen(BACKLOG)
    listening.set_inheritable(True)
    return listening


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _welcome(settings: Settings, url: str) -> None:
    """What can be opened and tried, on standard error: standard output is for programs."""
    lines = [
        f"  DICOMweb             {url}/dicomweb    viewers and clients of the Standard",
        f"  Azure DICOM service  {url}/v2  /v1     programs written for it",
        f"  Health               {url}/health/check",
        f"  Data                 {settings.data.absolute()}",
        "",
        "Try it in another terminal:",
        f"  {_program()} samples samples",
        f"  curl -H 'Content-Type: application/dicom' --data-binary @samples/blue-circle.dcm {url}/dicomweb/studies",
        f"  curl {url}/dicomweb/studies",
    ]
    if settings.host not in LOOPBACK:
        lines += ["", "There is no authentication: whoever reaches this address can read and delete everything."]
    typer.echo("\n".join([*lines, "", "Ctrl-C ends it."]), err=True)


def _program() -> str:
    """How this program can be called in another terminal."""
    if shutil.which("filmroom"):
        return "filmroom"
    return os.path.relpath(sys.argv[0]) if os.access(sys.argv[0], os.X_OK) else f"{sys.executable} -m filmroom"


def _run(settings: Settings, listening: socket.socket) -> None:
    os.environ.update(settings.environment())  # how worker processes, started afresh, learn the settings
    config = uvicorn.Config(
        APPLICATION,
        factory=True,
        workers=settings.workers,
        access_log=False,  # it would write UIDs and names; server/journal.py writes its own
        log_level="warning",
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=30,
    )
    if settings.workers == 1:
        uvicorn.Server(config).run(sockets=[listening])
    else:
        Multiprocess(config, sockets=[listening]).run()


def _stop(message: str, code: int) -> NoReturn:
    typer.echo(f"filmroom serve: {message}", err=True)
    raise typer.Exit(code)
