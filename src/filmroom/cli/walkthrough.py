"""The tutorial as a table of steps. Each does one thing with the client, and checks what must hold afterwards."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from pydicom import dcmread
from pydicom.dataset import Dataset

from filmroom.cli.service import shown
from filmroom.cli.tutorial import (
    BLUE_CIRCLE,
    GREEN_SQUARE,
    RED_TRIANGLE,
    SAMPLES,
    SHARED_SERIES,
    STUDY,
    Sample,
    dataset,
    draw,
    file,
)
from filmroom.client import Client, NotFound, StoreResult

RED = (STUDY, SHARED_SERIES, RED_TRIANGLE.instance)
NAMES = {sample.instance: sample.name for sample in SAMPLES}


class SamplesAreThere(Exception):
    """The service holds the Study of the samples already, which the tour would delete."""


class CheckFailed(Exception):
    """Something that must hold after a step does not; the message says what."""


@dataclass(slots=True)
class Tour:
    """What the steps work with: a client, a folder to save to, and the Instances that were retrieved."""

    client: Client
    http: httpx2.Client
    folder: Path
    retrieved: list[Dataset] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Step:
    """A step by its title, and the function that does it and says what came of it."""

    title: str
    do: Callable[[Tour], str]


def check(holds: bool, otherwise: str) -> None:
    """Say what is wrong unless it holds."""
    if not holds:
        raise CheckFailed(otherwise)


def are(found: Iterable[Dataset], *expected: Sample) -> str:
    """Check that `found` are the expected Instances, each once and nothing else; say their names."""
    uids = sorted(str(item.get("SOPInstanceUID", "")) for item in found)
    names = ", ".join(NAMES.get(uid, "another instance") for uid in uids) or "nothing"
    wanted = sorted(sample.instance for sample in expected)
    check(uids == wanted, f"expected {', '.join(NAMES[uid] for uid in wanted) or 'nothing'}, but got {names}")
    return names


def is_one(found: Iterable[Dataset], keyword: str, uid: str) -> str:
    """Check that `found` is the one Study, Series or Instance of that UID."""
    uids = [str(item.get(keyword, "")) for item in found]
    check(uids == [uid], f"expected the one whose {keyword} ends in {uid[-6:]}, but got {len(uids)} results")
    return "one result, the right one"


def same_picture(found: Dataset, sample: Sample) -> None:
    check(found.PixelData[: draw(sample).nbytes] == draw(sample).tobytes(), f"the picture is not that of {sample.name}")


def _stored(result: StoreResult, sample: Sample) -> str:
    uids = [outcome.sop_instance_uid for outcome in result.stored]
    check(uids == [sample.instance], f"{sample.name} was not stored")
    return f"{sample.name} stored{' with a warning' if result.warned else ''}"


def begin(tour: Tour) -> str:
    """The tour stores, counts and deletes, so it begins where nothing of the samples is."""
    if tour.client.query(f"/studies?StudyInstanceUID={STUDY}"):
        removal = f"filmroom delete {STUDY} --url {shown(tour.client.base_url)}"
        raise SamplesAreThere(f"the service holds the study of the samples; this removes it: {removal}")
    return "nothing of the samples is stored yet"


# Store


def store_as_body(tour: Tour) -> str:
    """The file itself is the body of the request, as curl sends it; the client always sends multipart bodies."""
    headers = {"content-type": "application/dicom", "accept": "application/dicom+json"}
    answer = tour.http.post(f"{tour.client.base_url}/studies", content=file(BLUE_CIRCLE), headers=headers)
    check(answer.is_success, f"the service answered {answer.status_code}: {answer.text[:200]}")
    found = tour.client.query(f"/instances?SOPInstanceUID={BLUE_CIRCLE.instance}")
    check(bool(found), "blue-circle was not stored")
    return "blue-circle stored"


def store_in_study(tour: Tour) -> str:
    """At the URL of a Study the service takes Instances of this Study alone."""
    return _stored(tour.client.store_instances([dataset(RED_TRIANGLE)], study_instance_uid=STUDY), RED_TRIANGLE)


def store_file(tour: Tour) -> str:
    """From a file on disk, by a multipart request."""
    path = tour.folder / GREEN_SQUARE.file_name
    path.write_bytes(file(GREEN_SQUARE))
    return _stored(tour.client.store_instances([path]), GREEN_SQUARE)


# Retrieve


def retrieve_study(tour: Tour) -> str:
    """All Instances of the Study."""
    tour.retrieved = tour.client.retrieve_study(STUDY)
    return are(tour.retrieved, *SAMPLES)


def save(tour: Tour) -> str:
    """Read attributes of each Instance, save it, and read it again."""
    check(bool(tour.retrieved), "nothing was retrieved that could be saved")
    said = []
    for instance in tour.retrieved:
        number = f"{instance.StudyID}/{instance.SeriesNumber}/{instance.InstanceNumber}"
        said.append(f"{number} of {instance.PatientName}")
        path = tour.folder / f"{instance.SOPInstanceUID}.dcm"
        instance.save_as(path)
        check(dcmread(path) == instance, "what was saved is not what was retrieved")
    for instance in tour.retrieved:
        same_picture(instance, next(s for s in SAMPLES if s.instance == instance.SOPInstanceUID))
    return f"saved: {'; '.join(said)} (Study ID/Series Number/Instance Number)"


def retrieve_study_metadata(tour: Tour) -> str:
    """What all Instances say, without pictures."""
    return are(tour.client.retrieve_study_metadata(STUDY), *SAMPLES)


def retrieve_series(tour: Tour) -> str:
    """All Instances of one Series."""
    return are(tour.client.retrieve_series(STUDY, SHARED_SERIES), GREEN_SQUARE, RED_TRIANGLE)


def retrieve_series_metadata(tour: Tour) -> str:
    """What the Instances of one Series say."""
    return are(tour.client.retrieve_series_metadata(STUDY, SHARED_SERIES), GREEN_SQUARE, RED_TRIANGLE)


def retrieve_instance(tour: Tour) -> str:
    """One Instance, with its picture."""
    instance = tour.client.retrieve_instance(*RED)
    same_picture(instance, RED_TRIANGLE)
    return are([instance], RED_TRIANGLE)


def retrieve_instance_metadata(tour: Tour) -> str:
    """What one Instance says."""
    metadata = tour.client.retrieve_instance_metadata(*RED)
    check(metadata.ImageComments == RED_TRIANGLE.comments, "the Metadata lacks the Image Comments")
    return are([metadata], RED_TRIANGLE)


def retrieve_frame(tour: Tour) -> str:
    """The only Frame of an Instance: bytes of pixels and nothing else."""
    frames = tour.client.retrieve_instance_frames(*RED, frame_numbers=[1])
    check(
        [bytes(frame[: draw(RED_TRIANGLE).nbytes]) for frame in frames] == [draw(RED_TRIANGLE).tobytes()],
        "the Frame is not that of red-triangle",
    )
    return f"1 frame of {len(frames[0]):,} bytes"


# Search


def search(path: str, keyword: str, uid: str) -> Step:
    """A search whose only result is what has `uid`."""

    def do(tour: Tour) -> str:
        return is_one(tour.client.query(f"{path}?{keyword}={uid}"), keyword, uid)

    return Step(f"Search {path.replace(STUDY, 'STUDY').replace(SHARED_SERIES, 'SERIES')} by {keyword}", do)


# Delete


def delete_instance(tour: Tour) -> str:
    """One Instance goes, the others stay."""
    tour.client.delete_instance(*RED)
    return f"left: {_left(tour, BLUE_CIRCLE, GREEN_SQUARE)}"


def delete_series(tour: Tour) -> str:
    """What is left of one Series goes."""
    tour.client.delete_series(STUDY, SHARED_SERIES)
    return f"left: {_left(tour, BLUE_CIRCLE)}"


def delete_study(tour: Tour) -> str:
    """All that is left goes, and then the Study is not found."""
    tour.client.delete_study(STUDY)
    left = _left(tour)
    try:
        tour.client.retrieve_study_metadata(STUDY)
    except NotFound:
        return f"left: {left}"
    raise CheckFailed("the study is deleted, and yet its Metadata is found")


def _left(tour: Tour, *expected: Sample) -> str:
    return are(tour.client.query(f"/instances?StudyInstanceUID={STUDY}"), *expected)


STEPS = (
    Step("Make a client of the service", begin),
    Step("Store the blue circle: the file is the body", store_as_body),
    Step("Store the red triangle at the URL of its study", store_in_study),
    Step("Store the green square from a file on disk", store_file),
    Step("Retrieve the study", retrieve_study),
    Step("Read attributes and save each instance", save),
    Step("Retrieve the metadata of the study", retrieve_study_metadata),
    Step("Retrieve a series", retrieve_series),
    Step("Retrieve the metadata of a series", retrieve_series_metadata),
    Step("Retrieve an instance", retrieve_instance),
    Step("Retrieve the metadata of an instance", retrieve_instance_metadata),
    Step("Retrieve the only frame of an instance", retrieve_frame),
    search("/studies", "StudyInstanceUID", STUDY),
    search("/series", "SeriesInstanceUID", SHARED_SERIES),
    search(f"/studies/{STUDY}/series", "SeriesInstanceUID", SHARED_SERIES),
    search("/instances", "SOPInstanceUID", RED_TRIANGLE.instance),
    search(f"/studies/{STUDY}/instances", "SOPInstanceUID", RED_TRIANGLE.instance),
    search(f"/studies/{STUDY}/series/{SHARED_SERIES}/instances", "SOPInstanceUID", RED_TRIANGLE.instance),
    Step("Delete an instance", delete_instance),
    Step("Delete a series", delete_series),
    Step("Delete the study", delete_study),
)
