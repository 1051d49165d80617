"""Data partitions: every method of the clients that names a resource goes to the partition, at a real service."""

import inspect
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any, get_args

import pytest

from filmroom import BadRequest, BadResponse, Client, NotFound
from tests import data, service
from tests.client.recorder import Recorder, json

MADE = data.image(bits=8, PatientID="there")
S, E, I = MADE.StudyInstanceUID, MADE.SeriesInstanceUID, MADE.SOPInstanceUID  # noqa: E741
ROOTS = ("/dicomweb", "/v2")
BULK = f"/studies/{S}/series/{E}/instances/{I}/bulkdata/7FE00010"

# What is asked of a partition; of another each raises NotFound, or finds nothing.
CALLS: dict[str, Callable[..., Any]] = {
    "search_studies": lambda c, _: list(c.search_studies()),
    "search_series": lambda c, _: list(c.search_series(StudyInstanceUID=S)),
    "search_instances": lambda c, _: list(c.search_instances(SeriesInstanceUID=E)),
    "search_patients": lambda c, _: list(c.search_patients()),
    "search_for_studies": lambda c, _: list(c.search_for_studies()),
    "search_for_series": lambda c, _: list(c.search_for_series()),
    "search_for_instances": lambda c, _: list(c.search_for_instances()),
    "query": lambda c, _: list(c.query("/studies?PatientID=there")),
    "retrieve_study_metadata": lambda c, _: list(c.retrieve_study_metadata(S)),
    "retrieve_series_metadata": lambda c, _: list(c.retrieve_series_metadata(S, E)),
    "retrieve_instance_metadata": lambda c, _: c.retrieve_instance_metadata(S, E, I),
    "iter_study": lambda c, _: list(c.iter_study(S)),
    "iter_series": lambda c, _: list(c.iter_series(S, E)),
    "iter_files": lambda c, _: list(c.iter_files(S)),
    "retrieve_study": lambda c, _: c.retrieve_study(S),
    "retrieve_series": lambda c, _: c.retrieve_series(S, E),
    "retrieve_instance": lambda c, _: c.retrieve_instance(S, E, I),
    "retrieve_instance_bytes": lambda c, _: c.retrieve_instance_bytes(S, E, I),
    "retrieve_instance_frames": lambda c, _: c.retrieve_instance_frames(S, E, I, [1]),
    "iter_instance_frames": lambda c, _: list(c.iter_instance_frames(S, E, I, [1])),
    "retrieve_pixeldata": lambda c, _: c.retrieve_pixeldata(S, E, I),
    "download": lambda c, folder: c.download(S, folder=folder),
    "iter_download": lambda c, folder: list(c.iter_download(S, E, I, folder=folder)),
    "download_zip": lambda c, folder: c.download_zip(S, path=folder / "a.zip"),
    "retrieve_study_rendered": lambda c, _: c.retrieve_study_rendered(S),
    "retrieve_series_rendered": lambda c, _: c.retrieve_series_rendered(S, E),
    "retrieve_instance_rendered": lambda c, _: c.retrieve_instance_rendered(S, E, I),
    "retrieve_instance_frames_rendered": lambda c, _: c.retrieve_instance_frames_rendered(S, E, I, [1]),
    "iter_all_bulkdata": lambda c, _: list(c.iter_all_bulkdata(S)),
    "iter_pixeldata": lambda c, _: list(c.iter_pixeldata(S)),
    "iter_rendered": lambda c, _: list(c.iter_rendered(S)),
    "retrieve_all_bulkdata": lambda c, _: c.retrieve_all_bulkdata(S),
    "retrieve_instance_frames_thumbnail": lambda c, _: c.retrieve_instance_frames_thumbnail(S, E, I, [1]),
    "retrieve_instance_thumbnail": lambda c, _: c.retrieve_instance_thumbnail(S, E, I),
    "retrieve_series_thumbnail": lambda c, _: c.retrieve_series_thumbnail(S, E),
    "retrieve_study_thumbnail": lambda c, _: c.retrieve_study_thumbnail(S),
}
# Operations; what they do is tried in tests/conformance/test_partitions.py
STARTED = {"export", "import_from", "update_studies", "update_studies_and_wait"}
BY_URL = {"iter_bulkdata", "iter_bulkdata_files", "retrieve_bulkdata"}  # which names the partition


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with service.running(tmp_path_factory.mktemp("partitions") / "data", "--partitions") as running:
        with Client(f"{running.url}/v2", partition="one") as client:
            client.store_instances(MADE)
            client.store_instances(data.dataset(), partition="two")
        yield running.url


def _found(call: Callable[..., Any], client: Any, folder: Path) -> bool:
    try:
        return bool(call(client, folder))
    except NotFound:
        return False


@pytest.mark.parametrize("name", CALLS)
def test_a_method_goes_to_the_partition_of_its_client(
    url: str, connect: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    call = CALLS[name]
    assert _found(call, connect(f"{url}/dicomweb", partition="one"), tmp_path)
    two = connect(f"{url}/dicomweb", partition="two")
    if name in {"search_studies", "search_patients", "search_for_studies", "search_for_series", "search_for_instances"}:
        assert S not in str(call(two, tmp_path))
    else:
        assert not _found(call, two, tmp_path)


def test_every_method_that_takes_a_partition_is_tried() -> None:
    members = inspect.getmembers(Client, inspect.isfunction)
    taking = {name for name, method in members if "partition" in _keywords(method)} - {"__init__"}
    by_keywords = {"search_patients", "search_studies", "search_series", "search_instances"}  # what matches, too
    assert taking | by_keywords == {
        *CALLS,
        "delete_study",
        "delete_series",
        "delete_instance",
        "store_instances",
        *STARTED,
        *BY_URL,
    }


def _keywords(method: Callable[..., Any]) -> set[str]:
    """What it takes, with what is in its `**options: Unpack[…]`."""
    options = method.__annotations__.get("options")
    return {*inspect.signature(method).parameters} | {*(get_args(options)[0].__annotations__ if options else ())}


@pytest.mark.parametrize("root", ROOTS)
def test_partitions_are_listed(url: str, connect: Callable[..., Any], root: str) -> None:
    listed = connect(url + root, partition="one").partitions()
    assert [(one.name, one.key) for one in listed][:3] == [("Microsoft.Default", 1), ("one", 2), ("two", 3)]
    assert listed[0].created.tzinfo == UTC
    assert listed[0].json["partitionName"] == "Microsoft.Default"


def test_a_delete_goes_to_the_partition(url: str, connect: Callable[..., Any]) -> None:
    client, made = connect(f"{url}/v2", partition=f"gone-{data.uid()}"[:64]), data.dataset()
    client.store_instances(made)
    client.store_instances(made, partition=f"kept-{made.StudyInstanceUID}"[:64])
    client.delete_study(made.StudyInstanceUID)
    assert list(client.search_for_studies()) == []
    assert len(client.search_for_studies(partition=f"kept-{made.StudyInstanceUID}"[:64])) == 1


def test_bulk_values_of_metadata_are_fetched_where_they_lie(url: str, connect: Callable[..., Any]) -> None:
    metadata = connect(f"{url}/dicomweb", partition="one").retrieve_instance_metadata(S, E, I)
    where = metadata.json["7FE00010"]["BulkDataURI"]
    assert where.endswith(f"/dicomweb/partitions/one{BULK}")


@pytest.mark.parametrize("root", ROOTS)
def test_without_a_partition_the_service_says_what_is_missing(url: str, connect: Callable[..., Any], root: str) -> None:
    with pytest.raises(BadRequest, match=r"partition|PartitionName"):
        connect(url + root).search_for_studies()


def test_no_list_is_no_partition(connect: Callable[..., Any]) -> None:
    with Recorder() as recorder:
        recorder.replies = [json([]), json({"a": 1}), json([{"partitionName": "x"}])]
        client = connect(recorder.url, partition="one")
        assert client.partitions() == []
        assert recorder.targets == ["/partitions"]
        for _ in range(2):
            with pytest.raises(BadResponse, match="no list of partitions"):
                client.partitions()


def test_operations_are_asked_of_the_partition(connect: Callable[..., Any]) -> None:
    with Recorder() as recorder:
        recorder.replies = [json({"id": "0", "href": "x"}, 202)]
        client = connect(recorder.url, partition="one")
        client.export("file:///there")
        client.import_from("file:///there", partition="two")
        client.update_studies("1.2", {"PatientID": "1"}, partition="three")
        asked = ["/partitions/one/export", "/partitions/two/import", "/partitions/three/studies/$bulkUpdate"]
        assert recorder.targets == asked
