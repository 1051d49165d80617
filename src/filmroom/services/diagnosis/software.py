"""What is installed: codecs that work, and parts that settings need."""

from collections.abc import Iterator
from importlib.util import find_spec

import imagecodecs

from filmroom import socket_folder
from filmroom.errors import Unavailable
from filmroom.services.diagnosis.findings import Finding, ok, problem, warning

# What `pixels/codecs` calls, by the names of imagecodecs
_CODECS = ("JPEG8", "JPEGLS", "JPEG2K", "HTJ2K", "JPEGXL", "PACKBITS", "CMS")


def codecs() -> Iterator[Finding]:
    """Whether imagecodecs was built with all that is called."""
    missing = [name for name in _CODECS if not getattr(getattr(imagecodecs, name, None), "available", False)]
    if missing:
        yield problem(
            f"imagecodecs {imagecodecs.__version__} was built without {', '.join(missing)}",
            "install its wheel from PyPI: frames in these can't be decoded",
        )
    else:
        yield ok(f"imagecodecs {imagecodecs.__version__} has all codecs")
    if find_spec("av") is None:
        yield warning("rendered video can't be made (video/mp4)", "install filmroom[video], if somebody wants it")


def sockets() -> Iterator[Finding]:
    """Whether the folder for temporary files can hold the sockets through which codec processes are begun."""
    try:
        socket_folder.make()
    except Unavailable as error:
        yield problem(str(error), "the service does not start like this")


def cores(here: int, web_workers: int, codec_processes: int) -> Iterator[Finding]:
    """Whether there are as many processes as the machine has use for."""
    said = f"{web_workers} web workers with {codec_processes} codec processes each, on {here} cores"
    if web_workers > 2 * here or web_workers * codec_processes > 8 * here:
        yield warning(said, "lower workers and codec_processes: they take memory, and time from each other")
    else:
        yield ok(said)
