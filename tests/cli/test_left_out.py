"""`filmroom render` says which images a service leaves out of what it renders of a study."""

import pytest
from pydicom.dataset import Dataset

from filmroom import Client
from tests import data
from tests.cli.program import Program
from tests.client import recorder as replies
from tests.client.recorder import Recorder, Reply
from tests.messages import encoded

JPEG_2000 = "1.2.840.10008.1.2.4.90"
STUDY, SERIES, INSTANCE, ROWS = "0020000D", "0020000E", "00080018", "00280010"


def _stored(url: str, *made: Dataset, broken: Dataset | None = None) -> str:
    """One study of all, whose UID it is."""
    study = data.uid()
    for one in (*made, *filter(None, [broken])):
        one.StudyInstanceUID = study
    with Client(url) as client:
        client.store_instances([data.file(one) for one in made])
        if broken is not None:
            client.store_instances(data.file(broken, JPEG_2000))
    return study


def test_an_image_that_cannot_be_rendered(run: Program, service: str) -> None:
    broken = encoded(b"broken").dataset
    study = _stored(service, data.image(), data.report(), broken=broken)
    ran = run("render", study)
    assert (ran.code, len(ran.out.splitlines())) == (1, 2)
    path = f"/studies/{study}/series/{broken.SeriesInstanceUID}/instances/{broken.SOPInstanceUID}"
    assert ran.err == f"filmroom: images left out: 1 of 2, such as {path}: render that alone to see why\n"


def _element(value: object) -> dict[str, object]:
    return {"vr": "UI", "Value": [value]}


def _found(number: int, **more: object) -> dict[str, object]:
    return {INSTANCE: _element(f"1.4.{number}"), SERIES: _element("1.3"), ROWS: _element(8)} | more


def _page(number: int) -> Reply:
    where = f"/studies/1.2/series/1.3/instances/1.4.{number}/rendered"
    return Reply(200, {"Content-Type": "text/html", "Content-Location": where}, b"<!DOCTYPE html>")


def test_images_that_the_service_does_not_make_of_this_format(run: Program, recorder: Recorder) -> None:
    report = {INSTANCE: _element("1.4.1")}
    recorder.replies = [_page(1), replies.json([report, _found(2), _found(3)])]
    ran = run("render", "1.2", "--format", "mp4")
    assert (ran.code, ran.out) == (1, "1.2/1.3/1.4.1.html\n")
    assert "images left out: 2 of 2, such as /studies/1.2/series/1.3/instances/1.4.2:" in ran.err
    assert recorder.targets[1].startswith("/studies/1.2/instances?includefield=Rows")


def test_of_a_series_that_is_searched(run: Program, recorder: Recorder) -> None:
    recorder.replies = [_page(1), replies.json([_found(1)])]
    assert run("render", "1.2", "1.3").code == 0
    assert recorder.targets[1].startswith("/studies/1.2/series/1.3/instances?includefield=Rows")


@pytest.mark.parametrize("reply", [Reply(403), Reply(404), Reply(204), Reply(200, {}, b"?")])
def test_where_nothing_can_be_searched_nothing_is_said(run: Program, recorder: Recorder, reply: Reply) -> None:
    recorder.replies = [_page(1), reply]
    ran = run("render", "1.2")
    assert (ran.code, ran.err) == (0, "")


def test_images_that_the_service_does_not_name_are_not_counted(run: Program, recorder: Recorder) -> None:
    recorder.replies = [Reply(200, {"Content-Type": "image/jpeg"}, b"one")]
    assert run("render", "1.2").code == 0
    assert len(recorder.requests) == 1
