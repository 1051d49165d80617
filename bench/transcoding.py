"""Frames a second of each change of Transfer Syntax, beside the codec's own: `python -m bench.transcoding`.

The service is asked for all Frames of an object in one request, by one client. The codec is measured in this process,
in one thread, just before.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import imagecodecs
import numpy as np

from bench import commands
from bench.client import Answer, WrongAnswerError
from bench.data import Instance, Shape, new_run
from bench.servers import Setup, filmroom, folder_in
from bench.service import Service
from filmroom.dicom import transfer_syntax

SHAPES = {"512 x 512": Shape(512, 512, frames=24), "2500 x 2000": Shape(2500, 2000, frames=6)}
EXPLICIT = "1.2.840.10008.1.2.1"
Work = Callable[[Any], Any]
# Transfer Syntax: media type of Frames, encoder, decoder
CODECS: dict[str, tuple[str, Work, Work]] = {
    "1.2.840.10008.1.2.5": ("image/dicom-rle", imagecodecs.packbits_encode, imagecodecs.packbits_decode),
    "1.2.840.10008.1.2.4.51": (
        "image/jpeg",
        lambda samples: imagecodecs.jpeg8_encode(samples, level=95, bitspersample=12),
        imagecodecs.jpeg8_decode,
    ),
    "1.2.840.10008.1.2.4.70": (
        "image/jpeg",
        lambda samples: imagecodecs.jpeg8_encode(samples, lossless=True, predictor=1, bitspersample=12),
        imagecodecs.jpeg8_decode,
    ),
    "1.2.840.10008.1.2.4.80": ("image/jls", imagecodecs.jpegls_encode, imagecodecs.jpegls_decode),
    "1.2.840.10008.1.2.4.90": (
        "image/jp2",
        lambda samples: imagecodecs.jpeg2k_encode(samples, level=0, codecformat="j2k", bitspersample=12),
        imagecodecs.jpeg2k_decode,
    ),
    "1.2.840.10008.1.2.4.201": ("image/jphc", imagecodecs.htj2k_encode, imagecodecs.jpeg2k_decode),
    "1.2.840.10008.1.2.4.110": (
        "image/jxl",
        lambda samples: imagecodecs.jpegxl_encode(samples, lossless=True, effort=1, bitspersample=12, numthreads=1),
        lambda data: imagecodecs.jpegxl_decode(data, numthreads=1),
    ),
}
RLE = "1.2.840.10008.1.2.5"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser("bench.transcoding", description=__doc__)
    parser.add_argument("--seconds", type=commands.seconds, default=1.0, help="for each figure")
    parser.add_argument("--folder", type=Path, help="where the server stores; on a real disk")
    parser.add_argument(
        "--codecs", nargs="+", choices=CODECS, default=[*CODECS], metavar="UID", help=f"of {', '.join(CODECS)}"
    )
    options = parser.parse_args()
    print("| Frame | from | to | codec /s | service /s | share |\n|---|---|---|---|---|---|")
    with folder_in(options.folder) as folder, filmroom(folder, Setup(1)) as server:
        at = Service(server.name, server.url)
        for name, shape in SHAPES.items():
            native = Instance(shape, new_run(), at.new_study(), 0, 0)
            at.store_all([native])
            for uid in options.codecs:
                for pair in pairs(at, native, uid, options.seconds):
                    print(f"| {name} | {pair.source} | {pair.target} | {pair.row()} |", flush=True)


@dataclass(frozen=True, slots=True)
class Pair:
    """Frames a second of a change, by the codec alone and by the service."""

    source: str
    target: str
    codec: float
    service: float

    def row(self) -> str:
        """The figures, and the second as a share of the first."""
        return f"{self.codec:.1f} | {self.service:.1f} | {self.service / self.codec:.0%}"


def pairs(at: Service, native: Instance, uid: str, seconds: float) -> Iterator[Pair]:
    """From native to a Transfer Syntax, and back."""
    media_type, encode, decode = CODECS[uid]
    planes = _planes(native, uid)
    compressed = [encode(plane) for plane in planes]
    name = transfer_syntax.find(uid).name
    encoding = _rate(lambda: [encode(plane) for plane in planes], seconds)
    yield Pair(
        "native", name, encoding, _served(at, native, native.path, f'{media_type}"; transfer-syntax={uid}', seconds)
    )
    decoding = _rate(lambda: [decode(data) for data in compressed], seconds)
    path = _stored_as(at, native, uid)
    wanted = f'application/octet-stream"; transfer-syntax={EXPLICIT}'
    yield Pair(name, "native", decoding, _served(at, native, path, wanted, seconds))


def _planes(native: Instance, uid: str) -> list[Any]:
    """What a codec is given of one Frame."""
    shape = (native.shape.rows, native.shape.columns)
    samples = np.frombuffer(b"".join(native.frame(1)), "<u2").reshape(shape)
    if uid != RLE:
        return [samples]
    return list(np.ascontiguousarray(samples.view("u1").reshape(*shape, 2).transpose(2, 0, 1)))  # a plane of each byte


def _rate(work: Callable[[], object], seconds: float) -> float:
    work()
    done, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds or not done:
        work()
        done += 1
    return done / (time.perf_counter() - begin)


def _served(at: Service, native: Instance, path: str, wanted: str, seconds: float) -> float:
    """Frames a second, all of an object in each answer."""
    count = native.shape.frames

    def check(answer: Answer) -> None:
        buffer, start, end = answer.content()
        found = buffer[start:end].count(b"\r\nContent-Location:")
        if answer.status != 200 or found != count:
            raise WrongAnswerError(f"status {answer.status}, {found} Frames of {count}")

    numbers = ",".join(str(number) for number in range(1, count + 1))
    task = at.get(f"{path}/frames/{numbers}", f'multipart/related; type="{wanted}', check)
    at.ask(task)
    timing = at.measure(lambda _: task, 1, None, seconds)
    return count * len(timing.latencies) / timing.seconds


def _stored_as(at: Service, native: Instance, uid: str) -> str:
    """The path of a new Instance in that Transfer Syntax."""
    with httpx2.Client(timeout=600) as http:
        answer = http.get(at.url + native.path, headers={"Accept": f"application/dicom; transfer-syntax={uid}"})
        answer.raise_for_status()
        other = replace(native, number=int(uid.rpartition(".")[2]))  # its UID is as long
        content = answer.content.replace(native.uids[2].encode(), other.uids[2].encode())
        body = b"--bench\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--bench--\r\n"
        kind = 'multipart/related; type="application/dicom"; boundary=bench'
        http.post(f"{at.url}/studies", content=body, headers={"Content-Type": kind}).raise_for_status()
    return other.path


if __name__ == "__main__":
    commands.run(main)
