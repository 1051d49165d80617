"""`filmroom export`: copy stored files into a folder, on the machine where the data lies."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from filmroom.archive import Archive
from filmroom.cli import configuration, here
from filmroom.cli.service import Quiet
from filmroom.dicom.resources import Resource
from filmroom.errors import BadTarget, NotFound
from filmroom.protocol import targets
from filmroom.services import exports


def _resource(text: str) -> Resource:
    try:
        return targets.identifier(text)
    except BadTarget as error:
        raise typer.BadParameter(f"{error} An identifier is STUDY, STUDY/SERIES or STUDY/SERIES/INSTANCE.") from None


def export(
    place: Annotated[str, typer.Argument(metavar="FOLDER|URL", help="Where to; it must be there.")],
    identifiers: Annotated[
        list[str] | None,
        typer.Argument(metavar="STUDY[/SERIES[/INSTANCE]]…", help="What to copy.", show_default="everything"),
    ] = None,
    deidentified: Annotated[
        str | None,
        typer.Option(metavar="PROFILE", help="De-identify the copies: 'basic', or a profile of the settings."),
    ] = None,
    data: configuration.Data = None,
    partition: here.Partition = None,
    quiet: Quiet = False,
    config: configuration.Config = None,
) -> None:
    """Copy stored files into a folder, and check that they are what was stored.

    They are ID/results/STUDY/SERIES/INSTANCE.dcm in it, where ID is that of the operation; ID/errors.log says what
    could not be copied, and so does standard error. The service may be running.

    De-identified copies have other UIDs, in their names too. Pixels are not looked at; reports and documents are left
    out, and told.

    Exit codes: 0 all are copied; 1 some are not; 2 a bad setting; 3 the folder, the partition or the data can't be
    used; 130 ended by Ctrl-C.

    Examples:

        filmroom export /mnt/backup --data /srv/images
        filmroom export s3://backup/images --data /srv/images
        filmroom export /mnt/research 1.2.826.0.1.3680043.8.498.1 --deidentified basic
    """
    named = [_resource(one) for one in identifiers or ()] or [Resource()]
    settings = configuration.of_service({"data": data}, config, private=False)
    here.do(
        settings,
        exports.EXPORT,
        lambda archive: _arguments(archive, place, named, partition, deidentified),
        "Exporting",
        _far,
        _summary,
        quiet,
    )


def _arguments(
    archive: Archive, place: str, named: list[Resource], partition: str | None, profile: str | None
) -> dict[str, Any]:
    key = here.partition(archive, partition)
    if key is None:
        raise NotFound(f"There is no data partition {partition}.")
    return exports.arguments(archive, here.url(place), {}, [replace(one, partition=key) for one in named], profile)


def _far(checkpoint: Any) -> str:
    return f"{checkpoint['exported']} files" if checkpoint else ""


def _summary(results: Any) -> str:
    skipped = f", {results['skipped']} were not" if results["skipped"] else ""
    return f"{results['exported']} copied{skipped}: {results['errorHref'].removesuffix('/errors.log')}"
