"""Lanes: what one use may take, what waits for a turn, and what is refused."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from typing import cast

import pytest
import uvloop

from filmroom.errors import TooMany, Unavailable
from filmroom.protocol import dialects
from filmroom.protocol.negotiation import Kind
from filmroom.server import lanes, table
from filmroom.server.lanes import Lane, Use
from filmroom.server.work import Work
from tests.service import wait_until

THREADS = 8


@pytest.fixture
def work() -> Iterator[Work]:
    made = Work(THREADS)
    yield made
    made.close()


@pytest.fixture
def let() -> Iterator[threading.Event]:
    """What calls that stand still wait for."""
    made = threading.Event()
    yield made
    made.set()


class Lost(Exception):
    pass


def lose() -> None:
    raise Lost


def no_more(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def flood(lane: Lane, let: threading.Event, count: int = 20) -> "list[Future[bool]]":
    return [lane.begin(let.wait) for _ in range(count)]


def at_work(calls: "list[Future[bool]]") -> int:
    return sum(call.running() for call in calls)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_clock_that_runs_early_refuses_as_well(
    work: Work,
    let: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """The timers of uvloop count whole milliseconds, and may end before their time."""
    monkeypatch.setattr(lanes, "PATIENCE", 0.0007)
    flood(work.lanes[Use.STORES], let, 3)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        for _ in range(200):
            with pytest.raises(Unavailable):
                runner.run(work.lanes[Use.STORES].run(int, "7"))


@pytest.mark.parametrize("threads", [1, 2, 3, 4, 8, 16, 256])
def test_what_needs_files_leaves_a_quarter_of_the_threads(threads: int) -> None:
    made = Work(threads).lanes
    for_files = made[Use.FILES]._most + made[Use.STORES]._most
    assert for_files <= max(threads, 3) * 3 / 4
    assert made[Use.INDEX]._most == max(threads, 3)


def test_under_a_flood_of_stores_and_files_rows_are_read(work: Work, let: threading.Event) -> None:
    calls = flood(work.lanes[Use.STORES], let) + flood(work.lanes[Use.FILES], let)
    wait_until(lambda: at_work(calls) == 6)
    assert asyncio.run(work.lanes[Use.INDEX].run(int, "7")) == 7
    assert at_work(calls) == 6
    let.set()
    assert all(call.result() for call in calls)


def test_who_waits_is_served_in_order(let: threading.Event) -> None:
    one_at_a_time = Work(1)
    lane, order = one_at_a_time.lanes[Use.STORES], list[int]()
    held = flood(lane, let, 1)
    queued = [lane.begin(order.append, number) for number in range(5)]
    assert not any(call.running() for call in queued)
    let.set()
    [call.result() for call in held + queued]
    one_at_a_time.close()
    assert order == list(range(5))


def test_who_waits_too_long_is_refused(work: Work, let: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "PATIENCE", 0.01)
    flood(work.lanes[Use.STORES], let, 3)
    with pytest.raises(Unavailable, match=r"Too many stores are under way\."):
        asyncio.run(work.lanes[Use.STORES].run(int, "7"))


def test_who_waits_too_long_for_threads_of_other_lanes_is_refused_and_nothing_done(
    work: Work, let: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "PATIENCE", 0.01)
    lane, done = work.lanes[Use.STORES], list[int]()
    held = flood(work.lanes[Use.INDEX], let, THREADS)

    async def asked() -> list[BaseException | None]:
        return await asyncio.gather(*(lane.run(done.append, 1) for _ in range(5)), return_exceptions=True)

    assert [type(one) for one in asyncio.run(asked())] == [Unavailable] * 5
    let.set()
    [call.result() for call in held]
    wait_until(lambda: lane.at_work == 0)
    assert done == []


def test_a_call_whose_request_was_refused_an_instant_before_is_not_done() -> None:
    done = list[int]()

    async def came_too_late() -> None:
        loop, begun = asyncio.get_running_loop(), threading.Lock()
        with begun:
            lanes._answer(loop, loop.create_future(), begun, partial(done.append, 1))

    asyncio.run(came_too_late())
    assert done == []


def test_who_waits_for_its_turn_and_then_for_a_thread_is_refused(
    work: Work, let: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When its turn comes what waits for a thread already goes first."""
    monkeypatch.setattr(lanes, "PATIENCE", 0.2)
    lane, first = work.lanes[Use.STORES], threading.Event()
    held = flood(lane, first, 3)
    flood(work.lanes[Use.INDEX], let, THREADS)

    async def asked() -> None:
        waiting = asyncio.ensure_future(lane.run(int, "7"))
        await asyncio.sleep(0)
        first.set()
        await waiting

    with pytest.raises(Unavailable):
        asyncio.run(asked())
    assert all(call.result() for call in held)


def test_where_no_thread_can_be_started_places_are_given_back(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    lane = work.lanes[Use.STORES]
    with monkeypatch.context() as without:
        without.setattr(threading.Thread, "start", no_more)
        for _ in range(THREADS):
            with pytest.raises(Unavailable, match="No thread could be started"):
                lane.begin(int, "7")
    assert lane.at_work == 0
    assert lane.begin(int, "7").result() == 7


@pytest.mark.parametrize("kept", [0, 3])
def test_an_error_is_gone_with_who_was_told_of_it(work: Work, let: threading.Event, kept: int) -> None:
    """Without the collector, which comes seldom."""
    lane = work.lanes[Use.STORES]
    flood(lane, let, kept)

    async def told() -> "weakref.ref[Lost]":
        asyncio.get_running_loop().call_soon(let.set)
        try:
            await lane.run(lose)
        except Lost as error:
            return weakref.ref(error)
        raise AssertionError

    gc.disable()
    try:
        error = asyncio.run(told())
        wait_until(lambda: error() is None)
    finally:
        gc.enable()


def test_an_error_is_gone_with_the_future_that_had_it(work: Work) -> None:
    gc.disable()
    try:
        error = weakref.ref(cast("Lost", work.lanes[Use.STORES].begin(lose).exception()))
        wait_until(lambda: error() is None)
    finally:
        gc.enable()


def test_a_call_given_up_frees_its_place(work: Work, let: threading.Event) -> None:
    lane = work.lanes[Use.STORES]
    held, queued = flood(lane, let, 3), lane.begin(int, "1")
    assert queued.cancel()
    let.set()
    [call.result() for call in held]
    assert asyncio.run(lane.run(int, "7")) == 7
    wait_until(lambda: lane.at_work == 0)


def test_an_error_of_who_waited_comes_back(work: Work, let: threading.Event) -> None:
    lane = work.lanes[Use.STORES]
    flood(lane, let, 3)
    queued = lane.begin(int, "x")
    let.set()
    with pytest.raises(ValueError, match="invalid literal"):
        queued.result()


def test_what_a_future_does_not_take_reaches_who_waits(work: Work) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(work.lanes[Use.INDEX].run(next, iter(())))


def test_who_is_cancelled_while_waiting_for_a_turn_has_nothing_done(work: Work, let: threading.Event) -> None:
    lane, done = work.lanes[Use.STORES], list[int]()

    async def cancelled() -> None:
        waiting = asyncio.create_task(lane.run(done.append, 1))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    flood(lane, let, 3)
    asyncio.run(cancelled())
    let.set()
    wait_until(lambda: lane.at_work == 0)
    assert done == []


def test_who_left_at_the_instant_of_a_refusal_is_not_told(work: Work, let: threading.Event) -> None:
    lane = work.lanes[Use.STORES]

    async def left() -> None:
        waiting = asyncio.get_running_loop().create_future()
        lane._take(call, waiting.cancel)
        waiting.cancel()
        lane._refuse(call, threading.Lock(), waiting)
        assert waiting.cancelled()

    def call() -> None:
        pass

    flood(lane, let, 3)
    asyncio.run(left())
    assert lane.waiting == 0


def test_of_requests_under_way_no_more_are_taken(work: Work) -> None:
    lane = work.lanes[Use.STORES]
    with ExitStack() as under_way:
        for number in range(THREADS * 8):
            under_way.enter_context(lane.place(str(number)))
        with pytest.raises(Unavailable), lane.place("last"):
            pass
    with lane.place("last"):
        pass


def test_one_client_leaves_half_of_the_places_to_others(work: Work) -> None:
    lane = work.lanes[Use.STORES]
    with ExitStack() as under_way:
        for _ in range(THREADS * 4):
            under_way.enter_context(lane.place("one"))
        with pytest.raises(TooMany), lane.place("one"):
            pass
        with lane.place("other"):
            pass
    assert lane._clients == {}


def test_nobody_waits_for_what_has_ended(let: threading.Event) -> None:
    work = Work(THREADS)
    flood(work.lanes[Use.STORES], let, 3)
    queued = work.lanes[Use.STORES].begin(int, "1")
    closing = threading.Thread(target=work.close)
    closing.start()
    wait_until(queued.cancelled)
    let.set()
    closing.join()


def test_each_method_has_its_lane() -> None:
    found = {method.kind: method.use for method in table.methods(dialects.DICOMWEB, partitions=False)}
    assert found[Kind.STORE] is Use.STORES
    assert {found[kind] for kind in (Kind.SEARCH, Kind.METADATA, Kind.CHANGES, Kind.OPERATION, None)} == {Use.INDEX}
    assert {found[kind] for kind in (Kind.FRAMES, Kind.STUDY, Kind.RENDERED, Kind.URI)} == {Use.FILES}
    assert found[Kind.EVENTS] is None
