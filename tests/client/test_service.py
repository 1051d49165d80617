"""Both clients against the real service, and as what dicomweb-client's users move to."""

import inspect
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from dicomweb_client import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import Dataset

import filmroom.client.client
from filmroom import Client, NotFound, StoreFailed
from filmroom.cli import launch
from filmroom.client import Progress
from tests import data


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with launch.service(tmp_path_factory.mktemp("service")) as url:
        yield url


@pytest.fixture(params=["dicomweb", "v2"])
def client(request: pytest.FixtureRequest, running: str, connect: Callable[..., Any]) -> Any:
    return connect(f"{running}/{request.param}")


def _study() -> list[Dataset]:
    """Two Series, with two Instances of two Frames and with one."""
    study, series = data.uid(), data.uid()
    shared: dict[str, Any] = {"StudyInstanceUID": study, "PatientName": "Doe^Jäne"}
    return [
        data.image(frames=2, SeriesInstanceUID=series, SOPInstanceUID=data.uid(), **shared),
        data.image(frames=2, SeriesInstanceUID=series, SOPInstanceUID=data.uid(), **shared),
        data.image(frames=2, SeriesInstanceUID=data.uid(), SOPInstanceUID=data.uid(), **shared),
    ]


@pytest.fixture
def stored(client: Any) -> list[Dataset]:
    made = _study()
    assert not client.store_instances(made).failed
    return made


def _uids(instance: Dataset) -> tuple[str, str, str]:
    return str(instance.StudyInstanceUID), str(instance.SeriesInstanceUID), str(instance.SOPInstanceUID)


def _names(instances: Any) -> set[str]:
    return {str(instance.SOPInstanceUID) for instance in instances}


def test_what_is_stored_comes_back(client: Any, stored: list[Dataset], tmp_path: Path) -> None:
    study, series, instance = _uids(stored[0])
    assert _names(client.iter_study(study)) == _names(stored)
    assert _names(client.retrieve_series(study, series)) == _names(stored[:2])
    assert client.retrieve_instance(study, series, instance).PixelData == stored[0].PixelData
    assert {path.stem for path in client.download(study, folder=tmp_path)} == _names(stored)


def test_metadata_comes_once_and_then_is_not_modified(client: Any, stored: list[Dataset]) -> None:
    study, series, instance = _uids(stored[0])
    first = client.retrieve_study_metadata(study)
    assert _names(first) == _names(stored)
    assert client.retrieve_study_metadata(study, if_none_match=first.etag).not_modified
    assert client.retrieve_instance_metadata(study, series, instance).PatientName == "Doe^Jäne"


def test_frames_come_in_the_order_asked_for(client: Any, stored: list[Dataset]) -> None:
    first, second = stored[0].PixelData[:128], stored[0].PixelData[128:]
    frames = client.retrieve_instance_frames(*_uids(stored[0]), [2, 1])
    assert frames == [second, first]
    assert frames[0].transfer_syntax == "1.2.840.10008.1.2.1"


def test_searches_find_what_is_stored(client: Any, stored: list[Dataset]) -> None:
    study, series, instance = _uids(stored[0])
    assert [item.StudyInstanceUID for item in client.query(f"/studies?StudyInstanceUID={study}")] == [study]
    assert len(client.search_for_series(study)) == 2
    assert _names(client.search_for_instances(study, series, limit=1, get_remaining=True)) == _names(stored[:2])
    assert _names(client.search_for_instances(search_filters={"SOPInstanceUID": instance})) == {instance}


def test_searches_by_keywords_find_it_too(client: Any, stored: list[Dataset]) -> None:
    study, series, instance = _uids(stored[0])
    assert len(list(client.search_series(StudyInstanceUID=study, page_size=1))) == 2
    assert _names(client.search_instances(StudyInstanceUID=study, SeriesInstanceUID=series)) == _names(stored[:2])
    assert client.search_instances(SOPInstanceUID=instance).first().SOPInstanceUID == instance
    assert list(client.search_studies(StudyInstanceUID=study, StudyDate="1900-01-01..1900-12-31")) == []


def test_any_of_several_values_and_what_is_in_sequences_match(running: str, connect: Callable[..., Any]) -> None:
    client, uid = connect(f"{running}/dicomweb"), data.uid()
    step = Dataset()
    step.ScheduledProcedureStepID = "step"
    client.store_instances(data.dataset(StudyInstanceUID=uid, Modality="MR", RequestAttributesSequence=[step]))
    assert client.search_studies(StudyInstanceUID=uid, ModalitiesInStudy=["CT", "MR"]).first() is not None
    found = client.search_series(StudyInstanceUID=uid, RequestAttributesSequence={"ScheduledProcedureStepID": "step"})
    assert [item.Modality for item in found] == ["MR"]
    assert found.to_pandas()["Modality"][0] == "MR"


def test_what_is_deleted_is_gone(client: Any, stored: list[Dataset]) -> None:
    study, series, instance = _uids(stored[0])
    client.delete_instance(study, series, instance)
    client.delete_series(study, series)
    assert _names(client.retrieve_study(study)) == _names(stored[2:])
    client.delete_study(study)
    with pytest.raises(NotFound):
        client.retrieve_study_metadata(study)
    assert not client.search_for_studies(search_filters={"StudyInstanceUID": study})


def test_what_the_service_refuses_is_said(client: Any, stored: list[Dataset]) -> None:
    with pytest.raises(StoreFailed) as raised:
        client.store_instances(data.dataset(), study_instance_uid=data.uid())
    assert raised.value.result.failed[0].number == 0


def test_a_bulk_value_is_retrieved_by_its_url(running: str, connect: Callable[..., Any]) -> None:
    client, made = connect(f"{running}/dicomweb"), _study()[:1]
    client.store_instances(made)
    pixels = client.retrieve_instance_metadata(*_uids(made[0])).PixelData
    assert client.retrieve_bulkdata(pixels.url) == [made[0].PixelData]


def test_a_part_of_a_bulk_value(running: str, connect: Callable[..., Any]) -> None:
    client, made = connect(f"{running}/dicomweb"), _study()[:1]
    client.store_instances(made)
    url = client.retrieve_instance_metadata(*_uids(made[0])).PixelData.url
    assert client.retrieve_bulkdata(url, byte_range=(10, 19)) == [made[0].PixelData[10:20]]
    assert client.retrieve_bulkdata(url, byte_range=(250,)) == [made[0].PixelData[250:]]


def test_some_attributes_of_metadata(running: str, connect: Callable[..., Any]) -> None:
    client, made = connect(f"{running}/dicomweb"), _study()[:1]
    client.store_instances(made)
    [found] = client.retrieve_study_metadata(_uids(made[0])[0], include_fields=["PatientName", "Rows"])
    assert set(found.dir()) - {"SOPClassUID"} == {
        "SOPInstanceUID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "PatientName",
        "Rows",
    }


@pytest.mark.parametrize("dicomdir", [False, True])
def test_a_zip_is_saved(running: str, connect: Callable[..., Any], tmp_path: Path, dicomdir: bool) -> None:
    client, made = connect(f"{running}/dicomweb"), _study()
    seen: list[Progress] = []
    client.store_instances(made)
    path = client.download_zip(
        made[0].StudyInstanceUID, path=tmp_path / "a" / "b.zip", dicomdir=dicomdir, progress=seen.append
    )
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == len(made) + dicomdir
    assert seen[-1].bytes == path.stat().st_size
    assert [one.name for one in path.parent.iterdir()] == ["b.zip"]


OTHERS = {"set_chunk_size", "set_http_retry_params", "lookup_keyword", "lookup_tag"}  # not operations
OPERATIONS = sorted(
    name for name, _ in inspect.getmembers(DICOMwebClient, inspect.isfunction) if name[0] != "_" and name not in OTHERS
)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_and_keywords_are_those_of_dicomweb_client(name: str) -> None:
    method = getattr(Client, name)
    options = get_type_hints(method, vars(filmroom.client.client))["options"]
    known = {*inspect.signature(method).parameters, *get_type_hints(options.__args__[0])}
    assert set(inspect.signature(getattr(DICOMwebClient, name)).parameters) <= known


@pytest.mark.parametrize("kind", [DICOMwebClient, Client])
def test_moving_from_dicomweb_client_is_one_import_line(running: str, kind: Any) -> None:
    made = [dcmread(io.BytesIO(data.file(one))) for one in _study()]
    study, series, instance = _uids(made[0])
    client = kind(url=f"{running}/dicomweb")
    response = client.store_instances(datasets=made)
    assert len(response.ReferencedSOPSequence) == 3
    assert len(client.search_for_studies(search_filters={"StudyInstanceUID": study}, fields=["StudyDescription"])) == 1
    assert len(client.search_for_instances(study_instance_uid=study, limit=2, get_remaining=True)) == 3
    assert len(client.retrieve_series_metadata(study, series)) == 2
    assert {dataset.SOPInstanceUID for dataset in client.iter_study(study)} == _names(made)
    frames = client.retrieve_instance_frames(
        study, series, instance, frame_numbers=[2], media_types=(("application/octet-stream", "1.2.840.10008.1.2.1"),)
    )
    assert frames == [made[0].PixelData[128:]]
    client.delete_study(study)
    (client.close if kind is Client else client._session.close)()


def test_the_service_says_what_it_can_do(running: str, connect: Callable[..., Any]) -> None:
    (resources,) = connect(f"{running}/dicomweb").capabilities()["application"]["resources"]
    assert resources["base"] == f"{running}/dicomweb"
    assert {resource["path"] for resource in resources["resource"]} >= {"studies", "series", "instances", "wado"}
    with pytest.raises(NotFound):
        connect(f"{running}/v2").capabilities()
