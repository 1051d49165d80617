"""Frames of an instance that `filmroom retrieve` saves instead of its file."""

from collections import deque
from contextlib import suppress
from pathlib import Path

from filmroom.cli import raw
from filmroom.cli.endings import ending
from filmroom.cli.saving import Uids, write
from filmroom.cli.typed import Frames
from filmroom.client import Client, ClientError, Content
from filmroom.dicom import transfer_syntax
from filmroom.dicom.transfer_syntax import OCTET_STREAM

_RAW = ".raw"


def save(client: Client, uids: Uids, frames: Frames, syntax: str, folder: Path, saved: list[Path]) -> str:
    """Frames, each under its number; and what is in those without compression, which don't say it.

    In a Transfer Syntax they come as what that makes them (PS3.18 §8.7.3.3).
    """
    media_type = OCTET_STREAM if syntax == "*" else transfer_syntax.find(syntax).media_type
    contents = client.iter_instance_frames(*uids, frames.numbers, media_types=[(media_type, syntax)])
    plain: Content | None = None
    for number, frame in zip(frames.numbers, contents, strict=False):
        end = ending(frame) or _RAW
        saved.append(write(frame, folder / f"{'/'.join(uids)}-{number}{end}"))
        plain = frame if end == _RAW else plain
    deque(contents, maxlen=0)  # to the end, where it is seen whether there were more
    with suppress(ClientError):  # the frames are saved, whatever the service thinks of its Metadata
        if plain is not None:
            return f"each {_RAW} is {raw.description(client.retrieve_instance_metadata(*uids).json, plain)}"
    return ""
