"""What a run's JSON says: each row beside the best peer and its goals, as a Markdown table.

A run is {"servers", "rows", "probes", "machine", "date", "command"}, as bench.report and the command line write it, and
may have a "title" and "notes", which are sentences. What other measurements write is a plain table: {"title",
"head": [...], "rows": [[...], ...]} and, as a run has them from bench.machine.stamped, {"machine", "date", "command"}.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import Any

LETTERS = "ABC"
FAILED, MISSED = 1, 3  # statuses at the end of a run; 2 is that of a wrong command line
Run = dict[str, Any]
MET = "✓"


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times better, round by round: the median, the least, the greatest."""

    middle: float
    least: float
    most: float

    def __str__(self) -> str:
        spread = f"({number(self.least)}–{number(self.most)})"
        return number(self.middle) if self.least == self.most else f"{number(self.middle)} {spread}"


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wanted of a row, and how much of it is reached: 1 and more is met, None can't be judged in this run."""

    text: str
    had: str  # what there is in place of what is wanted
    reached: float | None
    of_limit: bool = False

    def __str__(self) -> str:
        if self.reached is None:
            return self.text
        return f"{self.text} {MET}" if self.reached >= 1 else f"{self.text} ({number(self.reached)} of it)"


def legend(names: Sequence[str]) -> str:
    """Which server stands under which letter."""
    return "\n".join(f"{letter}: {name}" for letter, name in zip(LETTERS, names, strict=False))


def number(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def best_peer(row: Run) -> int | None:
    """Which of the servers after the first is the best; None if there is none, or none answered."""
    figures = {place: side["figure"] for place, side in enumerate(row["servers"]) if place and side["figure"]}
    if not figures:
        return None
    choose: Callable[..., int] = max if row["more_is_better"] else min
    return choose(figures, key=lambda place: figures[place])


def compared(row: Run) -> Ratio | None:
    """How many times better the first server is than the best other: below 1 it is worse."""
    peer = best_peer(row)
    return None if peer is None else _ratio(row, row["servers"][peer])


def ratio(row: Run) -> float | None:
    """The same without its spread."""
    found = compared(row)
    return found.middle if found else None


def share(row: Run) -> Ratio | None:
    """How much of what the machine can do the first server reaches, by the probe that was taken beside the row."""
    return _ratio(row, row["limit"]) if row["limit"] else None


def failed_peers(row: Run) -> str:
    """The letters of the servers after the first that failed: whoever is the best of the others is so without them."""
    return "".join(letter for letter, side in list(zip(LETTERS, row["servers"], strict=False))[1:] if side["failure"])


def goals(row: Run) -> list[Goal]:
    """Everything that is wanted of a row. One that failed reaches nothing."""
    side, peer, limit, like = row["servers"][0], ratio(row), row["limit"], row.get("like")
    own, found = side["figure"], []

    def add(text: str, had: str, reached: float | None, *, of_limit: bool = False) -> None:
        found.append(Goal(text, had, 0.0 if side["failure"] else reached, of_limit))

    if row["goal"]:
        add(f"{number(row['goal'])} x", f"{number(peer)} x", None if peer is None else peer / row["goal"])
    if row["most"] is not None:
        text = f"at most {number(row['most'])} {row['unit']}".strip()
        add(text, f"{number(own)} {row['unit']}".strip(), None if own is None else row["most"] / own if own else inf)
    if like:
        near = None if own is None or not like["figure"] else _better(row, own, like["figure"])
        had = f"{number(1 / near if near else None)} x"
        add(f"at most {number(like['times'])} x of {like['row']}", had, None if near is None else near * like["times"])
    if limit and limit["share"]:
        part = share(row)
        middle = None if part is None else part.middle
        add(number(limit["share"]), number(middle), None if middle is None else middle / limit["share"], of_limit=True)
    return found


def reached(row: Run) -> list[float]:
    """How much of each goal that can be judged is reached: 1 and more is met."""
    return [one.reached for one in goals(row) if one.reached is not None]


def status(run: Run) -> int:
    """With what a run ends: whether a row failed on any server, or else a goal is missed."""
    if any(side["failure"] for row in run["rows"] for side in row["servers"]):
        return FAILED
    return MISSED if any(part < 1 for row in run["rows"] for part in reached(row)) else 0


def table(run: Run, rows: Sequence[Run] | None = None) -> str:
    """A line for each row; columns that would be empty are left out. Below it what is at its goal, and what is not."""
    rows = run["rows"] if rows is None else rows
    letters = LETTERS[: len(run["servers"])]
    columns: list[tuple[str, Callable[[Run], str]]] = [
        ("row", lambda row: str(row["title"])),
        ("unit", lambda row: str(row["unit"])),
    ]
    columns += [(letter, lambda row, place=place: _figure(row, place)) for place, letter in enumerate(letters)]  # type: ignore[misc]
    against = "A against B" if len(letters) == 2 else "A against the best"
    columns += [(against, _against), ("goal", _goal), ("of the machine's limit", _limit)]
    columns += [
        (f"CPU ms a request {' / '.join(letters)}", lambda row: _each(row, "cpu_ms")),
        (f"peak MB {' / '.join(letters)}", lambda row: _each(row, "peak_mb")),
    ]
    made = [(head, [cell(row) for row in rows]) for head, cell in columns]
    filled = [(head, cells) for head, cells in made if any(cells)]
    lines = markdown([head for head, _ in filled], list(zip(*(cells for _, cells in filled), strict=True)))
    return "\n\n".join(filter(None, [lines, verdict(rows)]))


def verdict(rows: Sequence[Run]) -> str:
    """How many goals are met; which are missed, and by how much; which can't be judged here."""
    every = [(row, one) for row in rows for one in goals(row)]
    if not every:
        return ""
    judged = [(row, one, one.reached) for row, one in every if one.reached is not None]
    missed = sorted(((part, row, one) for row, one, part in judged if part < 1), key=lambda each: each[0])
    said = [f"{len(judged) - len(missed)} of {len(judged)} goals are met."] if judged else []
    if missed:
        each = [f"{row['title']}: {_wanted(row, one)}" for _, row, one in missed]
        said.append(f"Missed: {'; '.join(dict.fromkeys(each))}.")
    if open_ := list(dict.fromkeys(row["title"] for row, one in every if one.reached is None)):
        said.append(f"Without what they are compared with, and so not judged: {'; '.join(open_)}.")
    return " ".join(said)


def summary(rows: Sequence[Run]) -> str:
    """The same in a few words: how many goals are met, and the row that is farthest from one."""
    judged = [(part, row["title"]) for row in rows for part in reached(row)]
    if not judged:
        return "no goal is judged"
    part, title = min(judged)
    return (
        f"{sum(one >= 1 for one, _ in judged)} of {len(judged)} goals met; least: {title}, {number(part)} of its goal"
    )


def probes(run: Run) -> str:
    """What the machine can do at most."""
    rows = [
        (one["title"], one["name"], one["unit"], number(one["figure"]) if not one["missing"] else one["missing"])
        for one in run["probes"]
    ]
    return markdown(["the machine itself", "probe", "unit", "figure"], rows)


def markdown(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table; columns of figures stand right."""
    lines = [[_cell(cell) for cell in row] for row in rows]
    figures = [place > 0 and bool(lines) and all(_numeric(line[place]) for line in lines) for place in range(len(head))]
    rule = ["---:" if one else "---" for one in figures]
    return "\n".join(f"| {' | '.join(line)} |" for line in [list(map(_cell, head)), rule, *lines])


def _cell(value: Any) -> str:
    text = number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
    return " ".join(text.split()).replace("|", "\\|")


def _numeric(text: str) -> bool:
    return not text or text[0].isdigit() or text[0] in "-–*" or text.startswith("FAILED")


def _better(row: Run, one: float, other: float) -> float:
    return one / other if row["more_is_better"] else other / one


def _ratio(row: Run, other: Run) -> Ratio | None:
    """The first server beside another, or a probe: round by round if each of one has one of the other beside it."""
    own = row["servers"][0]
    if not own["figure"] or not other["figure"]:
        return None
    ours, others = own.get("rounds", ()), other.get("rounds", ())
    if len(ours) != len(others) or len(ours) < 2:
        found = [_better(row, own["figure"], other["figure"])]
    else:
        found = [_better(row, _taken(one), _taken(two)) for one, two in zip(ours, others, strict=True)]
    return Ratio(median(found), min(found), max(found))


def _taken(one: Run | float) -> float:
    """The figure of a round; those of a probe are figures."""
    return float(one["figure"]) if isinstance(one, dict) else one


def _figure(row: Run, place: int) -> str:
    side = row["servers"][place]
    if side["failure"]:
        return "FAILED"
    text = number(side["figure"]) + ("\\*" if side["disturbed"] else "")
    return f"**{text}**" if len(row["servers"]) > 2 and place == best_peer(row) else text


def _against(row: Run) -> str:
    found, failed = compared(row), failed_peers(row)
    if found is None:
        return ""
    spread = "" if found.least == found.most else f" ({number(found.least)}–{number(found.most)})"
    return f"{number(found.middle)} x{spread}" + (f", {failed} failed" if failed else "")


def _goal(row: Run) -> str:
    return ", ".join(str(one) for one in goals(row) if not one.of_limit)


def _limit(row: Run) -> str:
    if not row["limit"]:
        return ""
    of = f"{share(row) or number(None)} of {row['limit']['probe']}"
    return ", goal ".join([of, *(str(one) for one in goals(row) if one.of_limit)])


def _wanted(row: Run, one: Goal) -> str:
    if row["servers"][0]["failure"]:
        return "FAILED"
    of = f" of {row['limit']['probe']}" if one.of_limit else ""
    return f"{one.had}{of}, goal {one.text}"


def _each(row: Run, key: str) -> str:
    values = [side[key] for side in row["servers"]]
    return " / ".join(map(number, values)) if any(value is not None for value in values) else ""
