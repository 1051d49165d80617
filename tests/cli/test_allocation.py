"""Memory that was freed is there for the next request."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
{first}

def work():
    begin = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    [bytes(5000) for _ in range(2000)]
    bytes(8_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - begin

work()
print(work())
"""


def faults(first: str) -> int:
    ended = subprocess.run([sys.executable, "-c", FAULTS.format(first=first)], capture_output=True, text=True)
    return int(ended.stdout or ended.stderr)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is another")
def test_what_is_freed_is_not_fetched_again_page_by_page() -> None:
    kept = faults("from filmroom.cli.allocation import keep_freed_memory\nkeep_freed_memory()")
    assert kept < 500 < faults("")
