"""The steps notice what is wrong."""

import pytest
from pydicom.dataset import Dataset

from filmroom.cli.tutorial import BLUE_CIRCLE, GREEN_SQUARE, RED_TRIANGLE, dataset
from filmroom.cli.walkthrough import CheckFailed, are, is_one, same_picture


def _named(*uids: str) -> list[Dataset]:
    made = [Dataset() for _ in uids]
    for instance, uid in zip(made, uids, strict=True):
        instance.SOPInstanceUID = uid
    return made


def test_the_expected_instances_are_named_in_any_order() -> None:
    assert (
        are(_named(RED_TRIANGLE.instance, BLUE_CIRCLE.instance), BLUE_CIRCLE, RED_TRIANGLE)
        == "blue-circle, red-triangle"
    )


@pytest.mark.parametrize(
    ("uids", "got"),
    [
        ([], "nothing"),
        ([BLUE_CIRCLE.instance] * 2, "blue-circle, blue-circle"),
        ([BLUE_CIRCLE.instance, "1.2"], "another instance, blue-circle"),
    ],
)
def test_too_few_too_many_and_strangers_are_told(uids: list[str], got: str) -> None:
    with pytest.raises(CheckFailed, match=f"^expected blue-circle, but got {got}$"):
        are(_named(*uids), BLUE_CIRCLE)


def test_a_search_must_find_one_and_the_right_one() -> None:
    assert is_one(_named("1.2"), "SOPInstanceUID", "1.2") == "one result, the right one"
    for uids in [], ["1.3"], ["1.2", "1.2"]:
        with pytest.raises(CheckFailed, match="SOPInstanceUID"):
            is_one(_named(*uids), "SOPInstanceUID", "1.2")


def test_another_picture_is_noticed() -> None:
    same_picture(dataset(GREEN_SQUARE), GREEN_SQUARE)
    with pytest.raises(CheckFailed, match="not that of red-triangle"):
        same_picture(dataset(GREEN_SQUARE), RED_TRIANGLE)
