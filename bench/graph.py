"""A group of rows as a picture: how many times as good as the best other server each is, on a scale of powers.

SVG by hand: it is a hundred lines, and a plotting library would have to be kept. It has a background of its own, so
that it can be read on a light page and on a dark one.
"""

from collections.abc import Sequence
from html import escape
from math import log10
from typing import Any

from bench.tables import number, ratio

WIDTH, LINE, HEAD, FOOT = 820, 26, 58, 34
LETTER, VALUE = 6.7, 70  # the width of a letter, and of the figure behind a bar
TICKS = tuple(step * 10**power for power in range(-6, 9) for step in (1, 2, 5))
INK, FAINT, PAPER = "#1f2328", "#d8dee4", "#ffffff"
GOOD, FAIR, POOR = "#1a7f6b", "#c28a1c", "#b5483c"  # better: and no goal missed, or one; worse


def graph(title: str, rows: Sequence[dict[str, Any]]) -> str:
    """The picture of those rows that have a ratio; a mark stands at the goal."""
    shown = [(row, found) for row in rows if (found := ratio(row)) is not None]
    scale = _Scale([found for _, found in shown] + [row["goal"] for row, _ in shown if row["goal"]], shown)
    height = HEAD + LINE * len(shown) + FOOT
    said = "; ".join(f"{row['title']}: {_times(row, found)}" for row, found in shown)
    bottom = height - FOOT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="13">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(said)}</desc>',
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="{PAPER}" stroke="{FAINT}"/>',
        _text(16, 24, title, weight="600"),
    ]
    for tick in scale.ticks:
        at = scale.at(tick)
        stroke = f'stroke="{INK}" stroke-width="1.5"' if tick == 1 else f'stroke="{FAINT}"'
        lines.append(f'<line x1="{at}" y1="{HEAD - 6}" x2="{at}" y2="{bottom}" {stroke}/>')
        lines.append(_text(at, HEAD - 12, f"{number(tick)} x", anchor="middle", size=11))
    for place, (row, found) in enumerate(shown):
        lines += _bar(scale, row, found, HEAD + LINE * place)
    lines.append(_legend(scale.left, height - 12))
    return "\n".join([*lines, "</svg>", ""])


class _Scale:
    def __init__(self, values: Sequence[float], shown: Sequence[tuple[dict[str, Any], float]]) -> None:
        longest = max((len(row["title"]) for row, _ in shown), default=0)
        self.left = round(24 + LETTER * longest + VALUE)  # a bar that goes to the left has its figure there
        self._low = max(tick for tick in TICKS if tick <= min(0.5, *values))
        self._high = min(tick for tick in TICKS if tick >= max(2, *values))
        wide = self._high / self._low > 200
        self.ticks = [one for one in TICKS if self._low <= one <= self._high and not (wide and log10(one) % 1)]

    def at(self, value: float) -> float:
        """Where a ratio stands."""
        part = log10(value / self._low) / log10(self._high / self._low)
        return round(self.left + part * (WIDTH - VALUE - self.left), 1)


def _bar(scale: _Scale, row: dict[str, Any], found: float, top: int) -> list[str]:
    start, end, middle = scale.at(1), scale.at(found), top + LINE / 2
    colour = POOR if found < 1 else FAIR if row["goal"] and found < row["goal"] else GOOD
    lines = [
        _text(16, middle + 4, row["title"]),
        f'<rect x="{min(start, end)}" y="{top + 6}" width="{max(1, round(abs(end - start), 1))}" height="{LINE - 12}" '
        f'rx="2" fill="{colour}"/>',
    ]
    behind = end
    if row["goal"]:
        at = scale.at(row["goal"])
        lines.append(_mark(at, middle))
        behind = at + 3 if -6 <= at - end < VALUE - 15 else end  # the figure does not stand on the mark
    at, anchor = (end - 6, "end") if found < 1 else (behind + 6, "start")
    lines.append(_text(at, middle + 4, f"{number(found)} x", anchor=anchor, weight="600"))
    return lines


def _mark(at: float, middle: float) -> str:
    return (
        f'<path d="M{at} {middle - 9}v18" stroke="{PAPER}" stroke-width="5"/>'
        f'<path d="M{at} {middle - 9}v18" stroke="{INK}" stroke-width="2.5"/>'
    )


def _legend(left: int, y: int) -> str:
    parts, at = [], 16
    told = ((GOOD, "better, no goal missed"), (FAIR, "better, goal not met"), (POOR, "worse"))
    for colour, text in told:
        parts.append(f'<rect x="{at}" y="{y - 9}" width="10" height="10" rx="2" fill="{colour}"/>')
        parts.append(_text(at + 16, y, text, size=11))
        at += round(34 + 5.8 * len(text))
    parts.append(_mark(at + 4, y - 4))
    parts.append(_text(at + 14, y, "goal", size=11))
    return "\n".join(parts)


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 13, weight: str = "400") -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{INK}">'
        f"{escape(text)}</text>"
    )


def _times(row: dict[str, Any], found: float) -> str:
    goal = f", goal {number(row['goal'])}" if row["goal"] else ""
    return f"{number(found)} times{goal}"
