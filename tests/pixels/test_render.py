"""Frames of real files become the images that pydicom's functions make of them; what can't be made is refused."""

import base64
import io
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut, apply_windowing

from filmroom.dicom import frames, json_model, part10
from filmroom.dicom.presentation import Presentation, Viewport
from filmroom.errors import Error, NotAcceptable, Unsuited
from filmroom.pixels import render
from filmroom.pixels.frame import describe
from filmroom.pixels.render import Source
from tests import data


def source(content: bytes, *numbers: int, how: Presentation = render.PLAIN) -> Source:
    """Frames of a file as the service reads them."""
    file = part10.read(content)
    model = json_model.write(file)
    located = frames.locate(file, model.elements)
    assert located is not None
    asked = numbers or (1,)
    spans = [frames.span(located, number) for number in asked]
    raw = [bytes(file.buffer[offset : offset + length]) for offset, length in spans]
    cut = [frames.extract(located, number, one) for number, one in zip(asked, raw, strict=True)]
    places = {path: model.bulk[path] for number in asked for path in render.needed(model.elements, number, how)}
    bulk = {path: bytes(file.buffer[at.offset : at.offset + at.length]) for path, at in places.items()}
    return Source(cut, asked, model.elements, file.transfer_syntax.uid, bulk)


def shown(content: bytes, how: Presentation = render.PLAIN) -> Any:
    return imagecodecs.png_decode(render.render(source(content, how=how), "image/png", how))


def opened(content: bytes, media_type: str, *numbers: int) -> Any:
    return Image.open(io.BytesIO(render.render(source(content, *numbers), media_type)))


def file_of_pydicom(name: str) -> Path:
    return Path(pydicom.__file__).parent / "data" / "test_files" / name


def eight_bits(values: Any, least: float, most: float) -> Any:
    return np.rint((values.astype(float) - least) / (most - least) * 255)


def test_palettes_are_those_of_pydicom() -> None:
    path = file_of_pydicom("examples_palette.dcm")
    read = pydicom.dcmread(path)
    expected = apply_color_lut(read.pixel_array, read) >> 8
    flat = Presentation(square_pixels=False)
    assert np.array_equal(shown(path.read_bytes(), flat), expected)


@pytest.mark.parametrize("name", ["MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_jp2klossless.dcm"])
def test_windows_are_those_of_pydicom(name: str) -> None:
    read = pydicom.dcmread(file_of_pydicom("MR_small.dcm"))
    windowed = apply_windowing(read.pixel_array, read)  # from -32768 to 32767
    assert np.array_equal(shown(file_of_pydicom(name).read_bytes()), eight_bits(windowed, -32768, 32767))


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(40, 400), (-600.5, 1500), (100, 30)])
def test_windows_asked_for_are_those_of_pydicom(function: str, center: float, width: float) -> None:
    path = file_of_pydicom("CT_small.dcm")
    read = pydicom.dcmread(path)
    read.WindowCenter, read.WindowWidth, read.VOILUTFunction = center, width, function
    windowed = apply_voi_lut(apply_modality_lut(read.pixel_array, read), read)
    # pydicom's shades span all that the stored bits could mean after rescaling (PS3.3 §C.11.2.1.2).
    least = -(1 << read.BitsStored - 1) + float(read.RescaleIntercept)
    expected = (windowed - least) / ((1 << read.BitsStored) - 1) * 255
    made = shown(path.read_bytes(), Presentation(window=(center, width, function)))
    assert np.max(np.abs(made - expected)) < 0.5 + 1e-6  # which of two shades a tie gets is all that may differ


def test_modality_and_voi_tables_are_those_of_pydicom() -> None:
    made = data.image(rows=32, columns=32)
    made.PixelData = np.arange(1024, dtype="<u2").tobytes()
    modality, interest = data.dataset(), data.dataset()
    for item, length, start, bits in ((modality, 1000, 10, 16), (interest, 600, 50, 12)):
        item.LUTDescriptor = [length, start, bits]
        table = (np.arange(length)[::-1] * 7 % (600 if item is modality else 4096)).astype("<u2")
        item.add_new("LUTData", "OW", table.tobytes())
        item.LUTExplanation = "test"
    modality.ModalityLUTType = "US"
    made.ModalityLUTSequence, made.VOILUTSequence = [modality], [interest]
    content = data.file(made)
    read = pydicom.dcmread(io.BytesIO(content))
    expected = apply_voi_lut(apply_modality_lut(read.pixel_array, read), read)
    assert np.array_equal(shown(content), eight_bits(expected, 0, 4095))


def test_jpeg_2000_colors_are_not_transformed_twice() -> None:
    path = file_of_pydicom("examples_jpeg2k.dcm")
    read = pydicom.dcmread(path)
    (codestream,) = pydicom.encaps.generate_frames(read.PixelData, number_of_frames=1)
    assert read.PhotometricInterpretation == "YBR_RCT"
    flat = Presentation(square_pixels=False)
    assert np.array_equal(shown(path.read_bytes(), flat), imagecodecs.jpeg2k_decode(codestream))


def test_several_frames_are_one_moving_image() -> None:
    content = data.file(data.image(frames=4, RecommendedDisplayFrameRate=25))
    for media_type in ("image/gif", "image/webp"):
        moving = opened(content, media_type, 1, 3, 4)
        assert (moving.n_frames, moving.size) == (3, (8, 8))
        moving.load()
        assert moving.info["duration"] == 40


@pytest.mark.parametrize(
    ("elements", "milliseconds"),
    [
        ({}, 100),
        ({"00082144": {"vr": "DS", "Value": [50]}, "00181063": {"vr": "DS", "Value": [33.3]}}, 20),
        ({"00180040": {"vr": "DS", "Value": [0]}, "00181063": {"vr": "DS", "Value": [33.5]}}, 33.5),
        ({"00181065": {"vr": "DS", "Value": [0, 30, 50]}}, 40),
        ({"00181065": {"vr": "DS", "Value": [0]}}, 100),
    ],
)
def test_frames_are_shown_as_long_as_the_file_says(elements: dict[str, Any], milliseconds: float) -> None:
    assert render.frame_milliseconds(elements) == milliseconds


def test_all_that_is_asked_for_is_done_in_its_order() -> None:
    made = data.image(rows=8, columns=8, bits=8)
    made.PixelData = bytes(64)
    made.add_new(0x60000010, "US", 8)
    made.add_new(0x60000011, "US", 8)
    made.add_new(0x60003000, "OW", b"\x0f" + bytes(7))
    viewport = Viewport(16, 16, region_width=8, region_height=8, mirrored=True)
    image = shown(data.file(made), Presentation(viewport=viewport, annotation=("overlay",)))
    assert image.shape == (16, 16)
    assert (image[0, :7].max(), image[0, 9:].min(), image[3:].max()) == (0, 255, 0)


def test_the_whole_of_what_is_rendered_has_a_limit() -> None:
    big = {
        key: {"vr": "US", "Value": [value]} for key, value in (("00280010", 5000), ("00280011", 5000), ("00280100", 16))
    }
    render.check(big, [1, 2], "image/gif", render.PLAIN)
    with pytest.raises(NotAcceptable, match="ask for 2 Frames"):
        render.check(big, [1, 2, 3], "image/gif", render.PLAIN)
    with pytest.raises(NotAcceptable, match="more than 64 megapixels"):
        render.check(big | {"00280010": {"vr": "US", "Value": [50_000]}}, [1], "image/gif", render.PLAIN)


def test_small_frames_have_a_limit_too() -> None:
    sizes = {"00280010": 1, "00280011": 1, "00280100": 8}
    tiny = {key: {"vr": "US", "Value": [value]} for key, value in sizes.items()}
    with pytest.raises(Unsuited, match="at most 10,000 Frames"):
        render.check(tiny, range(1, 10_002), "image/webp", render.PLAIN)


def test_a_viewport_does_not_lift_the_limit() -> None:
    content = data.file(data.image(frames=5, rows=2, columns=2))
    with pytest.raises(NotAcceptable, match="fewer Frames"):
        render.render(source(content, 1, 2, 3, 4, 5), "image/gif", Presentation(viewport=Viewport(4000, 4000)))


def test_what_has_no_profiles_is_not_asked_for_one() -> None:
    elements = json_model.write(part10.read(data.file(data.image()))).elements
    with pytest.raises(Unsuited, match="iccprofile"):
        render.check(elements, [1], "image/gif", Presentation(icc_profile="srgb"))
    assert describe(elements).rows == 8


@pytest.mark.parametrize(("media_type", "photometric"), [("image/bmp", "MONOCHROME2"), ("image/png", "HSV")])
def test_what_cannot_be_shown_is_refused(media_type: str, photometric: str) -> None:
    content = data.file(data.image(PhotometricInterpretation=photometric))
    with pytest.raises(NotAcceptable):
        render.render(source(content), media_type)


# --- Attributes whose values make no sense

NUMBERS = st.one_of(
    st.integers(-2, 20),
    st.sampled_from([255, 256, 65535, 65536, -32768, 2**31, 2**63, 2**64 - 1, -(2**63)]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["NaN", "Infinity", "-Infinity", 1e-320, 1e308, -1e308, 1e-3]),
)
TEXTS = st.sampled_from(["", "x", "LINEAR", "SIGMOID", "INVERSE", "COLOR", "YES", "1.5", None])
BYTES = st.binary(max_size=40)
TAGS = re.findall(
    r"\S+",
    """
    00280106 00280107 00281050 00281051 00281052 00281053 00281056 00280120 00280121 00280102 20500020 00089205
    00283000 00283010 00283002 00283006 00281101 00281102 00281103 00281201 00281202 00281203 00281221 00281222
    52009229 52009230 00289145 00289132 00289110 00280030 00181164 00182010 00280034 00082144 00180040 00181063
    00181065 00282000 00480105 60000010 60000011 60000050 60000100 60000102 60000015 60000051 60003000 00100010
    00100020 00080060 00080020 00200013 00180060 00280010 00280011 00280002 00280004 00280006 00280100 00280101
    00280103 00280008 7FE00010
    """,
)


def elements_of(items: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of the attributes that rendering looks at, of any VR and with any value that such a one has."""
    values = {
        "US SS UL SL UV SV FL FD IS DS AT": st.lists(NUMBERS, max_size=4),
        "IS DS CS LO UT DA UI": st.lists(TEXTS, max_size=4),
        "PN": st.lists(st.just({"Alphabetic": "Doe^John"}) | st.none(), max_size=2),
        "SQ": st.lists(items, max_size=2),
    }
    choices = [
        st.builds(
            lambda vr, value: {"vr": vr, "Value": value} if value else {"vr": vr}, st.sampled_from(vrs.split()), of
        )
        for vrs, of in values.items()
    ]
    binary = st.builds(
        lambda vr, raw: {"vr": vr, "InlineBinary": base64.b64encode(raw).decode()},
        st.sampled_from(["OB", "OW", "OF", "UN"]),
        BYTES,
    )
    return st.dictionaries(st.sampled_from(TAGS), st.one_of(*choices, binary), max_size=6)


NOTHING: st.SearchStrategy[dict[str, Any]] = st.just({})
EVIL = st.recursive(NOTHING, elements_of, max_leaves=12)
ALL = Presentation(annotation=("patient", "technique", "overlay"), icc_profile="yes")
KINDS = (
    data.image(frames=2),
    data.image(frames=2, bits=8, samples=3),
    data.image(bits=8, PhotometricInterpretation="PALETTE COLOR"),
)


@settings(max_examples=300)
@given(kind=st.sampled_from(KINDS), evil=EVIL, what=st.sampled_from([("image/png", ALL), ("image/gif", render.PLAIN)]))
def test_attributes_of_any_kind_are_shown_or_refused(
    kind: Any, evil: dict[str, Any], what: tuple[str, Presentation]
) -> None:
    media_type, how = what
    plain = source(data.file(kind))
    numbers = [1, 1] if media_type == "image/gif" else [1]
    with suppress(Error):
        elements = {**plain.elements, **evil}
        render.needed(elements, 1, how)
        asked = Source([*plain.frames] * len(numbers), numbers, elements, plain.transfer_syntax)
        assert render.render(asked, media_type, how).startswith((b"\x89PNG", b"GIF8"))
