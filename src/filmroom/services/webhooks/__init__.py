"""Webhooks: the receivers in the settings are told of each change, in the order of the change feed, at least once."""

from filmroom.services.webhooks.delivery import Delivery, Report, Webhook
from filmroom.services.webhooks.progress import Standing, replay, standings
from filmroom.services.webhooks.sending import Answer, Sender
from filmroom.services.webhooks.trial import attempt

__all__ = ["Answer", "Delivery", "Report", "Sender", "Standing", "Webhook", "attempt", "replay", "standings"]
