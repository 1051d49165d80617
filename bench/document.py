"""The figures of docs/benchmarks.md, made of the runs in bench/figures: tables, and a graph for each group of rows.

    python -m bench.document                  write them anew
    python -m bench.document run.json NAME    keep a run as bench/figures/NAME.json, and write them anew

Where a run's figures stand, the page has the marks `<!-- figures: NAME -->` and `<!-- end -->`.
"""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import tables
from bench.graph import graph

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "bench" / "figures"
PAGE = ROOT / "docs" / "benchmarks.md"
GRAPHS = ROOT / "docs" / "benchmarks"
_MADE = re.compile(r"(<!-- figures: (?P<name>[\w-]+) -->\n)(?P<text>.*?)(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Write the page and its graphs."""
    parser = argparse.ArgumentParser("bench.document", description="Write the figures of docs/benchmarks.md.")
    parser.add_argument("run", nargs="?", type=Path, help="what a measurement wrote by --json")
    parser.add_argument("name", nargs="?", help="what it is kept as")
    given = parser.parse_args()
    if given.run:
        if not given.name or not re.fullmatch(r"[\w-]+", given.name):
            parser.error("a run is kept under a name of letters, digits and hyphens")
        FIGURES.mkdir(exist_ok=True)
        run = trimmed(json.loads(given.run.read_text()))
        (FIGURES / f"{given.name}.json").write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n")
    runs = kept()
    PAGE.write_text(renewed(PAGE.read_text(), runs))
    GRAPHS.mkdir(exist_ok=True)
    made = graphs(runs)
    for path in GRAPHS.glob("*.svg"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (GRAPHS / name).write_text(text)


def kept() -> dict[str, dict[str, Any]]:
    """The runs by their names."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(FIGURES.glob("*.json"))}


def trimmed(run: dict[str, Any]) -> dict[str, Any]:
    """What a page needs of a run: of each round the figure."""
    if "servers" not in run:
        run = {key: run[key] for key in ("title", "date", "command", "machine", "head", "rows")}
    for row in run["rows"] if "servers" in run else ():
        for side in row["servers"]:
            side["rounds"] = [one["figure"] for one in side["rounds"]]
    return _rounded(run)  # type: ignore[no-any-return]


def renewed(page: str, runs: dict[str, dict[str, Any]]) -> str:
    """The page with what is between marks made anew; everything else stays as somebody wrote it."""
    marked = {found["name"] for found in _MADE.finditer(page)}
    if marked != runs.keys():
        differ = ", ".join(sorted(marked ^ runs.keys()))
        raise SystemExit(f"Marks in {PAGE.name} and files in bench/figures differ: {differ}")
    return _MADE.sub(lambda found: f"{found[1]}{text(found['name'], runs[found['name']])}\n{found[4]}", page)


def text(name: str, run: dict[str, Any]) -> str:
    """What stands in the page for a run, or for a plain table."""
    if "servers" not in run:
        return "\n\n".join([f"**{run['title']}**", tables.markdown(run["head"], run["rows"]), _about(run)])
    servers = "\n".join(f"* {letter}: {one}" for letter, one in zip(tables.LETTERS, run["servers"], strict=False))
    parts = [_about(run), servers]
    for group, rows in _groups(run):
        picture = f"![{group}: ratios to the best other server](benchmarks/{_file(name, group)})"
        parts += [f"### {group}", *([picture] if _drawn(rows) else []), tables.table(run, rows)]
    if run["probes"]:
        parts += ["### The machine itself", tables.probes(run)]
    return "\n\n".join(parts)


def graphs(runs: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The graphs by the names of their files."""
    return {
        _file(name, group): graph(f"{group}: how many times as good as the best other server", rows)
        for name, run in runs.items()
        if "servers" in run
        for group, rows in _groups(run)
        if _drawn(rows)
    }


def _groups(run: dict[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for group in dict.fromkeys(row["group"] for row in run["rows"]):
        yield group, [row for row in run["rows"] if row["group"] == group]


def _drawn(rows: list[dict[str, Any]]) -> bool:
    return any(tables.ratio(row) is not None for row in rows)


def _file(name: str, group: str) -> str:
    return f"{name}-{re.sub(r'[^a-z0-9]+', '-', group.lower())}.svg"


def _about(run: dict[str, Any]) -> str:
    machine = run["machine"]
    if isinstance(machine, dict):
        machine = ", ".join(
            value if what in {"CPU", "system"} else f"{what} {value}" for what, value in machine.items()
        )
    return f"`{run['command']}` on {run['date']}; {machine}."


def _rounded(value: Any) -> Any:
    """Five digits: more are noise."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return {key: _rounded(one) for key, one in value.items()} if isinstance(value, dict) else value


if __name__ == "__main__":
    main()
