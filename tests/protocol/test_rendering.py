"""The parameters of rendered images: what they mean, and that whatever is malformed is refused by its name."""

import pytest

from filmroom.dicom.presentation import Presentation, Viewport
from filmroom.errors import BadParameter
from filmroom.protocol import rendering


def test_nothing_said_is_the_default() -> None:
    assert rendering.parse({}) == Presentation()


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("40,400,linear", (40, 400, "LINEAR")),
        ("-600.5, 1500 ,LINEAR_EXACT", (-600.5, 1500, "LINEAR_EXACT")),
        ("1e3,2,linear-exact", (1000, 2, "LINEAR_EXACT")),
        ("1,2,Sigmoid", (1, 2, "SIGMOID")),
        ("40,400", (40, 400, "LINEAR")),
    ],
)
def test_windows(text: str, window: tuple[float, float, str]) -> None:
    assert rendering.parse({"window": text}).window == window


@pytest.mark.parametrize(
    ("text", "viewport"),
    [
        ("512,256", Viewport(512, 256)),
        (" 512 , 256 ", Viewport(512, 256)),
        ("9,9,1,2,3,4", Viewport(9, 9, 1, 2, 3, 4)),
        ("9,9,,,-3,-4.5", Viewport(9, 9, 0, 0, 3, 4.5, mirrored=True, flipped=True)),
        ("9,9,,5,,", Viewport(9, 9, 0, 5)),
    ],
)
def test_viewports(text: str, viewport: Viewport) -> None:
    assert rendering.parse({"viewport": text}).viewport == viewport


def test_annotations_are_in_one_order() -> None:
    assert rendering.parse({"annotation": "Technique, patient"}).annotation == ("patient", "technique")


def test_profiles() -> None:
    assert [rendering.parse({"iccprofile": one.upper()}).icc_profile for one in rendering.ICC_PROFILES] == [
        *rendering.ICC_PROFILES
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("window", text) for text in ("", "40", "40,0,linear", "40,-1,linear", "a,b,linear", "40,400,gamma")),
        *(("window", text) for text in ("nan,400,linear", "40,inf,linear", "1_0,400,linear", "1,2,linear,4")),
        *(("viewport", text) for text in ("", "1", "1,2,3", "0,5", "-5,5", "5.5,5", "a,5", "16384,1", "9999,9999")),
        *(("viewport", text) for text in ("9,9,-1,0,5,5", "9,9,0,0,0,5", "9,9,a,0,5,5", "9,9,0,0,5,nan", "²,9")),
        *(("annotation", text) for text in ("", "patient,", "everything")),
        *(("iccprofile", text) for text in ("", "cmyk")),
        *(("quality", text) for text in ("0", "101", "good")),
    ],
)
def test_what_is_malformed_is_refused(name: str, text: str) -> None:
    with pytest.raises(BadParameter, match=r"(?i)" + name):
        rendering.parse({name: text})


def test_it_is_said_that_a_window_needs_no_function() -> None:
    with pytest.raises(BadParameter, match=r"center,width or center,width,function"):
        rendering.parse({"window": "40"})


def test_parameters_of_others_are_passed_over() -> None:
    assert rendering.parse({"accept": "image/png", "charset": "utf-8"}) == Presentation()


def test_a_thumbnail_is_small_unless_a_size_is_asked_for() -> None:
    assert rendering.parse_thumbnail({}).viewport == Viewport(128, 128)
    asked = rendering.parse_thumbnail({"viewport": "256,256", "window": "1,2", "quality": "9", "iccprofile": "yes"})
    assert asked == Presentation(9, (1, 2, "LINEAR"), Viewport(256, 256), icc_profile="yes")


def test_a_thumbnail_has_no_annotation() -> None:
    with pytest.raises(BadParameter, match="annotation"):
        rendering.parse_thumbnail({"annotation": "patient"})
