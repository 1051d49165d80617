"""What a run's JSON says: each row beside the best peer and its goals, as a Markdown table.

A run is {"servers", "rows", "probes", "machine", "date", "command"}, as bench.report and the command line write it.
What other measurements write is a plain table: {"title", "head": [...], "rows": [[...], ...]} and, as a run has them
from bench.machine.stamped, {"machine", "date", "command"}.
"""

from collections.abc import Callable, Sequence
from typing import Any

LETTERS = "ABC"
Run = dict[str, Any]
MET = "✓"


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


def ratio(row: Run) -> float | None:
    """How many times better the first server is than the best other: below 1 it is worse."""
    peer, own = best_peer(row), row["servers"][0]["figure"]
    return None if peer is None or not own else _better(row, own, row["servers"][peer]["figure"])


def share(row: Run) -> float | None:
    """How much of what the machine can do the first server reaches, by the probe that was taken beside the row."""
    limit, own = row["limit"], row["servers"][0]["figure"]
    return _better(row, own, limit["figure"]) if own and limit and limit["figure"] else None


def reached(row: Run) -> list[float]:
    """How much of each goal is reached: 1 and more is met."""
    own = row["servers"][0]["figure"]
    compared, shared = ratio(row), share(row)
    found = []
    if row["goal"] and compared is not None:
        found.append(compared / row["goal"])
    if row["most"] and own:
        found.append(row["most"] / own)
    if row["limit"] and shared is not None:
        found.append(shared / row["limit"]["share"])
    return found


def table(run: Run, rows: Sequence[Run] | None = None) -> str:
    """A line for each row; columns that would be empty are left out."""
    rows = run["rows"] if rows is None else rows
    letters = LETTERS[: len(run["servers"])]
    columns: list[tuple[str, Callable[[Run], str]]] = [
        ("row", lambda row: str(row["title"])),
        ("unit", lambda row: str(row["unit"])),
    ]
    columns += [(letter, lambda row, place=place: _figure(row, place)) for place, letter in enumerate(letters)]  # type: ignore[misc]
    against = "A against B" if len(letters) == 2 else "A against the best"
    columns += [(against, _ratio), ("goal", _goal), ("of the machine's limit", _limit)]
    columns += [
        (f"CPU ms a request {' / '.join(letters)}", lambda row: _each(row, "cpu_ms")),
        (f"peak MB {' / '.join(letters)}", lambda row: _each(row, "peak_mb")),
    ]
    made = [(head, [cell(row) for row in rows]) for head, cell in columns]
    filled = [(head, cells) for head, cells in made if any(cells)]
    return markdown([head for head, _ in filled], list(zip(*(cells for _, cells in filled), strict=True)))


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


def _figure(row: Run, place: int) -> str:
    side = row["servers"][place]
    if side["failure"]:
        return "FAILED"
    text = number(side["figure"]) + ("\\*" if side["disturbed"] else "")
    return f"**{text}**" if len(row["servers"]) > 2 and place == best_peer(row) else text


def _ratio(row: Run) -> str:
    found = ratio(row)
    return "" if found is None else f"{number(found)} x"


def _goal(row: Run) -> str:
    goals = []
    if row["goal"]:
        goals.append(f"{number(row['goal'])} x{_judged(ratio(row), row['goal'])}")
    if row["most"]:
        own = row["servers"][0]["figure"]
        goals.append(f"at most {number(row['most'])} {row['unit']}{_judged(1 / own if own else None, 1 / row['most'])}")
    return ", ".join(goals)


def _limit(row: Run) -> str:
    limit = row["limit"]
    if not limit:
        return ""
    found = share(row)
    of = f"{number(found)} of {limit['probe']}"
    return f"{of}, goal {number(limit['share'])}{_judged(found, limit['share'])}"


def _judged(found: float | None, goal: float) -> str:
    if found is None:
        return ""
    return f" {MET}" if found >= goal else f" ({number(found / goal)} of it)"


def _each(row: Run, key: str) -> str:
    values = [side[key] for side in row["servers"]]
    return " / ".join(map(number, values)) if any(value is not None for value in values) else ""
