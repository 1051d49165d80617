"""Frames a second of each change of Transfer Syntax, beside the codec's own: `python -m bench.transcoding`.

The service is asked for all Frames of an object in one request, by one client. The codec is measured in this process,
in one thread, just before.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import imagecodecs
import numpy as np

from bench.data import Instance, Shape, new_run
from bench.servers import filmroom, folder_in
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
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure")
    parser.add_argument("--folder", type=Path, help="where the server stores; on a real disk")
    options = parser.parse_args()
    print("| Frame | from | to | codec /s | service /s | share |\n|---|---|---|---|---|---|")
    with folder_in(options.folder) as folder, filmroom(folder, 1) as server, httpx2.Client(timeout=600) as http:
        at = Service(server.name, server.url)
        for name, shape in SHAPES.items():
            native = Instance(shape, new_run(), at.new_study(), 0, 0)
            at.store_all([native])
            for uid in CODECS:
                _pairs(http, server.url, native, uid, name, options.seconds)


def _pairs(http: httpx2.Client, url: str, native: Instance, uid: str, name: str, seconds: float) -> None:
    media_type, encode, decode = CODECS[uid]
    shape = native.shape
    samples = np.frombuffer(b"".join(native.frame(1)), "<u2").reshape(shape.rows, shape.columns)
    if uid == RLE:  # two planes of bytes
        samples = np.ascontiguousarray(samples.view("u1").reshape(shape.rows, shape.columns, 2).transpose(2, 0, 1))
    compressed = [encode(plane) for plane in samples] if uid == RLE else [encode(samples)]
    planes = list(samples) if uid == RLE else [samples]
    raw_encode = _rate(lambda: [encode(plane) for plane in planes], 1, seconds)
    raw_decode = _rate(lambda: [decode(data) for data in compressed], 1, seconds)
    compressed_path = _stored_as(http, url, native, uid)
    for source, target, path, wanted, raw in (
        (
            "native",
            transfer_syntax.find(uid).name,
            url + native.path,
            f'{media_type}"; transfer-syntax={uid}',
            raw_encode,
        ),
        (
            transfer_syntax.find(uid).name,
            "native",
            compressed_path,
            f'application/octet-stream"; transfer-syntax={EXPLICIT}',
            raw_decode,
        ),
    ):
        served = _rate(partial(_ask, http, path, shape.frames, wanted), shape.frames, seconds)
        print(f"| {name} | {source} | {target} | {raw:.1f} | {served:.1f} | {served / raw:.0%} |", flush=True)


def _rate(work: Callable[[], object], count: int, seconds: float) -> float:
    work()
    done, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds or not done:
        work()
        done += count
    return done / (time.perf_counter() - begin)


def _ask(http: httpx2.Client, path: str, frames: int, wanted: str) -> None:
    numbers = ",".join(str(number) for number in range(1, frames + 1))
    answer = http.get(f"{path}/frames/{numbers}", headers={"Accept": f'multipart/related; type="{wanted}'})
    answer.raise_for_status()


def _stored_as(http: httpx2.Client, url: str, native: Instance, uid: str) -> str:
    """The path of a new Instance in that Transfer Syntax."""
    answer = http.get(url + native.path, headers={"Accept": f"application/dicom; transfer-syntax={uid}"})
    answer.raise_for_status()
    other = replace(native, number=int(uid.rpartition(".")[2]))  # its UID is as long
    content = answer.content.replace(native.uids[2].encode(), other.uids[2].encode())
    body = b"--bench\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--bench--\r\n"
    kind = 'multipart/related; type="application/dicom"; boundary=bench'
    http.post(f"{url}/studies", content=body, headers={"Content-Type": kind}).raise_for_status()
    return url + other.path


if __name__ == "__main__":
    main()
