"""What the process imports of which codec processes are forks, before there is any (decision 11)."""

import gc
import os

# Before numpy is imported, whose own threads no fork would have. Nothing here needs them.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from filmroom.pixels import render, transcode

__all__ = ["render", "transcode"]

gc.freeze()  # a collection in a fork would write to all objects, and so copy the memory that they share
