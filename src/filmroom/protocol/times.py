"""Times in answers that are JSON: ISO 8601 in UTC, as the Azure service writes them."""

from datetime import UTC, datetime


def written(seconds: float) -> str:
    """A time, in seconds since 1970, with its microseconds: 2026-01-31T14:30:05.123456Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
