"""What the operations worker sees to by itself."""

import time

import pytest
from sqlalchemy import update

from filmroom.archive import Archive
from filmroom.cli.chores import LOOK, STEADY, STEP, Chores, Clock
from filmroom.dicom.resources import Resource
from filmroom.index import instances, service_tables
from filmroom.services import operations
from filmroom.settings import Settings
from tests import data
from tests.services.test_delete import count, keep

NOW = 1_800_000_000.0


class Times:
    """A clock that is set, and the even one that is not."""

    def __init__(self) -> None:
        self.even, self.ahead = 1000.0, NOW

    def of_clock(self) -> float:
        return self.even + self.ahead

    def of_even(self) -> float:
        return self.even


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def clock(times: Times) -> Clock:
    return Clock(times.of_clock, times.of_even)


def test_the_time_is_believed_after_a_while(times: Times, clock: Clock) -> None:
    assert clock() is None
    times.even += STEADY
    assert clock() == times.of_clock()


@pytest.mark.parametrize("step", [2 * STEP, 1e9, -2 * STEP, -1e9])
def test_a_clock_that_was_set_is_believed_after_a_while(times: Times, clock: Clock, step: float) -> None:
    times.even += STEADY
    times.ahead += step
    assert clock() is None
    times.even += STEADY - 1
    assert clock() is None
    times.even += 1
    assert clock() == times.of_clock()


def test_a_step_that_is_put_right_deletes_nothing(times: Times, clock: Clock) -> None:
    times.even += STEADY
    times.ahead += 1e9
    assert clock() is None
    times.even += 30
    times.ahead -= 1e9
    assert clock() is None


def test_a_clock_that_is_adjusted_a_little_is_believed(times: Times, clock: Clock) -> None:
    times.even += STEADY
    times.ahead += STEP / 2
    assert clock() is not None


# --- The chores


def do(chores: Chores) -> None:
    chores._look_at = 0.0  # as if a while had gone by
    chores.do(lambda: False)


def started(archive: Archive) -> list[dict[str, object]]:
    return [dict(one.arguments) for one in operations.newest(archive)]


def test_studies_expire(archive: Archive, settings: Settings) -> None:
    made = data.dataset()
    keep(archive, made, lifetime=100)
    target = Resource(made.StudyInstanceUID)
    do(Chores(archive, settings, lambda: None))
    assert count(archive, target) == 1
    do(Chores(archive, settings, lambda: 1e12))
    assert count(archive, target) == 0


def test_the_next_look_waits(archive: Archive, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    chores = Chores(archive, settings, lambda: 1e12)
    do(chores)
    monkeypatch.setattr(instances, "fetch_expired", None)
    chores.do(lambda: False)
    assert chores._look_at > LOOK


def test_a_sweep_is_started_when_it_is_due(archive: Archive, settings: Settings) -> None:
    first, second = Chores(archive, settings, time.time), Chores(archive, settings, time.time)
    do(first)
    do(second)
    assert started(archive) == [{"delay": 3600.0, "every": 3600.0}]
    operations.Worker(archive, "worker").run_next()
    do(first)
    assert len(started(archive)) == 1
    age(archive, 3700)
    do(second)
    do(first)
    [newest] = operations.newest(archive)  # the one before is forgotten
    assert newest.state is operations.State.NOT_STARTED


def age(archive: Archive, seconds: float) -> None:
    with archive.index.begin() as tx:
        tx.core.execute(update(service_tables.operation).values(created=service_tables.operation.c.created - seconds))


def test_what_people_started_counts_and_is_not_forgotten(archive: Archive, settings: Settings) -> None:
    asked = operations.start(archive, "sweep", {"delay": 3600.0})
    operations.Worker(archive, "worker").run_next()
    do(Chores(archive, settings, time.time))
    assert len(started(archive)) == 1
    age(archive, 3700)
    do(Chores(archive, settings, time.time))
    assert operations.status(archive, asked).state is operations.State.SUCCEEDED
    assert len(started(archive)) == 2


def test_one_that_was_started_in_the_future_does_not_keep_others_away(archive: Archive, settings: Settings) -> None:
    operations.start(archive, "sweep", {"delay": 0})
    operations.Worker(archive, "worker").run_next()
    age(archive, -1e6)
    do(Chores(archive, settings, time.time))
    assert len(started(archive)) == 2


def test_one_that_failed_in_the_future_does_not_have_others_started_all_the_time(
    archive: Archive, settings: Settings
) -> None:
    operations.cancel(archive, operations.start(archive, "sweep", {"delay": 0}))
    age(archive, -1e6)
    for _ in range(3):
        do(Chores(archive, settings, time.time))
        operations.Worker(archive, "worker").run_next()
    assert len(started(archive)) == 2


def test_none_is_started_while_nobody_can_be_sure_of_the_time(archive: Archive, settings: Settings) -> None:
    do(Chores(archive, settings, lambda: None))
    assert started(archive) == []


def test_zero_starts_none(archive: Archive, settings: Settings) -> None:
    do(Chores(archive, settings.model_copy(update={"sweep_every": 0.0}), time.time))
    assert started(archive) == []
