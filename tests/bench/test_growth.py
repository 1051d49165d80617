"""How the rows grow with the archive, with twenty Instances beside forty."""

import json
from contextlib import closing
from fnmatch import fnmatch
from pathlib import Path

from sqlalchemy import func, select

from bench import bulk, growth
from bench.rows import ROWS
from filmroom.index.tables import instance


def test_a_row_is_measured_in_both_archives_and_a_second_run_finds_them_as_they_were(tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    sizes = ["--small", "20", "--instances", "40", "--stored", "20"]
    arguments = [*sizes, "--workers", "1", "--quick", "--rows", "store-131k-1"]
    for _ in range(2):
        assert growth.main([*arguments, "--folder", str(tmp_path), "--json", str(found)]) == 0
    told = json.loads(found.read_text())
    [[title, unit, *figures], memory] = told["rows"]
    assert (told["failures"], title, unit) == ([], "Store 131 KB, 1 client", "/s")
    assert all(figure > 0 for figure in (*figures, *memory[2:]))
    with closing(bulk.opened(tmp_path / "40" / "filmroom")) as archive, archive.index.read() as tx:
        assert tx.core.scalar(select(func.count()).select_from(instance)) == 40 + 120


def test_each_pattern_names_rows_of_the_table() -> None:
    assert all(any(fnmatch(row.name, name) for row in ROWS) for name in growth.NAMES)
