"""Webhooks in the operations worker: a thread for each, so that one that hangs keeps nobody else waiting."""

from collections.abc import Callable
from contextlib import suppress

import structlog

from filmroom.archive import Archive
from filmroom.cli import configuration
from filmroom.errors import Unavailable
from filmroom.protocol.cloud_events import Source
from filmroom.protocol.signatures import parse_secret
from filmroom.services.webhooks import Delivery, Report, Sender, Webhook
from filmroom.settings import Settings

POLL = 1.0  # seconds between looks for changes; each is a SELECT
REST = 5.0  # seconds before an index that could not be used is tried again

log = structlog.get_logger()


def receivers(settings: Settings) -> list[Webhook]:
    """The webhooks of the settings."""
    return [
        Webhook(
            name=name,
            url=one.url.get_secret_value(),
            secrets=[parse_secret(text) for text in one.secret.get_secret_value().split()],
            events=frozenset(one.events),
            partitions=frozenset(one.partitions),
            batch=one.batch,
            timeout=one.timeout,
            from_first=one.begin == "first",
        )
        for name, one in settings.webhooks.items()
    ]


def source(settings: Settings, archive: Archive) -> Source:
    """What events are said to come from."""
    return Source(configuration.base_url(settings), archive.index.pair()[0], settings.partitions)


def tell(archive: Archive, webhook: Webhook, of: Source, owner: str, stopping: Callable[[float], bool]) -> None:
    """Tell a webhook what changes, until asked to end."""
    with Sender(webhook.url, webhook.secrets, webhook.timeout) as sender:
        delivery = Delivery(archive, webhook, of, owner, sender)
        failing, over = False, stopping(0.0)
        while not over:
            try:
                report = delivery.deliver(lambda: stopping(0.0))
            except Unavailable as error:
                log.warning("unavailable", reason=str(error))
                over = stopping(REST)
            else:
                failing = _say(webhook.name, report, failing)
                over = stopping(POLL)
        with suppress(Unavailable):
            delivery.leave()


def _say(name: str, report: Report | None, failing: bool) -> bool:
    """A line when something fails, and when it has come to its end; gives whether it fails."""
    if report is None:
        return failing
    if report.disabled:
        log.warning("webhook disabled", webhook=name, reason=report.error)
    elif report.error is not None:
        log.warning("webhook", webhook=name, reason=report.error, next_in_seconds=round(report.rest, 1))
    elif failing:
        log.info("webhook", webhook=name, reason="it takes events again")
    return report.error is not None
