"""`filmroom import`: store the DICOM files of a folder, on the machine where the data lies."""

from typing import Annotated, Any

import typer

from filmroom.archive import Archive
from filmroom.cli import configuration, here
from filmroom.cli.service import Quiet
from filmroom.errors import Conflict
from filmroom.services import imports, partitions
from filmroom.settings import Settings


def import_from(
    place: Annotated[str, typer.Argument(metavar="FOLDER|URL", help="Where the files lie, at any depth.")],
    data: configuration.Data = None,
    partition: here.Partition = None,
    quiet: Quiet = False,
    config: configuration.Config = None,
) -> None:
    """Store the DICOM files of a folder without sending them: into the archive itself, millions of them.

    The service may be running. Files stay where they are. Which are tried, their bytes decide, as in `filmroom store`;
    also those in the storage folder of an Orthanc, compressed or not. What is stored already is not stored again, so an
    import that was ended can be begun again. A line on standard error says of each file that was refused why.

    A data partition is made if there is none of that name. Run it as the user of the service, or that one can't read
    what was stored.

    Exit codes: 0 all are stored; 1 some are not; 2 a bad setting; 3 the folder, the partition or the data can't be
    used; 130 ended by Ctrl-C.

    Example: filmroom import /var/lib/orthanc/db-v6 --data /srv/images
    """
    settings = configuration.of_service({"data": data}, config)
    here.do(
        settings,
        imports.IMPORT,
        lambda archive: _arguments(archive, place, settings, partition),
        "Importing",
        _far,
        _summary,
        quiet,
    )


def _arguments(archive: Archive, place: str, settings: Settings, partition: str | None) -> dict[str, Any]:
    given = imports.arguments(archive, here.url(place), settings.part_limit)
    key = here.partition(archive, partition)
    if key is None:  # made when it is known that there is something to import from
        if not settings.partitions:
            raise Conflict(
                f"There is no data partition {partition}, and none is made while the setting 'partitions' is off: "
                "switch it on (FILMROOM_PARTITIONS=true)."
            )
        key = partitions.make(archive, str(partition))
    return given | {"partition": key}


def _far(checkpoint: Any) -> str:
    counts = (checkpoint or {}).get("counts")
    return f"{sum(counts.values())} files" if counts else ""


def _summary(results: Any) -> str:
    already = f", {results['storedAlready']} were stored already" if results["storedAlready"] else ""
    failed = f", {results['failed']} were not" if results["failed"] else ""
    passed = f"; {results['passedOver']} files passed over" if results["passedOver"] else ""
    return f"{results['stored']} stored{already}{failed}{passed}."
