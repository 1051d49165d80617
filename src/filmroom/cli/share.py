"""`filmroom share`: links that open one study to whoever has them."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer

from filmroom.access import DEFAULT_PARTITION_NAME
from filmroom.archive import Archive
from filmroom.cli import configuration, typed
from filmroom.cli.exits import NOT_ALL, REFUSED, stop
from filmroom.cli.noted import write_down
from filmroom.cli.results import printable, when
from filmroom.cli.service import partition_option
from filmroom.errors import BadTarget, Error, NotFound
from filmroom.protocol import targets
from filmroom.services import sharing
from filmroom.services.sharing import ShareLink
from filmroom.settings import Settings


class What(StrEnum):
    """What to do, by the word that is typed."""

    LIST = "list"
    CREATE = "create"
    REVOKE = "revoke"


def share(
    what: Annotated[What, typer.Argument(help="What to do.", metavar="list|create|revoke")] = What.LIST,
    named: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDY|ID",
            help="UID of the study to share; or the link to revoke, as `list` has it.",
            show_default=False,
        ),
    ] = None,
    lifetime: Annotated[
        timedelta | None,
        typer.Option(
            "--for", parser=typed.duration, metavar="TIME", help="How long it opens: 7d, 12h.", show_default="7d"
        ),
    ] = None,
    partition: Annotated[
        str | None, partition_option("Data partition of the study, where the service has them.", DEFAULT_PARTITION_NAME)
    ] = None,
    deidentified: Annotated[
        str | None,
        typer.Option(
            metavar="PROFILE", help="Show it de-identified: 'basic', or a profile of the settings.", show_default=False
        ),
    ] = None,
    data: configuration.Data = None,
    config: configuration.Config = None,
) -> None:
    """Make a link that opens one study, to look at and no more, to whoever has it; list those that there are; or have
    one open nothing any more.

    On the machine where the service runs. The link is the base URL for a viewer of DICOMweb; it needs no token. Who has
    it can pass it on, until it expires: send it as you would the images.

    Exit codes: 1 there is no such study or link; 2 a bad option or setting; 3 the data can't be used.

    Examples:

        filmroom share create 1.2.840.113619.2.1 --for 7d
        filmroom share create 1.2.840.113619.2.1 --deidentified basic
        filmroom share revoke 8c61f3a20b77d9e4
    """
    of_create = {"--for": lifetime, "--partition": partition, "--deidentified": deidentified}
    typed.refuse(
        (what is What.CREATE and named is None, "STUDY", "name the study to share"),
        (what is What.REVOKE and named is None, "ID", "name the link to revoke: `filmroom share` lists them"),
        (what is What.LIST and named is not None, "STUDY|ID", "`list` takes none"),
        *((what is not What.CREATE and of_create[one] is not None, one, "only `create` takes it") for one in of_create),
    )
    settings = configuration.of_service({"data": data}, config)
    with closing(configuration.opened(settings)) as archive, _said():
        if named is None:
            _tell(sharing.links(archive))
        elif what is What.CREATE:
            seconds = (lifetime or timedelta(days=7)).total_seconds()
            place = partition or DEFAULT_PARTITION_NAME
            _say(archive, settings, *sharing.create(archive, _uid(named), seconds, place, deidentified or ""))
        else:
            _write_down(archive, settings, "revoke-share", sharing.revoke(archive, named))


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except NotFound as error:
        stop(printable(str(error)), NOT_ALL)
    except Error as error:
        stop(str(error), REFUSED)


def _uid(text: str) -> str:
    try:
        return targets.uid(text, "STUDY")
    except BadTarget as error:
        raise typer.BadParameter(str(error), param_hint="STUDY") from None


def _write_down(archive: Archive, settings: Settings, action: str, link: ShareLink, **facts: object) -> None:
    of = {"study": link.study, "patient": sharing.whose(archive, link), "deidentified": link.deidentified or None}
    write_down(settings, action, link=link.id, partition=link.partition, **of, **facts)


def _say(archive: Archive, settings: Settings, made: ShareLink, token: str) -> None:
    _write_down(archive, settings, "share", made, expires=made.expires)
    within = f"/partitions/{made.partition}" if settings.partitions else ""
    typer.echo(f"{configuration.base_url(settings)}/shared/{token}/dicomweb{within}")
    typer.echo(f"Link {made.id}, until {when(made.expires)}.", err=True)
    if made.deidentified:
        shown = archive.profiles[made.deidentified].uid(made.study)
        typer.echo(f"De-identified by the profile {made.deidentified}; there the study is {shown}.", err=True)


def _tell(links: Sequence[ShareLink]) -> None:
    for line in _lines(links):
        typer.echo(printable(line))


def _lines(links: Sequence[ShareLink]) -> Iterator[str]:
    now = time.time()
    for one in links:
        if one.expires > now:
            profile = f"  de-identified: {one.deidentified}" if one.deidentified else ""
            yield f"{one.id}  {one.study}  {one.partition}  until {when(one.expires)}{profile}"
