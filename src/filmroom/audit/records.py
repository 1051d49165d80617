"""What is written down: `Facts` on their way into a line of the trail, and the `Record` that is read from one.

A fact that is None is not known, and left out of the line.
"""

import getpass
import os
import time
from collections.abc import Mapping
from typing import Any

Facts = dict[str, Any]  # `time` is in seconds since 1970 until it is in a line; `partition_key` is in none
Record = Mapping[str, Any]  # a line that was read: its `time` is text
MOST_NAMED = 1000  # Studies or Instances that a record names; `patients` are those of `studies`, in their order


def by_user(action: str, **facts: Any) -> Facts:
    """What a command or an operation did, in the name of who runs this process."""
    return {"time": time.time(), "action": action, "who": user(), "client": "local", **facts}


def by_itself(action: str, **facts: Any) -> Facts:
    """What the trail says of itself."""
    return {"time": time.time(), "action": action, "who": "filmroom", **facts}


def user() -> str:
    """Who runs this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account that has no name, as in containers
        return f"uid {os.getuid()}"
