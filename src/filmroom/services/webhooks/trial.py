"""Trying a webhook: an event that is of no Instance, sent once, at the request of a person."""

import time

import orjson

from filmroom.protocol import cloud_events
from filmroom.protocol.cloud_events import Source
from filmroom.services.webhooks.delivery import Webhook
from filmroom.services.webhooks.sending import Answer, Message, Sender


def attempt(webhook: Webhook, source: Source) -> Answer:
    """What the receiver says to it."""
    now = time.time()
    body, content_type = cloud_events.trial(source, now), cloud_events.ONE
    if webhook.batch > 1:
        body, content_type = orjson.dumps([orjson.Fragment(body)]), cloud_events.BATCH
    with Sender(webhook.url, webhook.secrets, webhook.timeout) as sender:
        return sender.send(Message(f"{source.id(0)}-{now:.6f}", content_type, body))
