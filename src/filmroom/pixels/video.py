"""Frames as H.264 video in an MP4 file, if the optional package `av` is installed (`pip install filmroom[video]`)."""

import io
from collections.abc import Sequence
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec

from PIL import Image as Pillow

AVAILABLE = find_spec("av") is not None
_COARSEST = 40  # constant rate factor of quality 1; 0 would be lossless, 18 looks so


def encode(images: Sequence[Pillow.Image], quality: int, milliseconds: float) -> bytes:
    """The images one after the other, each for so long."""
    av = import_module("av")  # a hundred megabytes of codecs, loaded by who asks for video alone
    file = io.BytesIO()
    # In fragments, each with its own index: players begin before they have all of it, and nothing is written twice.
    with av.open(file, "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"}) as container:
        rate = Fraction(1000 / milliseconds).limit_denominator(1000)
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height = (side + side % 2 for side in images[0].size)  # chroma is of pairs of pixels
        stream.pix_fmt = "yuv420p"  # what every browser plays
        stream.options = {"crf": str(round(_COARSEST * (1 - quality / 100)) or 12), "preset": "veryfast", "bf": "0"}
        stream.thread_count = 1
        for image in images:
            padded = Pillow.new("RGB", (stream.width, stream.height))
            padded.paste(image)
            container.mux(stream.encode(av.VideoFrame.from_image(padded)))
        container.mux(stream.encode(None))
    return file.getvalue()
