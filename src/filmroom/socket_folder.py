"""The folder of the sockets through which codec processes are begun: multiprocessing makes it, for temporary files."""

import errno
import multiprocessing.util
import os
import sys
from contextlib import suppress
from multiprocessing import connection

from filmroom.errors import Unavailable

_LONGEST = 107  # bytes that the path of a socket may have on Linux (unix(7)): 108 with the NUL


def make() -> None:
    """Make it. Who is to inherit it calls this before."""
    try:
        folder = multiprocessing.util.get_temp_dir()
    except OSError as error:
        raise Unavailable(
            f"No folder for temporary files can be used: {error.strerror}. Name one that can be written, by "
            "the variable TMPDIR."
        ) from error
    socket: str = connection.arbitrary_address("AF_UNIX")  # type: ignore[attr-defined]
    beyond = len(os.fsencode(socket)) - _LONGEST
    if beyond > 0 and sys.platform == "linux":  # elsewhere they are begun without
        above = os.path.dirname(folder)
        most = len(os.fsencode(above)) - beyond
        raise Unavailable(
            f"The path of the folder for temporary files, {above}, is too long for sockets: {most} bytes are the most. "
            "Name another by the variable TMPDIR."
        )


def keep() -> None:
    """Make it anew: who cleans the folder for temporary files may have taken it for forgotten, empty as it is at first.

    One that somebody else has made meanwhile is not used: who has the socket gives workers their orders.
    """
    make()
    folder = multiprocessing.util.get_temp_dir()
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    if os.lstat(folder).st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it is another user's", folder)
