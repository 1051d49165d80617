"""`filmroom partitions`: the data partitions of a service."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from filmroom.cli.results import tell_all, when
from filmroom.cli.service import DEFAULT_TIMEOUT, DEFAULT_URL, Timeout, Token, Url, connect, existing, obeyed
from filmroom.client import Partition


def partitions(
    as_json: Annotated[bool, typer.Option("--json", help="Print what the service answered, for programs.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """List the data partitions of a service, with the time at which each was made.

    The first store into a partition makes it: filmroom store images --partition NAME. Times are of this computer.

    Exit codes: 1 the service has no partitions; 2, 3 as for every command.

    Example: filmroom partitions
    """
    with connect(url, token, timeout) as client, existing("list of partitions", client), obeyed():
        listed = client.partitions()
    tell_all([one.json for one in listed], "partitions", _lines(listed), as_json=as_json)


def _lines(listed: Sequence[Partition]) -> Iterator[str]:
    width = max((len(one.name) for one in listed), default=0)
    for one in listed:
        yield f"{one.name:{width}}  {when(one.created)}"
