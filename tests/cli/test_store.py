"""`filmroom store` sends files and folders, and says of each that is not stored why."""

import os
from pathlib import Path

import pytest

from filmroom import Client, Outcome, StoreResult
from filmroom.cli.store import line
from filmroom.client.exceptions import Interrupted
from tests import data
from tests.cli.program import Program
from tests.client.recorder import Recorder, Reply

UNTIL_THEN = "stored until then; what was under way may be stored or not"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two studies, one in a folder below, beside what is not DICOM."""
    deep = tmp_path / "files" / "deep"
    deep.mkdir(parents=True)
    (deep.parent / "one.dcm").write_bytes(data.file())
    (deep / "two").write_bytes(data.file())
    (deep / "readme.txt").write_text("not DICOM")
    return deep.parent


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.dcm"
    path.write_bytes(b"not DICOM at all")
    return path


def test_a_folder_is_stored_to_any_depth(run: Program, service: str, folder: Path) -> None:
    ran = run("store", folder)
    assert (ran.code, ran.out, ran.err) == (0, "2 of 2 stored; 1 file passed over.\n", "")


def test_a_file_that_is_not_stored_is_named_with_the_reason(
    run: Program, service: str, folder: Path, broken: Path
) -> None:
    ran = run("store", folder, broken)
    assert (ran.code, ran.out) == (1, "2 of 3 stored; 1 file passed over.\n")
    assert ran.err.startswith(f"{broken}: not stored: ")


def test_nothing_stored_is_said_the_same_way(run: Program, service: str, broken: Path) -> None:
    ran = run("store", broken)
    assert (ran.code, ran.out) == (1, "0 of 1 stored.\n")
    assert ran.err.startswith(f"{broken}: not stored: ")


def test_quiet_says_only_what_went_wrong(run: Program, service: str, folder: Path, broken: Path) -> None:
    ran = run("store", folder, broken, "--quiet")
    assert (ran.code, ran.out) == (1, "")
    assert str(broken) in ran.err


def test_an_instance_of_another_study_is_refused(run: Program, service: str, folder: Path) -> None:
    ran = run("store", folder / "one.dcm", "--study", data.uid())
    assert (ran.code, ran.out) == (1, "0 of 1 stored.\n")


def test_other_bytes_under_the_same_uids_need_replace(run: Program, service: str, folder: Path) -> None:
    made = data.dataset()
    (folder / "one.dcm").write_bytes(data.file(made))
    assert run("store", folder / "one.dcm").code == 0
    made.PatientID = "ID2"
    (folder / "one.dcm").write_bytes(data.file(made))
    assert run("store", folder / "one.dcm").code == 1
    assert run("store", folder / "one.dcm", "--replace").code == 0
    with Client(service) as client:
        assert client.retrieve_study_metadata(made.StudyInstanceUID)[0].PatientID == "ID2"


def test_a_warning_is_told_from_a_failure(run: Program, recorder: Recorder, folder: Path) -> None:
    made = data.dataset()
    (folder / "one.dcm").write_bytes(data.file(made))
    item = data.dataset().__class__()
    item.ReferencedSOPInstanceUID, item.WarningReason = made.SOPInstanceUID, 0xB000
    answer = item.__class__()
    answer.ReferencedSOPSequence = [item]
    recorder.replies = [Reply(202, {"Content-Type": "application/dicom+json"}, answer.to_json().encode())]
    ran = run("store", folder / "one.dcm")
    assert (ran.code, ran.out) == (0, "1 of 1 stored, 1 of them with a warning.\n")
    assert ran.err == f"{folder / 'one.dcm'}: stored, but attributes were coerced\n"


def test_a_service_that_lets_nobody_in_ends_with_3(run: Program, recorder: Recorder, folder: Path) -> None:
    recorder.replies = [Reply(401, body=b"Who are you?")]
    ran = run("store", folder)
    assert (ran.code, ran.out) == (3, "0 of 2 stored; 1 file passed over.\n")
    assert "Who are you?" in ran.err


def test_a_web_page_is_no_success(run: Program, recorder: Recorder, folder: Path) -> None:
    recorder.replies = [Reply(200, {"Content-Type": "text/html"}, b"<html>Sign in</html>")]
    ran = run("store", folder / "one.dcm")
    assert (ran.code, ran.out) == (3, "0 of 1 stored.\n")
    assert "a web page answered" in ran.err


def test_a_linked_folder_is_not_passed_over_without_a_word(run: Program, service: str, folder: Path) -> None:
    (folder / "link").symlink_to(folder / "deep")
    assert run("store", folder).out == "2 of 2 stored; 1 file and 1 link passed over.\n"


def test_of_two_files_with_the_same_uids_the_broken_one_is_named(run: Program, service: str, folder: Path) -> None:
    whole = data.file()
    cut, good = folder / "a-cut.dcm", folder / "b-good.dcm"
    cut.write_bytes(whole[:-3])
    good.write_bytes(whole)
    ran = run("store", cut, good)
    assert (ran.code, ran.out) == (1, "1 of 2 stored.\n")
    assert ran.err.startswith(f"{cut}: not stored: ")


def test_a_folder_without_dicom_is_an_error(run: Program, recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ran = run("store", tmp_path / "empty")
    assert (ran.code, recorder.targets) == (1, [])
    assert "no DICOM files" in ran.err


def test_a_path_that_does_not_exist_is_a_usage_error(run: Program, recorder: Recorder, folder: Path) -> None:
    assert run("store", folder, "nowhere").code == 2
    assert recorder.targets == []


def test_each_of_several_unreadable_files_is_named(run: Program, service: str, broken: Path, tmp_path: Path) -> None:
    (tmp_path / "other.dcm").write_bytes(data.file()[:200])
    ran = run("store", broken, tmp_path / "other.dcm")
    assert (ran.code, ran.out) == (1, "0 of 2 stored.\n")
    assert [line.partition(":")[0] for line in ran.err.splitlines()] == [str(broken), str(tmp_path / "other.dcm")]


def test_a_pipe_is_not_waited_for(run: Program, service: str, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert run("store", folder).out == "2 of 2 stored; 2 files passed over.\n"
    ran = run("store", folder / "pipe")
    assert (ran.code, ran.out) == (1, "0 of 1 stored.\n")
    assert ran.err == f"{folder / 'pipe'}: not stored: it is not a regular file\n"


def test_where_nothing_listens_it_is_said_once(run: Program, folder: Path) -> None:
    ran = run("store", folder, "--url", "http://127.0.0.1:9/dicomweb")
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "0 of 2 stored; 1 file passed over.\n", 1)
    assert "nothing listens at http://127.0.0.1:9/dicomweb; is the service running? (filmroom serve)" in ran.err


def test_a_url_without_the_path_of_the_service_is_said_once(run: Program, running: str, folder: Path) -> None:
    ran = run("store", folder, "--url", running)
    assert (ran.code, ran.err.count("\n")) == (3, 1)
    assert f"nothing of DICOMweb lies at {running} (404); is {running}/dicomweb meant?" in ran.err


@pytest.mark.parametrize(
    ("comments", "said"),
    [
        ((), "under its UIDs something is stored already, these bytes or others; --replace replaces it"),
        (("Other bytes are stored.",), "Other bytes are stored; --replace replaces it"),
    ],
)
def test_what_is_in_the_way_can_be_replaced(comments: tuple[str, ...], said: str) -> None:
    outcome = Outcome("failed", path=Path("a"), code=45070, reason="it is stored already", comments=comments)
    assert line(outcome) == f"a: not stored: {said}"


def test_ctrl_c_says_how_many_are_stored(
    run: Program, recorder: Recorder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise Interrupted(StoreResult([Outcome("stored")], [], []))

    monkeypatch.setattr(Client, "store_instances", interrupted)
    ran = run("store", folder)
    assert (ran.code, ran.out, ran.err) == (130, "", f"filmroom: stopped; 1 {UNTIL_THEN}\n")


def test_ctrl_c_while_folders_are_searched(
    run: Program, recorder: Recorder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "store_instances", interrupted)
    assert run("store", folder).err == f"filmroom: stopped; 0 {UNTIL_THEN}\n"


def test_studies_that_expire(run: Program, recorder: Recorder, folder: Path) -> None:
    run("store", folder / "one.dcm", "--expires", "12h")
    assert recorder.requests[0].headers["msdicom-expiry-time-milliseconds"] == "43200000"
    ran = run("store", folder / "one.dcm", "--expires", "soon")
    assert (ran.code, "a number with its unit, 30d, 12h, 45m or 90s" in ran.said) == (2, True)
