"""The query of the URI Service (PS3.18 §9)."""

import pytest

from filmroom.dicom.presentation import Presentation, Viewport
from filmroom.dicom.resources import Resource
from filmroom.errors import BadParameter, BadRequest
from filmroom.protocol.wado_uri import NAMES, REQUIRED, UriRequest, parse

INSTANCE = {"requestType": "WADO", "studyUID": "1.2", "seriesUID": "1.3", "objectUID": "1.4"}
TARGET = Resource("1.2", "1.3", "1.4")


def asked(**parameters: str) -> UriRequest:
    return parse([*INSTANCE.items(), *parameters.items()])


def test_an_instance_alone() -> None:
    assert asked() == UriRequest(TARGET, accept=None)


@pytest.mark.parametrize(
    ("parameters", "accept"),
    [
        ({"contentType": "image/png"}, "image/png;q=1.0"),
        ({"contentType": "image/png;q=0.5,application/dicom"}, "image/png;q=0.5, application/dicom;q=1.0"),
        ({"contentType": "application/dicom", "transferSyntax": "1.2"}, "application/dicom;q=1.0;transfer-syntax=1.2"),
        ({"contentType": "application/dicom", "transferSyntax": "*"}, "application/dicom;q=1.0;transfer-syntax=*"),
        ({"contentType": "image/jpeg", "transferSyntax": "1.2.3"}, "image/jpeg;q=1.0"),
        ({"contentType": "application/dicom;transfer-syntax=1.2"}, "application/dicom;q=1.0;transfer-syntax=1.2"),
        ({"contentType": ""}, None),
    ],
)  # fmt: skip
def test_media_types(parameters: dict[str, str], accept: str | None) -> None:
    assert asked(**parameters).accept == accept


def test_how_the_image_looks() -> None:
    found = asked(
        frameNumber="3", imageQuality="70", windowCenter="-40.5", windowWidth="4e2", rows="512", columns="256",
        region="0,0.25,0.5,1", annotation="technique,patient",
    )  # fmt: skip
    assert found == UriRequest(
        TARGET, None, 3, 70, (-40.5, 400.0), 512, 256, (0.0, 0.25, 0.5, 1.0), ("technique", "patient")
    )
    viewport = Viewport(256, 512, 0.0, 0.25, 0.5, 0.75, relative=True)
    assert found.presentation == Presentation(70, (-40.5, 400.0, "LINEAR"), viewport, ("technique", "patient"))


def test_a_side_may_be_left_open() -> None:
    assert asked(rows="100").presentation.viewport == Viewport(None, 100, 0.0, 0.0, 1.0, 1.0, relative=True)
    assert asked().presentation == Presentation()


def test_what_is_not_known_is_passed_over() -> None:
    assert asked(frame="2", studyuid="9", charset="latin1", anonymize="no", presentationUID="") == asked()


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_what_must_be_there(name: str) -> None:
    with pytest.raises(BadRequest, match=name):
        parse([item for item in INSTANCE.items() if item[0] != name])
    assert name in NAMES


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("requestType", "wado"), ("studyUID", "9.9"), ("anonymize", "yes"), ("presentationUID", "1.2"),
        ("presentationSeriesUID", "1.2"), ("frameNumber", "0"), ("frameNumber", "1,2"), ("imageQuality", "101"),
        ("imageQuality", "good"), ("windowCenter", "40"), ("windowWidth", "400"), ("rows", "0"), ("columns", "-1"),
        ("columns", "99999"), ("region", "0,0,1"), ("region", "0.5,0,0.5,1"), ("region", "0,0,2,1"),
        ("region", "a,b,c,d"), ("annotation", "weather"), ("transferSyntax", "explicit"), ("transferSyntax", "1.2"),
    ],
)  # fmt: skip
def test_refusals_name_the_parameter(name: str, value: str) -> None:
    with pytest.raises(BadParameter, match=name):
        parse([*INSTANCE.items(), (name, value)])


@pytest.mark.parametrize("window", [("nan", "1"), ("0", "0"), ("x", "1"), ("0", "inf")])
def test_windows_are_numbers(window: tuple[str, str]) -> None:
    with pytest.raises(BadParameter):
        asked(windowCenter=window[0], windowWidth=window[1])


def test_the_same_twice_is_once() -> None:
    assert parse([*INSTANCE.items(), *INSTANCE.items()]) == asked()
