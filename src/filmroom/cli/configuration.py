"""The settings of a command, read from its flags, the variables and the file, with plain words for what is wrong."""

import difflib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from filmroom import settings
from filmroom.archive import Archive, is_archive
from filmroom.cli.exits import BAD_SETTING, REFUSED, stop
from filmroom.errors import Unavailable
from filmroom.settings import FILE_VARIABLE, PREFIX, UNSHOWN, Settings

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what one calls to reach it from this machine
_CLIENTS = {"FILMROOM_URL", "FILMROOM_TOKEN", "FILMROOM_PARTITION"}  # not settings of the service (cli/service.py)
_FLAGS = {"sweep_delay": "--delay"}  # where it is not the setting's own name

# What a value must be, by pydantic's name for what is wrong with it. The rest is said in pydantic's words.
_MUST = {
    "int_parsing": "it must be a whole number",
    "int_type": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "float_parsing": "it must be a number",
    "float_type": "it must be a number",
    "finite_number": "it must be a number that is finite",
    "greater_than_equal": "it must be at least {ge}",
    "greater_than": "it must be more than {gt}",
    "less_than_equal": "it must be at most {le}",
    "literal_error": "it must be {expected}",
    "string_type": "it must be text, in quotes",
    "string_too_short": "it must not be empty",
    "too_short": "it must not be empty",
    "missing": "it must be there",
    "extra_forbidden": "there is no such key",
    "string_pattern_mismatch": "it must match {pattern}",
    "path_type": "it must be a path, in quotes",
    "value_error": "{error}",
}
_JSON = (
    f"The variables {PREFIX}BLOBS_OPTIONS, {PREFIX}PLACES_OPTIONS, {PREFIX}ROLES, {PREFIX}DEIDENTIFICATION and "
    f"{PREFIX}WEBHOOKS must hold JSON, "
    '{"region": "eu-central-1"} or {"s3://bucket": {"region": "eu-central-1"}}: one of them does not.'
)

# Flags of the commands that work where the data of a service lies.
Data = Annotated[
    str | None,
    typer.Option(
        help="Folder that the service was given. \\[env: FILMROOM_DATA]",
        metavar="FOLDER",
        show_default="filmroom-data",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        help="TOML file with the settings of the service. \\[env: FILMROOM_CONFIG]",
        metavar="FILE",
        show_default="filmroom.toml, if it is there",
    ),
]


class BadSettings(Exception):
    """A setting is not valid, or the file can't be read. The message says which, and where it came from."""


def read(flags: Mapping[str, Any], config: Path | None, *, warns: bool = True) -> Settings:
    """The settings; `flags` are those that were given (not None), `config` names the file in place of the variable.

    It `warns` of variables that are not known.
    """
    for sentence in unknown_variables() if warns else ():
        typer.echo(f"filmroom: {sentence}", err=True)
    if config is not None:
        os.environ[FILE_VARIABLE] = str(config)
    _check_file()
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise BadSettings("\n".join(_sentence(wrong, given) for wrong in error.errors())) from None
    except SettingsError:  # its words quote what was given
        raise BadSettings(_JSON) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"The settings file {settings.file()} is not TOML: {error}") from None
    except OSError as error:
        raise BadSettings(f"The settings file {settings.file()} can't be read: {error.strerror}.") from None


def given(flags: Mapping[str, Any], config: Path | None, *, private: bool = True) -> Settings:
    """The settings for a command that works on the data; it ends with words for what is wrong with them.

    Unless what it makes is the user's own, it is as `private` as what the service makes.
    """
    if private:
        keep_private()
    try:
        return read(flags, config)
    except BadSettings as error:
        stop(str(error), BAD_SETTING)


def keep_private() -> None:
    """What this process makes is nobody else's to read, whose ever the folder is."""
    os.umask(os.umask(0o077) | 0o007)


def of_service(flags: Mapping[str, Any], config: Path | None, *, private: bool = True) -> Settings:
    """The settings of a service whose data are there; else the command ends."""
    return with_data(given(flags, config, private=private))


def of_index(flags: Mapping[str, Any], config: Path | None) -> Settings:
    """The settings of a service whose index is there; that in PostgreSQL needs no data folder here."""
    found = given(flags, config)
    return found if found.index else with_data(found)


def with_data(found: Settings) -> Settings:
    """The settings, if there are data where they say; else the command ends."""
    if not is_archive(found):
        stop(
            f"There is no data in {found.data.absolute()}: name the folder of the service with --data; "
            "`filmroom serve`, started once, makes a new one.",
            REFUSED,
        )
    return found


def opened(settings: Settings) -> Archive:
    """The archive; if it can't be used, the command ends."""
    try:
        return Archive.open(settings)
    except Unavailable as error:
        stop(f"The data folder {settings.data.absolute()} can't be used. {error}", REFUSED)


def base_url(settings: Settings) -> str:
    """The URL of the service, without a slash at its end, as clients see it, as far as that is known."""
    return (settings.public_url or local_url(settings, settings.host, settings.port)).rstrip("/")


def local_url(settings: Settings, host: str, port: int) -> str:
    """The URL by which this machine reaches a service that listens there."""
    scheme, host = "http" if settings.tls_certificate is None else "https", ANY_ADDRESS.get(host, host)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _check_file() -> None:
    """Who names a file wants it read; only the one of the working folder may be missing."""
    named = os.environ.get(FILE_VARIABLE)
    if named and named != os.devnull and not os.path.isfile(named):
        raise BadSettings(f"There is no settings file at {named}, which --config or {FILE_VARIABLE} names.")


def _sentence(wrong: ErrorDetails, flags: Mapping[str, Any]) -> str:
    if not wrong["loc"]:  # of several settings together
        reason = str(wrong["msg"]).removeprefix("Value error, ")
        return f"The settings don't fit together: {reason}."
    name = str(wrong["loc"][0])
    if wrong["type"] == "extra_forbidden" and len(wrong["loc"]) == 1:
        near = _nearest(name, Settings.model_fields)
        question = f"; do you mean '{near}'?" if near else "."
        return f"There is no setting '{name}'{question} It stands in {settings.file()}."
    rule = _MUST.get(wrong["type"])
    reason = rule.format(**wrong.get("ctx", {})) if rule else wrong["msg"]
    given = "not valid" if name in UNSHOWN or isinstance(wrong["input"], dict) else repr(wrong["input"])
    inside = "".join(f".{one}" for one in wrong["loc"][1:])
    return f"{_origin(name, flags)}{inside and f', at {name}{inside},'} is {given}: {reason}."


def _origin(name: str, flags: Mapping[str, Any]) -> str:
    variable = PREFIX + name.upper()
    if name in flags:
        return f"The flag {_FLAGS.get(name, '--' + name.replace('_', '-'))}"
    if any(found.upper() == variable and value for found, value in os.environ.items()):
        return f"The variable {variable}"
    return f"'{name}' in {settings.file()}"


def _nearest(name: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, known, n=1)), None)


def unknown_variables() -> Iterator[str]:
    """A sentence for each variable that looks like one of ours and is none."""
    known = [*Settings.model_fields, "config"]
    for variable in sorted(os.environ):
        name = variable.upper().removeprefix(PREFIX).lower()
        if not variable.upper().startswith(PREFIX) or name in known or variable.upper() in _CLIENTS:
            continue
        near = _nearest(name, known)
        question = f"; do you mean {PREFIX}{near.upper()}?" if near else "."
        yield f"the variable {variable} is not known and does nothing{question}"
