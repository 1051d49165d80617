"""`filmroom render` saves images under the names of their UIDs, and asks for what the options say."""

import io
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from pydicom.dataset import Dataset

from filmroom import Client
from tests import data
from tests.cli.program import Program
from tests.client import recorder as replies
from tests.client.recorder import Recorder, Reply


@pytest.fixture
def stored(service: str) -> list[Dataset]:
    """A study of two images, one of them with three frames, and something else."""
    uid = data.uid()
    made = [data.image(StudyInstanceUID=uid), data.image(frames=3, StudyInstanceUID=uid)]
    with Client(service) as client:
        client.store_instances([data.file(one) for one in (*made, data.dataset(StudyInstanceUID=uid))])
    return made


def _opened(path: str | Path) -> Any:
    return Image.open(io.BytesIO(Path(path).read_bytes()))


def _path(instance: Dataset, ending: str = ".jpg") -> Path:
    return Path(instance.StudyInstanceUID, instance.SeriesInstanceUID, f"{instance.SOPInstanceUID}{ending}")


def _uids(instance: Dataset) -> list[str]:
    return [instance.StudyInstanceUID, instance.SeriesInstanceUID, instance.SOPInstanceUID]


def test_every_image_of_a_study_is_saved(run: Program, stored: list[Dataset]) -> None:
    ran = run("render", stored[0].StudyInstanceUID, "--to", "got", "--size", "16", "--window", "30000,60000")
    assert (ran.code, ran.err) == (0, "")
    assert {Path(line) for line in ran.out.splitlines()} == {"got" / _path(one) for one in stored}
    assert all(_opened("got" / _path(one)).size == (16, 16) for one in stored)


def test_frames_are_files_or_one_that_moves(run: Program, stored: list[Dataset]) -> None:
    uids = _uids(stored[1])
    ran = run("render", *uids, "--frames", "3,1", "--format", "png")
    assert [Path(line) for line in ran.out.splitlines()] == [_path(stored[1], f"-{n}.png") for n in (3, 1)]
    assert run("render", *uids, "--format", "gif").out == f"{_path(stored[1], '.gif')}\n"
    assert _opened(_path(stored[1], ".gif")).n_frames == 3
    assert run("render", *uids, "--format", "gif", "--frames", "1,3").out == f"{_path(stored[1], '-1,3.gif')}\n"


def test_an_instance_that_is_no_image_is_saved_as_what_it_is(run: Program, service: str) -> None:
    report, document = data.report(), data.document(b"%PDF", "1.2.840.10008.5.1.4.1.1.104.1")
    with Client(service) as client:
        client.store_instances([data.file(report), data.file(document)])
    for made, ending in ((report, ".html"), (document, ".pdf")):
        ran = run("render", *_uids(made))
        assert (ran.code, ran.out) == (0, f"{_path(made, ending)}\n")


def test_of_a_study_all_that_one_can_look_at_is_saved(run: Program, service: str) -> None:
    study = data.uid()
    made = [
        (data.image(StudyInstanceUID=study), ".jpg"),
        (data.report(StudyInstanceUID=study), ".html"),
        (data.document(b"%PDF", "1.2.840.10008.5.1.4.1.1.104.1", StudyInstanceUID=study), ".pdf"),
        (data.dataset(StudyInstanceUID=study), None),
    ]
    with Client(service) as client:
        client.store_instances([data.file(one) for one, _ in made])
    ran = run("render", study)
    assert ran.code == 0
    assert {Path(line) for line in ran.out.splitlines()} == {_path(one, ending) for one, ending in made if ending}


def test_that_options_of_images_change_no_report_is_said(run: Program, service: str) -> None:
    made = data.report()
    with Client(service) as client:
        client.store_instances(data.file(made))
    ran = run("render", *_uids(made), "--window", "40,400", "--quality", "5")
    assert (ran.code, ran.out) == (0, f"{_path(made, '.html')}\n")
    assert ran.err == "filmroom: what was saved is no image; without effect: --window, --quality\n"
    assert run("render", *_uids(made)).err == ""
    assert run("render", *_uids(made), "--window", "40,400", "--quiet").err == ""


def test_what_nobody_can_look_at_is_told(run: Program, service: str) -> None:
    made = data.dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.481.5")
    with Client(service) as client:
        client.store_instances([data.file(made)])
    ran = run("render", *_uids(made)[:2])
    assert ran.code == 1
    assert "The specified series has no image, report or document." in ran.err


def test_what_can_be_made_of_an_image_is_told_if_the_format_cannot(run: Program, recorder: Recorder) -> None:
    recorder.replies = [Reply(406, {}, b"ask for image/png"), Reply(406, {}, b"no document")]
    ran = run("render", "1.2", "1.3", "1.4")
    assert (ran.code, "ask for image/png" in ran.err, "no document" in ran.err) == (1, True, False)
    accepted = [request.headers["accept"] for request in recorder.requests]
    assert accepted[0] == "image/jpeg"
    assert accepted[1].startswith("text/html, application/pdf, ")


def test_one_thumbnail_stands_for_all(run: Program, stored: list[Dataset]) -> None:
    study, series, instance = _uids(stored[1])
    assert run("render", study, "--thumbnail").out == f"{study}/thumbnail.jpg\n"
    assert run("render", study, series, "--thumbnail").out == f"{study}/{series}/thumbnail.jpg\n"
    ran = run("render", study, series, instance, "--thumbnail", "--frames", "2", "--format", "webp", "--size", "64x32")
    assert ran.out == f"{study}/{series}/{instance}/thumbnail-2.webp\n"
    assert _opened(ran.out.strip()).size == (32, 32)


def test_images_of_a_service_that_does_not_name_them_are_called_by_what_was_asked_for(
    run: Program, recorder: Recorder
) -> None:
    jpeg = Reply(200, {"Content-Type": "image/jpeg"}, b"one")
    recorder.replies = [jpeg, jpeg, jpeg]
    assert run("render", "1.2", "1.3", "1.4").out == "1.2/1.3/1.4.jpg\n"
    assert run("render", "1.2", "1.3", "1.4", "--frames", "5").out == "1.2/1.3/1.4-5.jpg\n"
    assert run("render", "1.2", "1.3").out == "1.2/1.3/image-1.jpg\n"


def test_what_is_asked_for_is_in_the_query(run: Program, recorder: Recorder) -> None:
    recorder.replies = [replies.multipart([b"one", b"two"], "image/webp")]
    options = ["--window", "40,400,sigmoid", "--size", "640x480", "--quality", "70", "--annotate", "patient,technique"]
    ran = run("render", "1.2", "--format", "webp", *options)
    assert ran.out == "1.2/image-1.webp\n1.2/image-2.webp\n"
    asked = {key: value for key, (value,) in parse_qs(urlsplit(recorder.targets[0]).query).items()}
    assert asked == {
        "window": "40,400,sigmoid",
        "viewport": "640,480",
        "annotation": "patient,technique",
        "quality": "70",
    }


def test_a_service_does_not_choose_the_folder(run: Program, recorder: Recorder, tmp_path: Path) -> None:
    headers = {"Content-Type": "image/jpeg", "Content-Location": "http://h/studies/../series/../instances/../x"}
    recorder.replies = [Reply(200, headers, b"one")]
    assert run("render", "1.2", "1.3", "1.4").out == "1.2/1.3/1.4.jpg\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--size", "big"], "is not a size"),
        (["--size", "20000"], "16383 pixels"),
        (["--window", "40"], "'40' is not a window: CENTER,WIDTH or CENTER,WIDTH,FUNCTION"),
        (["--annotate", "foo"], "'foo' is not a list of patient, technique, overlay"),
        (["--frames", "0"], "is not a list of frame numbers"),
        (["--frames", "1"], "frames are those of an INSTANCE"),
        (["1.3", "1.4", "--frames", "1,5", "--thumbnail"], "of one frame"),
        (["--format", "bmp"], "bmp"),
        (["--thumbnail", "--annotate", "patient"], "a thumbnail has no annotation"),
        (["--format", "png", "--quality", "50"], "png has no quality"),
        (["--format", "gif", "--quality", "50"], "gif has no quality"),
    ],
)
def test_an_option_that_makes_no_sense_is_a_usage_error(run: Program, options: list[str], said: str) -> None:
    ran = run("render", "1.2", *options)
    assert ran.code == 2
    assert said in ran.said


def test_what_the_service_refuses_is_told(run: Program, recorder: Recorder) -> None:
    recorder.replies = [Reply(400, {}, b"no such size")]
    ran = run("render", "1.2", "1.3", "1.4", "--size", "5")
    assert (ran.code, "no such size" in ran.err) == (3, True)


def test_what_is_not_there_ends_with_1(run: Program, service: str) -> None:
    ran = run("render", "1.2.3", "1.2.3.4")
    assert (ran.code, ran.err) == (
        1,
        f"filmroom: there is no image, report or document of /studies/1.2.3/series/1.2.3.4 at {service}\n",
    )


def test_frames_that_are_not_there_are_named(run: Program, service: str, stored: list[Dataset]) -> None:
    ran = run("render", *_uids(stored[0]), "--frames", "1,5")
    assert ran.code == 1
    assert "/frames/1,5 at" in ran.err
    assert ran.err.endswith(": There is no Frame 5: the Instance has 1.\n")


def test_a_folder_that_cannot_be_written_ends_with_1(run: Program, stored: list[Dataset]) -> None:
    Path("occupied").touch()
    ran = run("render", stored[0].StudyInstanceUID, "--to", "occupied", "--quiet")
    assert ran.code == 1
    assert "can't write to occupied" in ran.err
