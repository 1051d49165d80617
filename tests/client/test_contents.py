"""Files, Frames, Pixel Data and bulk values as bytes, and ranges of them: what is asked for, and of a real service."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset

from filmroom import BadRequest, BadResponse, Client
from filmroom.cli import launch
from tests import data
from tests.client import recorder
from tests.client.recorder import Recorder, Reply
from tests.messages import encoded

S, E, I = "1.2.3", "1.2.3.4", "1.2.3.4.5"  # noqa: E741
INSTANCE = f"/studies/{S}/series/{E}/instances/{I}"
JPEG_LS = "1.2.840.10008.1.2.4.80"
DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
OCTETS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with launch.service(tmp_path_factory.mktemp("service")) as url:
        yield url


@pytest.fixture(scope="module")
def study(url: str) -> list[Dataset]:
    """An image of one Frame with a bulk value beside, and one of two Frames in JPEG-LS."""
    image = data.image()
    image.RedPaletteColorLookupTableData = bytes(range(200))
    image.RedPaletteColorLookupTableDescriptor = [100, 0, 16]
    jpeg_ls = encoded(b"first!", b"second").dataset
    jpeg_ls.StudyInstanceUID = image.StudyInstanceUID
    with Client(f"{url}/dicomweb") as client:
        client.store_instances([data.file(image), data.file(jpeg_ls, JPEG_LS)])
    return [image, jpeg_ls]


@pytest.fixture
def real(connect: Callable[..., Any], url: str) -> Any:
    return connect(f"{url}/dicomweb")


def _uids(instance: Dataset) -> list[str]:
    return [instance.StudyInstanceUID, instance.SeriesInstanceUID, instance.SOPInstanceUID]


def test_a_file_comes_as_it_was_stored(real: Any, study: list[Dataset]) -> None:
    file = real.retrieve_instance_bytes(*_uids(study[0]))
    assert (file, file.media_type) == (data.file(study[0]), "application/dicom")


@pytest.mark.parametrize("given", [(0, 131), (128, 131), (200,)])
@pytest.mark.parametrize("root", ["dicomweb", "v2"])
def test_a_part_of_a_file(
    connect: Callable[..., Any], url: str, study: list[Dataset], given: tuple[int, ...], root: str
) -> None:
    """Azure's dialect knows no ranges and sends everything."""
    whole, end = data.file(study[0]), given[1] + 1 if len(given) > 1 else None
    found = connect(f"{url}/{root}").retrieve_instance_bytes(*_uids(study[0]), byte_range=given)
    assert found == whole[given[0] : end]


@pytest.mark.parametrize("root", ["dicomweb", "v2"])
def test_a_part_of_a_frame(connect: Callable[..., Any], url: str, study: list[Dataset], root: str) -> None:
    client = connect(f"{url}/{root}")
    assert client.retrieve_instance_frames(*_uids(study[0]), [1], byte_range=(2, 5)) == [study[0].PixelData[2:6]]


def test_a_part_of_a_compressed_frame(real: Any, study: list[Dataset]) -> None:
    [found] = real.retrieve_instance_frames(*_uids(study[1]), [2], media_types=["image/jls"], byte_range=(2,))
    assert (found, found.media_type, found.transfer_syntax) == (b"cond", "image/jls", JPEG_LS)


def test_a_part_of_the_pixel_data(real: Any, study: list[Dataset]) -> None:
    assert real.retrieve_pixeldata(*_uids(study[0]), byte_range=(0, 9)) == [study[0].PixelData[:10]]


def test_a_range_beyond_the_end_is_refused_by_the_service(real: Any, study: list[Dataset]) -> None:
    with pytest.raises(BadRequest, match="416"):
        real.retrieve_instance_bytes(*_uids(study[0]), byte_range=(1 << 30,))


def test_all_pixel_data_of_a_study_or_less(real: Any, study: list[Dataset]) -> None:
    found = list(real.iter_pixeldata(study[0].StudyInstanceUID))
    assert found == [study[0].PixelData, b"first!", b"second"]
    assert [content.transfer_syntax for content in found] == ["1.2.840.10008.1.2.1", JPEG_LS, JPEG_LS]
    assert [content.location.rpartition("/instances/")[2] for content in found[1:]] == [
        f"{study[1].SOPInstanceUID}/frames/{number}" for number in (1, 2)
    ]
    assert real.retrieve_pixeldata(*_uids(study[1])[:2]) == real.retrieve_pixeldata(*_uids(study[1])) == found[1:]


def test_all_bulk_values_of_a_study_or_less(real: Any, study: list[Dataset]) -> None:
    found = list(real.iter_all_bulkdata(study[0].StudyInstanceUID))
    assert found == [bytes(range(200)), study[0].PixelData, b"first!", b"second"]
    assert real.retrieve_all_bulkdata(*_uids(study[0])[:2]) == real.retrieve_all_bulkdata(*_uids(study[0])) == found[:2]
    metadata = real.retrieve_instance_metadata(*_uids(study[0]))
    assert found[0].location == metadata.RedPaletteColorLookupTableData.url


@pytest.mark.parametrize(
    ("method", "arguments", "target", "accept"),
    [
        ("retrieve_pixeldata", (S,), f"/studies/{S}/pixeldata", OCTETS),
        ("retrieve_pixeldata", (S, E, I), f"{INSTANCE}/pixeldata", OCTETS),
        ("retrieve_all_bulkdata", (S, E), f"/studies/{S}/series/{E}/bulkdata", OCTETS),
        (
            "retrieve_instance_bytes",
            (S, E, I),
            INSTANCE,
            f"{DICOM}; q=0.5, application/dicom; transfer-syntax=*",
        ),
    ],
)
def test_each_names_its_target_and_what_it_accepts(
    client: Any, service: Recorder, method: str, arguments: tuple[str, ...], target: str, accept: str
) -> None:
    service.replies = [recorder.multipart([b"abc"])]
    getattr(client, method)(*arguments)
    assert (service.targets, service.last.headers["accept"]) == ([target], accept)


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.retrieve_instance_bytes(S, E, I, byte_range=(1, 2), partition="p"),
        lambda client: client.retrieve_instance_frames(S, E, I, [7], byte_range=(1, 2), partition="p")[0],
        lambda client: client.retrieve_pixeldata(S, E, I, byte_range=(1, 2), partition="p")[0],
    ],
)
def test_a_range_is_one_of_a_content_that_comes_alone(
    client: Any, service: Recorder, call: Callable[[Any], bytes]
) -> None:
    service.replies = [Reply(206, {"Content-Type": "application/octet-stream"}, b"12")]
    assert call(client) == b"12"
    headers = service.last.headers
    assert (headers["range"], headers["accept-encoding"]) == ("bytes=1-2", "identity")
    assert headers["accept"].startswith("multipart/related; type=")
    assert "; q=0.5, application/" in headers["accept"]
    assert service.targets[0].startswith("/partitions/p/studies")
    service.replies = [recorder.multipart([b"0123"])]  # a service that knows neither ranges nor one part
    assert call(client) == b"12"


def test_a_frame_of_which_a_range_is_wanted_may_be_of_any_type(client: Any, service: Recorder) -> None:
    service.replies = [Reply(200, {"Content-Type": "image/jls"}, b"012")]
    types = ["image/jls", ("image/jp2", "1.2")]
    assert client.retrieve_instance_frames(S, E, I, [1], media_types=types, byte_range=(2,)) == [b"2"]
    assert service.last.headers["accept"].endswith("; q=0.5, image/jls, image/jp2; transfer-syntax=1.2")


@pytest.mark.parametrize(
    "call",
    [
        lambda client, given: client.iter_instance_frames(S, E, I, [1, 2], byte_range=given),
        lambda client, given: client.iter_pixeldata(S, E, byte_range=given),
        lambda client, _: client.iter_instance_frames(S, E, I, [1], byte_range=(2, 1)),
    ],
)
def test_a_range_of_several_things_is_not_sent(client: Any, service: Recorder, call: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="range of bytes"):
        call(client, (0, 1))
    assert not service.requests


def test_what_comes_in_several_parts_has_no_range(client: Any, service: Recorder) -> None:
    service.replies = [recorder.multipart([b"one", b"two"], "application/octet-stream")]
    with pytest.raises(BadResponse, match="2 parts; 1 were asked for"):
        client.retrieve_pixeldata(S, E, I, byte_range=(0,))
