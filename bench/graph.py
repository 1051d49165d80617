"""A group of rows as a picture: how many times as good as the best other server each is, on a scale of powers.

SVG by hand: it is two hundred lines, and a plotting library would have to be kept. Its colours are those of a light
page, or of a dark one where the reader has asked for that, and differ from what is behind them by 3 to 1 and more
(WCAG 2.2, 1.4.11); text by 4.5 to 1 (1.4.3).
"""

from collections.abc import Sequence
from html import escape
from math import log10

from bench.tables import LETTERS, MET, Run, failed_peers, number, ratio, reached, summary

WIDTH, LINE, HEAD, FOOT = 820, 26, 66, 40
LETTER, BOLD = 6.7, 7.6  # the width of a letter
NEAREST = 38  # between two figures of the scale
TICKS = tuple(step * 10**power for power in range(-6, 9) for step in (1, 2, 5))
LIGHT = {
    "paper": "#ffffff",
    "ink": "#1f2328",
    "faint": "#7d8590",
    "good": "#1a7f6b",
    "fair": "#9a6700",
    "poor": "#b5483c",
}
DARK = {
    "paper": "#0d1117",
    "ink": "#e6edf3",
    "faint": "#6e7681",
    "good": "#3fb991",
    "fair": "#d29922",
    "poor": "#f47067",
}
TOLD = (("good", "all goals met"), ("fair", "a goal missed"), ("poor", "and worse than the other, or failed"))


def graph(title: str, run: Run, rows: Sequence[Run]) -> str:
    """The picture of the rows that can be compared, or failed; a mark stands at the goal.

    Of a run of one server it is how many times as good as its goals each row is.
    """
    alone = len(run["servers"]) == 1
    shown = drawn(rows, alone)
    values = [found for _, found in shown if found is not None]
    marks = [_aim(row, alone) or 1 for row, _ in shown]
    servers = _servers(run, alone)
    top = HEAD + 16 * len(servers)
    scale = _Scale([*values, *marks], shown)
    bottom = top + LINE * len(shown)
    lines = [
        *_opening(title, f"{summary(rows)}. " + "; ".join(_told(row, one, alone) for row, one in shown), bottom + FOOT),
        *(_text(16, 44 + 16 * place, told, size=11) for place, told in enumerate(servers)),
    ]
    for tick in scale.ticks:
        at = scale.at(tick)
        lines.append(
            f'<line class="{"one" if tick == 1 else "tick"}" x1="{at}" y1="{top - 6}" x2="{at}" y2="{bottom}"/>'
        )
        lines.append(_text(at, top - 12, f"{number(tick)} x", anchor="middle", size=11))
    for place, (row, found) in enumerate(shown):
        lines += _bar(scale, row, found, top + LINE * place, alone=alone)
    lines.append(_legend(bottom + FOOT - 14))
    return "\n".join([*lines, "</svg>", ""])


def drawn(rows: Sequence[Run], alone: bool) -> list[tuple[Run, float | None]]:
    """The rows that have something to show: how good they are, or None where one failed."""
    found: list[tuple[Run, float | None]] = []
    for row in rows:
        value = min(reached(row), default=None) if alone else ratio(row)
        failed = bool(row["servers"][0]["failure"])
        if failed or (value is None and failed_peers(row)):
            found.append((row, None))
        elif value is not None:
            found.append((row, value))
    return found


class _Scale:
    def __init__(self, values: Sequence[float], shown: Sequence[tuple[Run, float | None]]) -> None:
        longest = max((len(row["title"]) for row, _ in shown), default=0)
        self.room = round(24 + BOLD * max((len(_label(*one)) for one in shown), default=0))  # beside a bar
        leftwards = any(found is not None and found < 1 for _, found in shown)
        self.left = round(24 + LETTER * longest + (self.room if leftwards else 12))
        values = [min(max(one, TICKS[0]), TICKS[-1]) for one in values]
        self._low = max(tick for tick in TICKS if tick <= min([0.5, *values]))
        self._high = min(tick for tick in TICKS if tick >= max([2, *values]))
        decade = (WIDTH - self.room - self.left) / log10(self._high / self._low)
        within = [one for one in TICKS if self._low <= one <= self._high]
        every = next((step for step in (1, 2, 3, 4) if step * decade >= NEAREST), 6)  # powers of ten, if not more
        dense = decade * log10(2) >= NEAREST
        self.ticks = [one for one in within if dense or (log10(one) % 1 == 0 and log10(one) % every == 0)]

    def at(self, value: float) -> float:
        """Where a ratio stands."""
        part = log10(min(max(value, self._low), self._high) / self._low) / log10(self._high / self._low)
        return round(self.left + part * (WIDTH - self.room - self.left), 1)


def _bar(scale: _Scale, row: Run, found: float | None, top: int, *, alone: bool) -> list[str]:
    middle = top + LINE / 2
    lines = [_text(16, middle + 4, row["title"])]
    if found is None:
        return [*lines, _text(scale.at(1) + 6, middle + 4, _label(row, None), weight="600", kind="failed")]
    start, end, aim = scale.at(1), scale.at(found), _aim(row, alone)
    lines.append(
        f'<rect class="{_colour(row, found, alone)}" x="{min(start, end)}" y="{top + 6}" '
        f'width="{max(1, round(abs(end - start), 1))}" height="{LINE - 12}" rx="2"/>'
    )
    behind = end
    if aim:
        at = scale.at(aim)
        lines.append(_mark(at, middle))
        behind = at + 3 if -6 <= at - end < scale.room - 15 else end  # the figure does not stand on the mark
    at, anchor = (end - 6, "end") if found < 1 else (behind + 6, "start")
    lines.append(_text(at, middle + 4, _label(row, found), anchor=anchor, weight="600"))
    return lines


def _colour(row: Run, found: float, alone: bool) -> str:
    """By all goals of the row; of one without any, by whether it is worse."""
    parts = reached(row)
    met = all(part >= 1 for part in parts) if parts else found >= 1
    return "good" if met else "fair" if found >= 1 or alone else "poor"


def _label(row: Run, found: float | None) -> str:
    """What stands behind a bar; the sign says what the colour does."""
    if row["servers"][0]["failure"]:
        return "FAILED"
    failed = f" {failed_peers(row)} FAILED" if failed_peers(row) else ""
    if found is None:
        return failed.strip()
    parts = reached(row)
    sign = "" if not parts else f" {MET}" if min(parts) >= 1 else " ✗"
    return f"{number(found)} x{sign}{failed}"


def _aim(row: Run, alone: bool) -> float | None:
    """Where the mark stands."""
    return (1 if reached(row) else None) if alone else row["goal"]


def _servers(run: Run, alone: bool) -> list[str]:
    axis = "the goal" if alone else "B" if len(run["servers"]) == 2 else "the best of the others"
    named = [f"{letter}: {one}" for letter, one in zip(LETTERS, run["servers"], strict=False)]
    return [*named, f"{run['date']}. How many times as good as {axis} A is; the scale is logarithmic. Right is better."]


def _opening(title: str, said: str, height: int) -> list[str]:
    def colours(of: dict[str, str]) -> str:
        fills = "".join(f".{name}{{fill:{of[name]}}}" for name in ("good", "fair", "poor"))
        return (
            f"text{{fill:{of['ink']};stroke:{of['paper']}}}{fills}.failed{{fill:{of['poor']}}}.paper{{fill:{of['paper']};stroke:{of['faint']}}}"
            f".tick{{stroke:{of['faint']}}}.one,.goal{{stroke:{of['ink']}}}.edge{{stroke:{of['paper']}}}"
        )

    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="13">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(said)}</desc>',
        f"<style>{colours(LIGHT)}.one{{stroke-width:1.5}}.goal{{stroke-width:2.5}}.edge{{stroke-width:5}}"
        "text{paint-order:stroke;stroke-width:3;stroke-linejoin:round}"  # no line of the scale goes through it
        f"@media (prefers-color-scheme:dark){{{colours(DARK)}}}</style>",
        f'<rect class="paper" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        _text(16, 24, title, weight="600"),
    ]


def _mark(at: float, middle: float) -> str:
    return f'<path class="edge" d="M{at} {middle - 9}v18"/><path class="goal" d="M{at} {middle - 9}v18"/>'


def _legend(y: int) -> str:
    parts, at = [], 16
    for colour, text in TOLD:
        parts.append(f'<rect class="{colour}" x="{at}" y="{y - 9}" width="10" height="10" rx="2"/>')
        parts.append(_text(at + 16, y, text, size=11))
        at += round(34 + 5.8 * len(text))
    parts.append(_mark(at + 4, y - 4))
    parts.append(_text(at + 14, y, "goal of this figure; further ones are in the table", size=11))
    return "\n".join(parts)


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 13, weight: str = "400", kind: str = ""
) -> str:
    of = f' class="{kind}"' if kind else ""
    style = f'text-anchor="{anchor}" font-size="{size}" font-weight="{weight}"'
    return f'<text{of} x="{x}" y="{y}" {style}>{escape(text)}</text>'


def _told(row: Run, found: float | None, alone: bool) -> str:
    aim = _aim(row, alone)
    goal = f", goal {number(aim)} x" if aim else ""
    return f"{row['title']}: {_label(row, found)}{goal}"
