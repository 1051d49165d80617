"""Targets by pseudonyms: found among all that is stored, whoever stores and deletes meanwhile."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import func, select

from filmroom.archive import Archive
from filmroom.dicom.deidentification import Deidentification, Known, Option, known
from filmroom.dicom.resources import Resource
from filmroom.dicom.views import View
from filmroom.index.tables import pseudonym
from filmroom.services import pseudonyms
from filmroom.services.delete import delete
from filmroom.services.pseudonyms import NOTHING, all_resolved, resolved
from tests import data
from tests.services.test_delete import keep, targets

PROFILE = Deidentification.of([], b"of the tests")


def seen(made: Dataset, level: int = 3, profile: Deidentification = PROFILE) -> Resource:
    """A target as who sees it de-identified names it."""
    target = targets(made)[level - 1]
    return replace(pseudonyms.called(profile, target), view=View(deidentification=profile))


def found(archive: Archive, target: Resource) -> Resource:
    return replace(resolved(archive, target), view=View())


def count(archive: Archive) -> int | None:
    with archive.index.read() as tx:
        return tx.core.scalar(select(func.count()).select_from(pseudonym))


@pytest.mark.parametrize("level", [1, 2, 3])
def test_what_is_stored_is_found(archive: Archive, level: int) -> None:
    made = data.dataset()
    keep(archive, made, data.dataset(StudyInstanceUID=made.StudyInstanceUID))
    for _ in range(2):
        assert found(archive, seen(made, level)) == targets(made)[level - 1]
    assert resolved(archive, seen(made, level)).view.deidentification is PROFILE


def test_what_is_not_seen_de_identified_is_called_as_it_is(archive: Archive) -> None:
    plain = Resource("1", "2", "3")
    assert resolved(archive, plain) is plain
    kept = Deidentification.of([Option.UIDS], b"")
    target = replace(plain, view=View(deidentification=kept))
    assert resolved(archive, target) is target
    assert count(archive) == 0


def test_stored_uids_lead_nowhere(archive: Archive) -> None:
    made = data.dataset()
    keep(archive, made)
    asked = seen(made)
    stored = targets(made)[2]
    for half in (
        replace(asked, study=stored.study),
        replace(asked, series=stored.series),
        replace(asked, instance=stored.instance),
    ):
        assert NOTHING in resolved(archive, half).uids


def test_what_is_stored_later_is_found_too(archive: Archive) -> None:
    for _ in range(3):
        made = data.dataset()
        assert resolved(archive, seen(made, 1)).study == NOTHING
        keep(archive, made)
        assert found(archive, seen(made)) == targets(made)[2]


def test_what_is_deleted_and_stored_again_is_found(archive: Archive) -> None:
    made = data.dataset()
    keep(archive, made)
    assert found(archive, seen(made)) == targets(made)[2]
    delete(archive, targets(made)[0])
    assert count(archive) == 0
    another = replace(archive, pseudonyms=Known())  # in another process, which has not found it yet
    assert resolved(another, seen(made)).study == NOTHING
    keep(archive, made)
    assert found(another, seen(made)) == targets(made)[2]


def test_all_are_written_down_batch_by_batch_and_once(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pseudonyms, "BATCH", 2)
    made = [data.dataset() for _ in range(5)]
    keep(archive, *made)
    for one in made:
        assert found(archive, seen(one, 1)) == targets(one)[0]
    assert count(archive) == 5
    other = Deidentification.of([], b"another")
    assert found(archive, seen(made[0], 1, other)) == targets(made[0])[0]
    assert count(archive) == 10


def test_nothing_is_looked_at_again_as_long_as_nothing_is_stored(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(archive, data.dataset())
    assert resolved(archive, seen(data.dataset(), 1)).study == NOTHING
    monkeypatch.setattr(pseudonyms, "_add", None)
    assert resolved(archive, seen(data.dataset(), 1)).study == NOTHING


def test_many_may_ask_at_once(archive: Archive) -> None:
    made = [data.dataset() for _ in range(20)]
    keep(archive, *made)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: found(archive, seen(one)), made))
    assert answers == [targets(one)[2] for one in made]
    assert count(archive) == 20


def test_many_targets_below_a_study_look_into_it_once(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    made = data.dataset()
    keep(archive, made)
    known = seen(made)
    unknown = [replace(known, instance=data.uid()) for _ in range(3)]
    absent = [replace(known, study="2.25.1", series=data.uid()) for _ in range(3)]
    looked: list[Resource] = []
    studies: list[str] = []
    monkeypatch.setattr(pseudonyms, "below", noting(looked, 2, pseudonyms.below))
    monkeypatch.setattr(pseudonyms, "study", noting(studies, 2, pseudonyms.study))
    named = [*unknown, known, *absent, seen(made, 2), seen(made, 1)]
    answers = all_resolved(archive, named)
    assert [one.uids for one in answers if NOTHING not in one.uids] == [targets(made)[at].uids for at in (2, 1, 0)]
    assert [NOTHING in one.uids for one in answers] == [True] * 3 + [False] + [True] * 3 + [False] * 2
    assert len(looked) == len(set(looked))
    assert studies == [known.study, "2.25.1"]


def noting(noted: list[Any], at: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which notes an argument of each call."""

    def call(*given: Any) -> Any:
        noted.append(given[at])
        return function(*given)

    return call


def test_memory_has_an_end(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "MOST", 3)
    made = [data.dataset() for _ in range(4)]
    keep(archive, *made)
    for one in made * 2:
        assert found(archive, seen(one)) == targets(one)[2]
        assert len(archive.pseudonyms) <= 6
