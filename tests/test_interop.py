"""The Python `dicomweb-client` from PyPI, pointed at `/dicomweb` of a real service."""

import io
from collections.abc import Iterator

import imagecodecs
import numpy as np
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import Dataset

from tests import data, service

EXPLICIT, JPEG_2000 = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DICOMwebClient]:
    with service.running(tmp_path_factory.mktemp("interop") / "data") as running, requests.Session() as session:
        yield DICOMwebClient(f"{running.url}/dicomweb", session=session)
        assert not running.mishaps()


def readable(made: Dataset) -> Dataset:
    """As the client sends it: a data set that knows its file."""
    return dcmread(io.BytesIO(data.file(made)))


@pytest.fixture(scope="module")
def study(client: DICOMwebClient) -> list[Dataset]:
    """Two Series, of two images and of one."""
    study, series = data.uid(), data.uid()
    made = []
    for number in range(3):
        image = data.image(frames=2, StudyInstanceUID=study, PatientName="Syn^Thetic", InstanceNumber=number)
        image.SeriesInstanceUID = series if number < 2 else data.uid()
        made.append(readable(image))
    client.store_instances(made)
    return made


def uids(made: Dataset) -> tuple[str, str, str]:
    return made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID


def instances(found: list[Dataset]) -> set[str]:
    return {one.SOPInstanceUID for one in found}


# --- Store


def test_store_instances(client: DICOMwebClient) -> None:
    made = readable(data.image())
    answer = client.store_instances([made])
    (item,) = answer.ReferencedSOPSequence
    assert item.ReferencedSOPInstanceUID == made.SOPInstanceUID
    assert item.RetrieveURL.endswith("/studies/{}/series/{}/instances/{}".format(*uids(made)))


def test_store_more_than_a_megabyte_in_chunks(client: DICOMwebClient) -> None:
    made = [readable(data.image(rows=1024, columns=1024)) for _ in range(2)]
    assert len(client.store_instances(made).ReferencedSOPSequence) == 2


def test_store_into_a_study(client: DICOMwebClient) -> None:
    made = readable(data.dataset())
    answer = client.store_instances([made], study_instance_uid=made.StudyInstanceUID)
    assert len(answer.ReferencedSOPSequence) == 1


def test_store_identical_bytes_again(client: DICOMwebClient, study: list[Dataset]) -> None:
    assert len(client.store_instances(study).ReferencedSOPSequence) == 3


def test_what_is_refused_is_told(client: DICOMwebClient, study: list[Dataset]) -> None:
    other = readable(study[0])
    other.PatientID = "other"
    with pytest.raises(requests.HTTPError, match="409"):
        client.store_instances([other])


# --- Search


def test_search_for_studies(client: DICOMwebClient, study: list[Dataset]) -> None:
    (found,) = client.search_for_studies(search_filters={"StudyInstanceUID": study[0].StudyInstanceUID})
    read = Dataset.from_json(found)
    assert (read.NumberOfStudyRelatedSeries, read.NumberOfStudyRelatedInstances) == (2, 3)


def test_search_for_series(client: DICOMwebClient, study: list[Dataset]) -> None:
    everywhere = client.search_for_series(search_filters={"SeriesInstanceUID": study[0].SeriesInstanceUID})
    assert len(everywhere) == 1
    assert len(client.search_for_series(study[0].StudyInstanceUID)) == 2


def test_search_for_instances(client: DICOMwebClient, study: list[Dataset]) -> None:
    everywhere = client.search_for_instances(search_filters={"SOPInstanceUID": study[0].SOPInstanceUID})
    assert len(everywhere) == 1
    assert len(client.search_for_instances(study[0].StudyInstanceUID)) == 3
    assert len(client.search_for_instances(study[0].StudyInstanceUID, study[0].SeriesInstanceUID)) == 2


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"PatientName": "Syn*"}, 1), ({"PatientName": "SYN^THETIC"}, 1), ({"PatientName": "*tic"}, 1),
        ({"PatientName": "Other*"}, 0), ({"StudyDate": "20240101-20241231"}, 1), ({"00080020": "20240229"}, 1),
        ({"ModalitiesInStudy": "OT"}, 1), ({"ModalitiesInStudy": "CT"}, 0), ({"PatientID": "ID?"}, 1),
    ],
)  # fmt: skip
def test_filters(client: DICOMwebClient, study: list[Dataset], filters: dict[str, str], count: int) -> None:
    only = {"StudyInstanceUID": study[0].StudyInstanceUID}
    assert len(client.search_for_studies(search_filters=only | filters)) == count


def test_fuzzy_matching(client: DICOMwebClient, study: list[Dataset]) -> None:
    only = {"StudyInstanceUID": study[0].StudyInstanceUID, "PatientName": "syn the"}
    assert len(client.search_for_studies(fuzzymatching=True, search_filters=only)) == 1
    assert client.search_for_studies(fuzzymatching=False, search_filters=only) == []


def test_fields(client: DICOMwebClient, study: list[Dataset]) -> None:
    (found, _) = client.search_for_series(study[0].StudyInstanceUID, fields=["PatientSex", "00080050", "NoSuchKeyword"])
    assert (found["00100040"]["Value"], found["00080050"]["Value"]) == (["O"], ["A1"])


def test_pages(client: DICOMwebClient, study: list[Dataset]) -> None:
    uid = study[0].StudyInstanceUID
    pages = [client.search_for_instances(uid, limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [len(page) for page in pages] == [2, 1, 0]


def test_get_remaining(client: DICOMwebClient, study: list[Dataset]) -> None:
    found = client.search_for_instances(study[0].StudyInstanceUID, limit=1, get_remaining=True)
    assert {one["00080018"]["Value"][0] for one in found} == instances(study)


# --- Retrieve


def test_retrieve_study(client: DICOMwebClient, study: list[Dataset]) -> None:
    found = client.retrieve_study(study[0].StudyInstanceUID)
    assert sorted(found, key=lambda one: one.InstanceNumber) == study


def test_iter_study(client: DICOMwebClient, study: list[Dataset]) -> None:
    assert instances(list(client.iter_study(study[0].StudyInstanceUID))) == instances(study)


def test_retrieve_series(client: DICOMwebClient, study: list[Dataset]) -> None:
    assert instances(client.retrieve_series(*uids(study[0])[:2])) == instances(study[:2])


def test_retrieve_instance(client: DICOMwebClient, study: list[Dataset]) -> None:
    assert client.retrieve_instance(*uids(study[1])) == study[1]


def test_retrieve_instance_in_another_transfer_syntax(client: DICOMwebClient, study: list[Dataset]) -> None:
    found = client.retrieve_instance(*uids(study[0]), media_types=(("application/dicom", JPEG_2000),))
    assert found.file_meta.TransferSyntaxUID == JPEG_2000


def test_retrieve_metadata(client: DICOMwebClient, study: list[Dataset]) -> None:
    whole, series, one = uids(study[0])
    assert len(client.retrieve_study_metadata(whole)) == 3
    assert len(client.retrieve_series_metadata(whole, series)) == 2
    metadata = client.retrieve_instance_metadata(whole, series, one)
    assert Dataset.from_json(metadata, lambda *_: b"").PatientName == "Syn^Thetic"


def test_retrieve_frames(client: DICOMwebClient, study: list[Dataset]) -> None:
    half = len(study[0].PixelData) // 2
    pixels = [study[0].PixelData[half:], study[0].PixelData[:half]]
    assert client.retrieve_instance_frames(*uids(study[0]), frame_numbers=[2, 1]) == pixels
    assert list(client.iter_instance_frames(*uids(study[0]), frame_numbers=[2, 1])) == pixels


def test_retrieve_frames_as_octets(client: DICOMwebClient, study: list[Dataset]) -> None:
    media_types = (("application/octet-stream", EXPLICIT),)
    (found,) = client.retrieve_instance_frames(*uids(study[0]), frame_numbers=[1], media_types=media_types)
    assert found == study[0].PixelData[: len(study[0].PixelData) // 2]


def test_retrieve_frames_as_jpeg_2000(client: DICOMwebClient, study: list[Dataset]) -> None:
    media_types = (("image/jp2", JPEG_2000),)
    (found,) = client.retrieve_instance_frames(*uids(study[0]), frame_numbers=[1], media_types=media_types)
    pixels = np.asarray(imagecodecs.jpeg2k_decode(found)).astype("<u2").tobytes()
    assert pixels == study[0].PixelData[: len(study[0].PixelData) // 2]


def test_retrieve_bulkdata(client: DICOMwebClient, study: list[Dataset]) -> None:
    """The client's Host header has no port, and yet the BulkDataURI leads here."""
    metadata = client.retrieve_instance_metadata(*uids(study[0]))
    (found,) = client.retrieve_bulkdata(metadata["7FE00010"]["BulkDataURI"])
    assert found == study[0].PixelData
    assert list(client.iter_bulkdata(metadata["7FE00010"]["BulkDataURI"])) == [found]


def test_what_is_not_there_is_an_error(client: DICOMwebClient) -> None:
    with pytest.raises(requests.HTTPError, match="404"):
        client.retrieve_study("1.2.3.4")


# --- Delete


def test_delete(client: DICOMwebClient) -> None:
    study = data.uid()
    made = [readable(data.dataset(StudyInstanceUID=study)) for _ in range(3)]
    client.store_instances(made)
    client.delete_instance(*uids(made[0]))
    client.delete_series(*uids(made[1])[:2])
    assert instances(client.retrieve_study(study)) == instances(made[2:])
    client.delete_study(study)
    assert client.search_for_studies(search_filters={"StudyInstanceUID": study}) == []
