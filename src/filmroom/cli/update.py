"""`filmroom update`: new values for attributes of what a service has stored."""

from typing import Annotated

import typer

from filmroom.cli import operations, typed
from filmroom.cli.exits import NOT_ALL, stop
from filmroom.cli.service import DEFAULT_TIMEOUT, DEFAULT_URL, Partition, Timeout, Token, Url, connect, obeyed
from filmroom.dicom import attributes

Studies = Annotated[list[str], typer.Argument(metavar="STUDY...", help="Study Instance UIDs.", show_default=False)]
Values = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="ATTRIBUTE=VALUE",
        help="Keyword or tag, and its new value; nothing behind = makes it empty. May be repeated.",
        show_default=False,
    ),
]


def update(
    studies: Studies,
    values: Values,
    series: Annotated[
        str | None, typer.Option("--series", metavar="UID", help="Of one Study, this Series alone.", show_default="all")
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option("--instance", metavar="UID", help="Of that Series, this Instance alone.", show_default="all"),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is done.")] = False,
    url: Url = DEFAULT_URL,
    partition: Partition = None,
    token: Token = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Change attributes of all instances of studies: of the patient, and UIDs of one study.

    It is done in the background. The files as they were first are kept, and the service still has them for who asks.

    Exit codes: 1 the service refuses it, or what was waited for did not succeed or found nothing to update; 2, 3 as
    for every command.

    Examples:

        filmroom update 1.2.3 --set PatientName=Doe^Jane --set PatientID=4711 --wait
    """
    changes = dict(map(_change, values))
    typed.refuse((instance is not None and series is None, "--instance", "say in which --series it is"))
    with connect(url, token, timeout, partition) as client:
        with obeyed():
            operation = client.update_studies(studies, changes, series_instance_uid=series, sop_instance_uid=instance)
        ended = operations.wait_or_tell(client, operation, until_it_ends=wait)
    if ended is not None:
        updated = (ended.results or {}).get("instanceUpdated", 0)
        typer.echo(f"{updated} instances updated")
        if not updated:
            stop("nothing is stored under these UIDs", NOT_ALL)


def _change(given: str) -> tuple[str, str | None]:
    name, equals, value = given.partition("=")
    tag = attributes.parse(name)
    typed.refuse(
        (not equals, "--set", f"write ATTRIBUTE=VALUE, not {given}"),
        (tag is None or attributes.vr(tag) is None, "--set", f"{name} is no attribute"),
    )
    return name, value or None
