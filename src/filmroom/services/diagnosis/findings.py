"""What a look at something finds: how it is, in one line, and what to do. None holds a secret or a patient's data."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

CLOCK_APART = 5.0  # seconds


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line."""

    level: Level
    text: str
    advice: str = ""


def ok(text: str) -> Finding:
    return Finding(Level.OK, text)


def warning(text: str, advice: str) -> Finding:
    """It works, and may not always."""
    return Finding(Level.WARNING, text, advice)


def problem(text: str, advice: str) -> Finding:
    """It does not work, or not safely."""
    return Finding(Level.PROBLEM, text, advice)


def clock(whose: str, ahead: float) -> Iterator[Finding]:
    """Whether two clocks agree."""
    if abs(ahead) > CLOCK_APART:
        how = "ahead of" if ahead > 0 else "behind"
        yield warning(
            f"the clock of {whose} is {abs(ahead):.0f} seconds {how} this machine's",
            "have both set by NTP: expiry, sweeps, leases and tokens go by them",
        )
