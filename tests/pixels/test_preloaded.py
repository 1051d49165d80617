import subprocess
import sys
from contextlib import closing

import pytest

from filmroom.pixels.pool import Pool

LOADED = "(lambda sys, gc: ('filmroom.pixels.render' in sys.modules, gc.get_freeze_count() > 0))"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each worker imports what it needs")
def test_workers_begin_with_what_they_need() -> None:
    with closing(Pool(1, timeout=20)) as pool:
        assert pool.run(eval, f"{LOADED}(__import__('sys'), __import__('gc'))") == (True, True)


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_what_is_forked_has_no_threads() -> None:
    program = "import os, filmroom.pixels.preloaded; print(len(os.listdir('/proc/self/task')))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"1\n"
