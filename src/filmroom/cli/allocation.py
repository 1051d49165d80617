"""What the allocator of the C library does with memory that is freed: mallopt(3).

By itself it gives most of it back to the system at once, and the next request gets it again page by page, each of which
is cleared first. That took a third of the time of Metadata of 1,000 Instances
(decision 32).
"""

import ctypes
import sys

_MIB = 1 << 20
# The numbers are those of <malloc.h>. Two arenas are enough where one thread at a time runs Python and few calls leave
# its lock, and hold less than the sixteen that glibc makes for two cores.
_OPTIONS = {
    -8: 2,  # M_ARENA_MAX
    -1: 16 * _MIB,  # M_TRIM_THRESHOLD: so much of each arena is kept
    -3: 32 * _MIB,  # M_MMAP_THRESHOLD: what is larger has pages of its own; this is the most that can be said
}


def keep_freed_memory() -> None:
    """Have this process keep some megabytes of what it frees. Of use at its very beginning, and only with glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        for option, value in _OPTIONS.items():
            mallopt(option, value)
