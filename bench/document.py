"""The figures of docs/benchmarks.md, made of the runs in bench/figures: tables, and a graph for each group of rows.

    python -m bench.document                  write them anew
    python -m bench.document run.json NAME    keep a run as bench/figures/NAME.json, and write them anew

Where a run's figures stand, the page has the marks `<!-- figures: NAME -->` and `<!-- end -->`; where the goals of the
rows stand, `<!-- goals -->`.
"""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import commands, machine, tables
from bench.graph import drawn, graph
from bench.report import MOST_MEMORY
from bench.rows import ROWS
from bench.rows.table import wanted

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "bench" / "figures"
PAGE = ROOT / "docs" / "benchmarks.md"
GRAPHS = ROOT / "docs" / "benchmarks"
_GOALS = re.compile(r"(<!-- goals -->\n).*?(<!-- end -->)", re.DOTALL)
_MADE = re.compile(r"(<!-- figures: (?P<name>[\w-]+) -->\n)(?P<text>.*?)(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Write the page and its graphs."""
    parser = argparse.ArgumentParser("bench.document", description="Write the figures of docs/benchmarks.md.")
    parser.add_argument("run", nargs="?", type=Path, help="what a measurement wrote by --json")
    parser.add_argument("name", nargs="?", help="what it is kept as")
    given = parser.parse_args()
    runs = kept()
    if given.run:
        if not given.name or not re.fullmatch(r"[\w-]+", given.name):
            parser.error("a run is kept under a name of letters, digits and hyphens")
        runs[given.name] = read(given.run)
    page = renewed(PAGE.read_text(), runs)  # refused for want of a mark before anything is written
    if given.run:
        FIGURES.mkdir(exist_ok=True)
        text = json.dumps(runs[given.name], indent=1, ensure_ascii=False)
        (FIGURES / f"{given.name}.json").write_text(text + "\n")
    PAGE.write_text(page)
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


def read(file: Path) -> dict[str, Any]:
    """A run that a measurement wrote."""
    try:
        return trimmed(json.loads(file.read_text()))
    except OSError as error:
        commands.refuse(f"{file} can't be read: {error.strerror}.")
    except (ValueError, LookupError, TypeError):
        commands.refuse(f"{file} is nothing that a measurement wrote by --json.")


def trimmed(run: dict[str, Any]) -> dict[str, Any]:
    """What a page needs: of a run everything that the command wrote, of a plain table what is in it."""
    if "servers" not in run:
        run = {key: run[key] for key in ("title", "date", "command", "machine", "head", "rows")}
    return _rounded(run)  # type: ignore[no-any-return]


def renewed(page: str, runs: dict[str, dict[str, Any]]) -> str:
    """The page with what is between marks made anew; everything else stays as somebody wrote it."""
    page = _GOALS.sub(lambda found: f"{found[1]}{goals()}\n{found[2]}", page)
    marked = {found["name"] for found in _MADE.finditer(page)}
    if missing := runs.keys() - marked:
        marks = "".join(f"\n<!-- figures: {name} -->\n<!-- end -->" for name in sorted(missing))
        raise SystemExit(f"Add these lines to docs/{PAGE.name}, where the figures are to stand:{marks}")
    if missing := marked - runs.keys():
        raise SystemExit(f"docs/{PAGE.name} has marks without a file in bench/figures: {', '.join(sorted(missing))}")
    return _MADE.sub(lambda found: f"{found[1]}{text(found['name'], runs[found['name']])}\n{found[4]}", page)


def text(name: str, run: dict[str, Any]) -> str:
    """What stands in the page for a run, or for a plain table."""
    if "servers" not in run:
        return "\n\n".join([f"**{run['title']}**", tables.markdown(run["head"], run["rows"]), _about(run)])
    servers = "\n".join(f"* {letter}: {one}" for letter, one in zip(tables.LETTERS, run["servers"], strict=False))
    parts = [f"**{run['title']}**"] if "title" in run else []
    parts += [_about(run), servers, *run.get("notes", ())]
    for group, rows in _groups(run):
        picture = f"![{group}: {tables.summary(rows)}](benchmarks/{_file(name, group)})"
        parts += [f"#### {group}", *([picture] if _drawn(run, rows) else []), tables.table(run, rows)]
    if run["probes"]:
        parts += ["#### The machine itself", tables.probes(run)]
    return "\n\n".join(parts)


def goals() -> str:
    """What is wanted of each row."""
    rows = [(f"`{row.name}`", row.title, ", ".join(wanted(row))) for row in ROWS]
    return tables.markdown(
        ["row", "title", "goal"], [*rows, ("`memory`", "Peak memory", f"at most {MOST_MEMORY:,} MB")]
    )


def graphs(runs: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The graphs by the names of their files."""
    return {
        _file(name, group): graph(group, run, rows)
        for name, run in runs.items()
        if "servers" in run
        for group, rows in _groups(run)
        if _drawn(run, rows)
    }


def _groups(run: dict[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for group in dict.fromkeys(row["group"] for row in run["rows"]):
        yield group, [row for row in run["rows"] if row["group"] == group]


def _drawn(run: dict[str, Any], rows: list[dict[str, Any]]) -> bool:
    return any(value is not None for _, value in drawn(rows, len(run["servers"]) == 1))


def _file(name: str, group: str) -> str:
    return f"{name}-{re.sub(r'[^a-z0-9]+', '-', group.lower())}.svg"


def _about(run: dict[str, Any]) -> str:
    about = run["machine"]
    return f"`{run['command']}` on {run['date']}; {about if isinstance(about, str) else machine.said(about)}."


def _rounded(value: Any) -> Any:
    """Five digits: more are noise."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return {key: _rounded(one) for key, one in value.items()} if isinstance(value, dict) else value


if __name__ == "__main__":
    commands.run(main)
