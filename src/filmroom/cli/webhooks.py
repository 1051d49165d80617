"""`filmroom webhooks`: the receivers of events, on the machine where the settings lie."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from filmroom.archive import Archive
from filmroom.cli import configuration, deliveries, typed
from filmroom.cli.exits import NOT_ALL, REFUSED, stop
from filmroom.cli.noted import write_down
from filmroom.cli.results import printable, tell_all, when
from filmroom.errors import Error
from filmroom.protocol.signatures import new_secret
from filmroom.services import webhooks as service
from filmroom.services.webhooks import Standing, Webhook
from filmroom.settings import Settings


class What(StrEnum):
    """What to do, by the word that is typed."""

    LIST = "list"
    TEST = "test"
    REPLAY = "replay"
    SECRET = "secret"  # noqa: S105 - a word


def webhooks(
    what: Annotated[What, typer.Argument(help="What to do.", metavar="list|test|replay|secret")] = What.LIST,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Its name.", show_default=False)] = None,
    since: Annotated[
        int | None,
        typer.Option(
            "--since", min=0, metavar="SEQUENCE", help="Tell it everything after this.", show_default="where it is"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array, for programs.")] = False,
    data: configuration.Data = None,
    config: configuration.Config = None,
) -> None:
    """Show how far the webhooks of the settings were told what changed, and what keeps them from it.

    `test` sends one an event that is of no instance. `replay` has one go on at once, after it failed or was disabled,
    or tells it again what came after a sequence of the change feed. `secret` makes a secret for the settings.

    Exit codes: 1 one is disabled or fails, or the test failed; 2 a bad setting; 3 the data can't be used.

    Examples:

        filmroom webhooks
        filmroom webhooks test ris
        filmroom webhooks replay ris --since 4711
    """
    typed.refuse(
        (what in {What.TEST, What.REPLAY} and name is None, "NAME", f"name the webhook to {what}"),
        (what not in {What.TEST, What.REPLAY} and name is not None, "NAME", f"{what} takes no name"),
        (what is not What.REPLAY and since is not None, "--since", "only `replay` goes back"),
    )
    if what is What.SECRET:
        typer.echo(new_secret())
        return
    settings = configuration.of_service({"data": data}, config)
    named = {one.name: one for one in deliveries.receivers(settings)}
    if name is not None and name not in named:
        listed = ", ".join(sorted(named)) or "none at all"
        stop(f"There is no webhook '{name}' in the settings; there is {listed}.", REFUSED)
    archive = configuration.opened(settings)
    try:
        if name is None:
            _show(service.standings(archive, named), as_json)
        elif what is What.TEST:
            _test(settings, archive, named[name])
        else:
            service.replay(archive, name, since)
            write_down(settings, "replay-webhook", webhook=name, since=since)
            typer.echo(f"The next worker that looks goes on with {name}.")
    except Error as error:
        stop(str(error), REFUSED)
    finally:
        archive.close()


def _show(standings: list[Standing], as_json: bool) -> None:
    tell_all([_facts(one) for one in standings], "webhooks", map(_line, standings), as_json=as_json)
    if any(one.progress and one.progress.failures for one in standings):
        raise typer.Exit(NOT_ALL)


def _facts(one: Standing) -> dict[str, Any]:
    return {"name": one.name, "behind": one.behind} | (asdict(one.progress) if one.progress else {})


def _line(one: Standing) -> str:
    if one.progress is None:
        return f"{one.name}: has not begun; no worker has seen it in the settings"
    behind = f"{one.behind} changes behind" if one.behind else "has been told everything"
    text = f"{one.name}: at {one.progress.position}, {behind}"
    if one.progress.error is None:
        return text
    again = "disabled" if one.progress.disabled else f"next try {when(one.progress.not_before)}"
    return printable(f"{text}; failed {one.progress.failures} times, {one.progress.error}; {again}")


def _test(settings: Settings, archive: Archive, webhook: Webhook) -> None:
    answer = service.attempt(webhook, deliveries.source(settings, archive))
    if answer.error is not None:
        stop(f"{webhook.name}: {answer.error}", NOT_ALL)
    typer.echo(f"{webhook.name}: it took the event")
