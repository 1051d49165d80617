import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from filmroom.errors import BadFile, NotAcceptable, Unavailable
from filmroom.pixels.pool import Pool

# What workers run must be importable by name; a test module is not.


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool(2, timeout=20)
    yield made
    made.close()


def test_runs_in_another_process(pool: Pool) -> None:
    assert pool.run(os.getpid) != os.getpid()


def test_returns_what_the_function_returns(pool: Pool) -> None:
    assert pool.run(math.gcd, 12, 18) == 6


def test_keywords_arrive(pool: Pool) -> None:
    assert pool.run(int.from_bytes, b"\1\0", byteorder="little") == 1


def test_large_values_pass_both_ways(pool: Pool) -> None:
    assert pool.run(bytes.swapcase, b"a" * 3_000_000) == b"A" * 3_000_000
