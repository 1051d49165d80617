"""Trying a webhook: an event that is of no Instance, sent once, at the request of a person."""

import time

from filmroom.protocol import cloud_events
from filmroom.protocol.cloud_events import Source, Trial
from filmroom.services.webhooks.delivery import Webhook
from filmroom.services.webhooks.sending import Answer, Message, Sender


def attempt(webhook: Webhook, source: Source) -> Answer:
    """What the receiver says to it."""
    now = time.time()
    message = cloud_events.message(source, [Trial(now)], batched=webhook.batched)
    with Sender(webhook.url, webhook.secrets, webhook.timeout) as sender:
        return sender.send(Message(f"{source.id(0)}-{now:.6f}", *message))
