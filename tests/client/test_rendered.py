"""Rendered images of both clients: one by one, several, and what makes no sense is not sent."""

from typing import Any

import pytest

from tests.client import recorder
from tests.client.recorder import Recorder, Reply

S, E, I = "1.2.3", "1.2.3.4", "1.2.3.4.5"  # noqa: E741


def test_each_part_is_an_image(client: Any, service: Recorder) -> None:
    service.replies = [recorder.multipart([b"one", b"two"], "image/png")]
    images = client.retrieve_series_rendered(S, E, media_types=["image/png"])
    assert [(image, image.media_type) for image in images] == [(b"one", "image/png"), (b"two", "image/png")]


def test_one_image_may_come_alone(client: Any, service: Recorder) -> None:
    service.replies = [Reply(200, {"Content-Type": "image/jpeg"}, b"one")]
    assert client.retrieve_study_rendered(S) == [b"one"]


@pytest.mark.parametrize("accepted", ["text/html", "*/*"])
def test_a_page_is_a_report_for_who_accepts_it(client: Any, service: Recorder, accepted: str) -> None:
    service.replies = [Reply(200, {"Content-Type": "text/html; charset=utf-8"}, b"<!DOCTYPE html>")]
    page = client.retrieve_instance_rendered(S, E, I, media_types=[accepted])
    assert (page, page.media_type) == (b"<!DOCTYPE html>", "text/html")


def test_frames_come_as_images(client: Any, service: Recorder) -> None:
    service.replies = [recorder.multipart([b"2", b"1"], "image/jpeg")]
    assert list(client.iter_rendered(S, E, I, [2, 1], annotation=["patient", "technique"], iccprofile="srgb")) == [
        b"2",
        b"1",
    ]
    query = "annotation=patient%2Ctechnique&iccprofile=srgb"
    assert service.targets == [f"/studies/{S}/series/{E}/instances/{I}/frames/2,1/rendered?{query}"]


def test_parameters_by_name_come_before_keywords(client: Any, service: Recorder) -> None:
    service.replies = [Reply(200, {"Content-Type": "image/jpeg"}, b"one")]
    client.retrieve_instance_rendered(S, E, I, quality=5, params={"quality": 7, "other": "x"})
    assert service.targets[0].endswith("/rendered?quality=7&other=x")


def test_frames_are_named_with_their_instance(client: Any, service: Recorder) -> None:
    with pytest.raises(ValueError, match="Frames are named"):
        client.iter_rendered(S, E, None, [1])
    assert not service.requests


@pytest.mark.parametrize(
    "media_types",
    [None, ["image/png"], [("image/jpeg", "1.2.3"), "image/png"], ["image/*"], ["*/*"], ["image/gif", "image/jpeg"]],
)
def test_several_frames_do_not_fit_into_one_still_image(client: Any, service: Recorder, media_types: Any) -> None:
    with pytest.raises(ValueError, match=r"one Frame.*image/gif.*iter_rendered"):
        client.retrieve_instance_frames_rendered(S, E, I, [1, 2], media_types=media_types)
    assert not service.requests


@pytest.mark.parametrize("media_types", [["image/gif"], ["Image/GIF"], ["video/mp4", ("image/webp", "*")]])
def test_several_frames_are_one_image_that_moves(client: Any, service: Recorder, media_types: Any) -> None:
    service.replies = [Reply(200, {"Content-Type": "image/gif"}, b"GIF")]
    assert client.retrieve_instance_frames_rendered(S, E, I, [1, 2], media_types=media_types) == b"GIF"
    assert service.targets[0].endswith("/frames/1,2/rendered")


def test_a_thumbnail_is_of_one_frame(client: Any, service: Recorder) -> None:
    with pytest.raises(ValueError, match="A thumbnail is of one Frame: name one number"):
        client.retrieve_instance_frames_thumbnail(S, E, I, [1, 2])
    assert not service.requests
