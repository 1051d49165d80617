"""Delete by the Azure DICOM service: study, series, instance."""

import httpx2
import pytest

from tests import data
from tests.messages import JSON, Sent, failures, sent, store

LEVELS = pytest.mark.parametrize("level", ["study", "series", "instance"])


@pytest.fixture
def stored(http: httpx2.Client, root: str) -> Sent:
    made = sent()
    assert store(http, root, made.content).status_code == 200
    return made


@LEVELS
def test_delete_is_204_and_the_second_time_404(http: httpx2.Client, root: str, stored: Sent, level: str) -> None:
    first, second = (http.delete(root + getattr(stored, level)) for _ in range(2))
    assert (first.status_code, first.content) == (204, b"")
    assert (second.status_code, second.text) == (404, f"The specified {level} cannot be found.")


@LEVELS
def test_nothing_is_left_when_the_last_instance_goes(http: httpx2.Client, root: str, stored: Sent, level: str) -> None:
    http.delete(root + getattr(stored, level))
    assert http.get(f"{root}{stored.study}/metadata", headers=JSON).status_code == 404
    for resource in ("studies", "series", "instances"):
        found = http.get(f"{root}/{resource}?StudyInstanceUID={stored.dataset.StudyInstanceUID}", headers=JSON)
        assert found.status_code == 204


def test_others_of_the_study_stay(http: httpx2.Client, root: str, stored: Sent) -> None:
    other = sent(StudyInstanceUID=stored.dataset.StudyInstanceUID)
    store(http, root, other.content)
    http.delete(root + stored.series)
    (metadata,) = http.get(f"{root}{stored.study}/metadata", headers=JSON).json()
    assert metadata["00080018"]["Value"] == [other.dataset.SOPInstanceUID]


@pytest.mark.parametrize("path", ["/studies/x", "/studies/1/series/x", "/studies/1/series/2/instances/x"])
def test_bad_uid_is_400(http: httpx2.Client, root: str, path: str) -> None:
    assert http.delete(root + path).status_code == 400


@pytest.mark.parametrize("headers", [{}, {"Accept": "image/png"}, {"Content-Type": "text/plain"}])
def test_delete_needs_no_accept(http: httpx2.Client, root: str, stored: Sent, headers: dict[str, str]) -> None:
    assert http.delete(root + stored.instance, headers=headers).status_code == 204


def test_stored_again_right_after_the_delete(http: httpx2.Client, root: str, stored: Sent) -> None:
    http.delete(root + stored.instance)
    assert store(http, root, stored.content).status_code == 200
    assert failures(store(http, root, stored.content)) == [45070]


def test_delete_goes_by_the_whole_path(http: httpx2.Client, root: str, stored: Sent) -> None:
    wrong = f"{root}/studies/{data.uid()}/series/{stored.dataset.SeriesInstanceUID}"
    assert http.delete(wrong).status_code == 404
    assert http.get(f"{root}{stored.study}/metadata", headers=JSON).status_code == 200
