"""Store: what is sent, and what became of each Instance."""

import asyncio
import io
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from filmroom import (
    AsyncClient,
    BadResponse,
    Client,
    ClientError,
    MissingFile,
    Progress,
    ServiceWarning,
    StoreFailed,
    StoreResult,
    TooLarge,
    Unauthorized,
)
from filmroom.client import _store, _store_result
from tests import data
from tests.client import recorder
from tests.client.recorder import Noted, Recorder, Reply
from tests.service import DEADLINE

UIDS = [f"1.2.{number}" for number in range(9)]
FILES = [data.file(data.dataset(SOPInstanceUID=uid)) for uid in UIDS]


def _item(uid: str | None, **more: int) -> dict[str, Any]:
    item: dict[str, Any] = {} if uid is None else {"00081155": {"vr": "UI", "Value": [uid]}}
    return item | {tag.strip("_"): {"vr": "US", "Value": [code]} for tag, code in more.items()}


def _answer(stored: list[Any] = [], failed: list[Any] = [], status: int = 200, **headers: str) -> Reply:  # noqa: B006
    """A store response (PS3.18 Table 10.5.3-1)."""
    body = {"00081198": failed, "00081199": stored}
    return recorder.json({tag: {"vr": "SQ", "Value": items} for tag, items in body.items() if items}, status, **headers)


class Storing(Recorder):
    """A service that stores everything, and says so."""

    def take(self, noted: Noted) -> Reply:
        super().take(noted)
        uids = [
            next(uid for uid, file in zip(UIDS, FILES, strict=True) if file == part)
            for part in recorder.parts_of(noted)
        ]
        return _answer([_item(uid) for uid in uids])


@pytest.fixture
def storing() -> Iterator[Storing]:
    with Storing() as service:
        service.replies = [Reply(500)]
        yield service


def test_a_store_is_one_multipart_request(client: Any, service: Recorder) -> None:
    service.replies = [_answer([_item(UIDS[0]), _item(UIDS[1])])]
    result = client.store_instances(FILES[:2], "1.2")
    request = service.last
    assert (request.method, service.targets) == ("POST", ["/studies/1.2"])
    assert request.headers["content-type"].startswith('multipart/related; type="application/dicom"; boundary=')
    assert (request.headers["accept"], request.headers["transfer-encoding"]) == (recorder.JSON, None)
    assert recorder.parts_of(request) == FILES[:2]
    assert [outcome.status for outcome in result.outcomes] == ["stored", "stored"]


def test_a_store_without_a_study_goes_to_all_studies(client: Any, service: Recorder) -> None:
    service.replies = [_answer([_item(UIDS[0])])]
    client.store_instances(datasets=FILES[0], partition="p", additional_params={"a": 1})
    assert service.targets == ["/partitions/p/studies?a=1"]


def test_replace_is_put(client: Any, service: Recorder) -> None:
    service.replies = [_answer([_item(UIDS[0])])]
    client.store_instances([FILES[0]], replace=True)
    assert service.last.method == "PUT"


def test_nothing_to_store_is_an_error(client: Any, service: Recorder, tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("not DICOM")
    for given, said in [([], "given."), (iter([]), "given."), (tmp_path, "given; 1 file passed over.")]:
        with pytest.raises(MissingFile, match=f"There is nothing to store: no DICOM file in what was {said}") as raised:
            client.store_instances(given)
        assert (service.requests, raised.value.result.outcomes) == ([], ())


def test_a_folder_that_can_not_be_read_is_an_outcome(
    storing: Storing, connect: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "one.dcm").write_bytes(FILES[0])
    (tmp_path / "readme.txt").write_text("not DICOM")
    scandir = os.scandir

    def guarded(folder: Any) -> Any:
        if Path(folder).name == "locked":
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", guarded)
    result = connect(storing.url).store_instances(tmp_path)
    assert [(outcome.path, outcome.reason) for outcome in result.failed] == [
        (tmp_path / "locked", "the folder can't be read: Permission denied")
    ]
    assert (len(result.stored), result.passed_over.files) == (1, 1)


def test_two_files_with_the_same_uid_are_not_in_one_request(client: Any, service: Recorder, tmp_path: Path) -> None:
    """The answer tells them by their UIDs, so the wrong one would be blamed."""
    cut, good = tmp_path / "a-cut.dcm", tmp_path / "b-good.dcm"
    cut.write_bytes(FILES[0][:-20])
    good.write_bytes(FILES[0])
    service.replies = [_answer([], [_item(UIDS[0], _00081197=49152)], 409), _answer([_item(UIDS[0])])]
    result = client.store_instances([cut, good], parallel=1)
    assert [(outcome.path, outcome.status) for outcome in result.outcomes] == [(cut, "failed"), (good, "stored")]
    assert [recorder.parts_of(request) for request in service.requests] == [[FILES[0][:-20]], [FILES[0]]]


def test_what_has_no_known_length_is_sent_in_chunks(client: Any, service: Recorder) -> None:
    class OneWay(io.BytesIO):
        def seekable(self) -> bool:
            return False

    service.replies = [_answer([_item(UIDS[0])])]
    client.store_instances(OneWay(FILES[0]))
    assert service.last.headers["transfer-encoding"] == "chunked"
    assert recorder.parts_of(service.last) == [FILES[0]]


@pytest.mark.parametrize("parallel", [1, 4])
def test_many_instances_go_in_several_requests(client: Any, storing: Storing, connect: Any, parallel: int) -> None:
    result = connect(storing.url).store_instances(FILES, per_request=2, parallel=parallel)
    assert sorted(len(recorder.parts_of(request)) for request in storing.requests) == [1, 2, 2, 2, 2]
    assert [outcome.sop_instance_uid for outcome in result.stored] == UIDS
    assert [outcome.number for outcome in result.stored] == list(range(9))
    assert sorted(item.ReferencedSOPInstanceUID for item in result.ReferencedSOPSequence) == UIDS
    assert (len(result.responses), result.failed, result.warned) == (5, [], [])


def test_a_request_ends_when_it_has_many_bytes(storing: Storing, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_store, "REQUEST_BYTES", max(map(len, FILES)) + 1)
    connect(storing.url).store_instances(FILES)
    assert sorted(len(recorder.parts_of(request)) for request in storing.requests) == [1, 2, 2, 2, 2]


def test_paths_and_folders_are_named_in_the_outcomes(storing: Storing, connect: Any, tmp_path: Path) -> None:
    for number, file in enumerate(FILES[:3]):
        (tmp_path / f"{number}.dcm").write_bytes(file)
    result = connect(storing.url).store_instances([tmp_path, FILES[3]], per_request=1)
    assert [outcome.path for outcome in result.stored] == [*sorted(tmp_path.iterdir()), None]


def test_a_generator_is_taken_from_as_it_goes(storing: Storing, connect: Any) -> None:
    steps: list[Progress] = []
    result = connect(storing.url).store_instances(iter(FILES), per_request=4, progress=steps.append)
    assert len(result.stored) == 9
    assert {(step.instances_total, step.bytes_total) for step in steps} == {(None, None)}


def test_progress_ends_with_everything(storing: Storing, connect: Any) -> None:
    steps: list[Progress] = []
    connect(storing.url).store_instances(FILES, per_request=2, progress=steps.append)
    length = sum(map(len, FILES))
    assert steps[-1] == Progress(9, 9, length, length)
    assert [step.bytes for step in steps] == sorted(step.bytes for step in steps)


def test_datasets_are_encoded(client: Any, service: Recorder) -> None:
    made = data.dataset(SOPInstanceUID="1.2.7")
    service.replies = [_answer([_item("1.2.7")])]
    result = client.store_instances([made])
    assert recorder.parts_of(service.last)[0][128:132] == b"DICM"
    assert result.stored[0].number == 0


def test_warnings_and_failures_are_told_apart(client: Any, service: Recorder, tmp_path: Path) -> None:
    paths = [tmp_path / uid for uid in UIDS[:3]]
    for path, file in zip(paths, FILES, strict=False):
        path.write_bytes(file)
    comment = {"00741048": {"vr": "SQ", "Value": [{"00000902": {"vr": "LO", "Value": ["DICOM100: x"]}}]}}
    failed = _item(UIDS[0], _00081197=43264) | comment
    service.replies = [_answer([_item(UIDS[2]), _item(UIDS[1], _00081196=45063)], [failed], 202)]
    first, second, third = client.store_instances(paths).outcomes
    assert (first.status, first.code, first.path, first.comments) == ("failed", 43264, paths[0], ("DICOM100: x",))
    assert first.reason == "the data set does not match its SOP Class, or is not valid"
    assert (second.status, second.code, second.path) == ("warning", 45063, paths[1])
    assert (third.status, third.reason) == ("stored", "")


def test_a_store_of_which_nothing_was_stored_raises(client: Any, service: Recorder) -> None:
    service.replies = [_answer([], [_item(UIDS[0], _00081197=45070)], 409)]
    with pytest.raises(StoreFailed, match="409: none of 1 Instances was stored; of the first: it is stored") as raised:
        client.store_instances(FILES[0])
    assert isinstance(raised.value.payload, Dataset)
    assert raised.value.result.failed[0].code == raised.value.payload.FailedSOPSequence[0].FailureReason == 45070


def test_a_conflict_of_one_request_among_others_is_not_raised(client: Any, service: Recorder) -> None:
    service.replies = [_answer([], [_item(UIDS[0], _00081197=45070)], 409), _answer([_item(UIDS[1])])]
    result = client.store_instances(FILES[:2], per_request=1, parallel=1)
    assert [outcome.status for outcome in result.outcomes] == ["failed", "stored"]
    assert (len(result.FailedSOPSequence), len(result.ReferencedSOPSequence)) == (1, 1)


def test_a_request_that_is_too_large_fails_alone(client: Any, service: Recorder) -> None:
    service.replies = [Reply(413, {}, b"Too large."), _answer([_item(UIDS[1])])]
    result = client.store_instances(FILES[:2], per_request=1, parallel=1)
    assert [(outcome.status, outcome.reason) for outcome in result.outcomes] == [
        ("failed", "413: Too large."), ("stored", ""),
    ]  # fmt: skip
    service.replies = [Reply(413)]
    with pytest.raises(TooLarge):
        client.store_instances(FILES[0])


def test_a_store_without_credentials_breaks_off(client: Any, service: Recorder) -> None:
    service.replies = [_answer([_item(UIDS[0])]), Reply(401)]
    with pytest.raises(Unauthorized) as raised:
        client.store_instances(FILES, per_request=1, parallel=1)
    assert len(service.requests) == 2
    assert [outcome.status for outcome in raised.value.result.outcomes] == ["stored", "failed"]


def test_what_can_not_be_read_is_an_outcome(client: Any, service: Recorder, tmp_path: Path) -> None:
    service.replies = [_answer([_item(UIDS[0])])]
    result = client.store_instances([tmp_path / "none", FILES[0]])
    assert [outcome.status for outcome in result.outcomes] == ["failed", "stored"]
    assert "No such file" in result.failed[0].reason
    with pytest.raises(ClientError, match=r"Nothing could be sent: none of 1 .* No such file"):
        client.store_instances(tmp_path / "none")


def test_a_file_that_changes_while_it_is_sent_fails_alone(client: Any, service: Recorder, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(FILES[0])

    def changing() -> Iterator[Any]:
        yield path
        path.write_bytes(FILES[0] + b"12")
        yield FILES[1]

    service.replies = [_answer([_item(UIDS[1])])]
    with pytest.raises(ClientError, match="a.dcm could not be read while it was being sent: .* changed its length"):
        client.store_instances(changing(), per_request=2)


def test_what_is_no_instance_is_a_type_error(client: Any) -> None:
    with pytest.raises(TypeError, match="can be stored is"):
        client.store_instances([7])


@pytest.mark.parametrize("options", [{"parallel": 0}, {"per_request": 0}])
def test_less_than_one_makes_no_sense(client: Any, options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        client.store_instances(FILES, **options)


def test_warnings_of_a_store_are_said_once_all_is_stored(client: Any, service: Recorder) -> None:
    service.replies = [_answer([_item(UIDS[0])], Warning='299 host: "First value"')]
    with pytest.warns(ServiceWarning, match="First value"):
        result = client.store_instances(FILES[:2], per_request=1)
    assert result.warnings == ("First value",)


def _xml(content: str) -> Reply:
    text = f"<?xml version='1.0'?><NativeDicomModel>{content}</NativeDicomModel>"
    return Reply(200, {"Content-Type": "application/dicom+xml"}, text.encode())


_REFERENCED = f"""<DicomAttribute tag="00081199" vr="SQ"><Item number="1">
    <DicomAttribute tag="00081155" vr="UI"><Value number="1">{UIDS[0]}</Value></DicomAttribute>
    </Item></DicomAttribute>"""
_FAILED = '<DicomAttribute tag="00081198" vr="SQ"><Item number="1"></Item></DicomAttribute>'
PAGE = b"<!DOCTYPE html><html><body>Sign in</body></html>"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(200, {"Content-Type": "text/html; charset=utf-8"}, PAGE), "a web page answered"),
        (Reply(200, {}, PAGE), "a web page answered"),
        (Reply(200, {"Content-Type": "text/plain"}, b"OK"), "not JSON"),
        (recorder.json({"status": "ok"}), "DICOM JSON"),
        (recorder.json({}), "names no Instance"),
        (recorder.json([]), "names no Instance"),
        (_xml(""), "does not say that all is stored"),
        (_xml(_REFERENCED + _FAILED), "does not say that all is stored"),
        (Reply(200, {"Content-Type": "text/xml"}, b"<error/>"), "does not say that all is stored"),
    ],
)  # fmt: skip
def test_a_success_that_names_no_instance_is_none(client: Any, service: Recorder, reply: Reply, said: str) -> None:
    service.replies = [reply]
    with pytest.raises(BadResponse, match=said) as raised:
        client.store_instances(FILES[:2])
    assert [outcome.status for outcome in raised.value.result.outcomes] == ["failed", "failed"]


@pytest.mark.parametrize(
    ("reply", "statuses"),
    [
        (Reply(200), ["stored", "stored"]),
        (Reply(204), ["stored", "stored"]),
        (_xml(_REFERENCED), ["stored", "failed"]),
        (_answer([_item(UIDS[1])]), ["failed", "stored"]),
        (_answer([_item(UIDS[1]), _item("9.9")]), ["stored", "stored"]),
        (_answer([_item(UIDS[1]), _item(None)]), ["stored", "stored"]),
        (_answer([_item("9.8"), _item("9.9")]), ["stored", "stored"]),
        (_answer([_item(UIDS[0])], [_item(None, _00081197=43264)]), ["stored", "failed"]),
    ],
)
def test_answers_that_do_not_name_every_instance(
    client: Any, service: Recorder, reply: Reply, statuses: list[str]
) -> None:
    service.replies = [reply]
    assert [outcome.status for outcome in client.store_instances(FILES[:2]).outcomes] == statuses


def test_other_failures_are_failures(client: Any, service: Recorder) -> None:
    items = {"0008119A": {"vr": "SQ", "Value": [_item(None, _00081197=43264)]}}
    service.replies = [recorder.json(items, 409)]
    with pytest.raises(StoreFailed):
        client.store_instances(b"not DICOM")


def test_a_conflict_without_a_data_set_is_raised(client: Any, service: Recorder) -> None:
    service.replies = [Reply(409, {}, b"busy")]
    with pytest.raises(ClientError, match="409: busy"):
        client.store_instances(FILES[0])


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (45070, "it is stored already"), (0xA701, "out of resources"), (0xC123, "it can't be understood"),
        (5, "unknown reason 5"), (None, "the service gave no reason"),
    ],
)  # fmt: skip
def test_codes_have_words(code: int | None, text: str) -> None:
    assert _store_result.reason(code) == text


def test_a_result_is_a_dataset_that_is_safe_to_join() -> None:
    first, second = (Dataset.from_json({"00081199": {"vr": "SQ", "Value": [_item(uid)]}}) for uid in UIDS[:2])
    first.RetrieveURL, second.RetrieveURL = "http://host/studies/1", "http://host/studies/2"
    result = StoreResult([], [first, second], [])
    assert (len(result.ReferencedSOPSequence), len(first.ReferencedSOPSequence)) == (2, 1)
    assert result.RetrieveURL == "http://host/studies/1"


def test_an_error_in_progress_is_the_callers_and_ends_the_store(storing: Storing, connect: Any) -> None:
    def fail(step: Progress) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        connect(storing.url).store_instances(FILES, per_request=1, progress=fail)


def test_giving_up_stops_what_is_being_sent(service: Recorder) -> None:
    upload = _store.Upload(Client(service.url)._service, FILES[0])
    with upload:
        request = next(next(upload.transactions()))
        assert request.content is not None
    with pytest.raises(_store.Stopped):
        list(request.content)


def test_requests_are_sent_at_the_same_time(service: Recorder) -> None:
    """Each of the two requests is answered only when the other has come."""
    both = threading.Barrier(2, timeout=DEADLINE)

    class Together(Storing):
        def take(self, noted: Noted) -> Reply:
            both.wait()
            return super().take(noted)

    async def run(url: str) -> StoreResult:
        async with AsyncClient(url) as client:
            return await client.store_instances(FILES[:2], per_request=1, parallel=2)

    with Together() as together:
        together.replies = [Reply(500)]
        with Client(together.url) as client:
            assert len(client.store_instances(FILES[:2], per_request=1, parallel=2).stored) == 2
        assert len(asyncio.run(run(together.url)).stored) == 2


def test_how_long_a_study_is_kept_is_said_in_headers(storing: Storing) -> None:
    with Client(storing.url) as client:
        client.store_instances([FILES[0]], expires=timedelta(days=30))
        client.store_instances([FILES[1]])
        with pytest.raises(ValueError, match="a time to come"):
            client.store_instances([FILES[2]], expires=timedelta())
    first, second = storing.requests
    assert first.headers["msdicom-expiry-time-milliseconds"] == "2592000000"
    assert first.headers["msdicom-expiry-option"] == "RelativeToNow"
    assert first.headers["msdicom-expiry-level"] == "Study"
    assert not [name for name in second.headers if name.startswith("msdicom")]
