"""Server-sent events: what happens reaches all who listen, at the cost of none but one look a second."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from starlette.testclient import TestClient

from filmroom.archive import Archive
from filmroom.dicom.resources import Resource
from filmroom.errors import Unavailable
from filmroom.protocol import event_stream
from filmroom.protocol.dialects import DICOMWEB
from filmroom.server import events
from filmroom.server.events import Feed
from filmroom.server.work import Work
from filmroom.services import change_feed, partitions
from filmroom.services.examination import part
from filmroom.services.store import store
from filmroom.settings import Settings
from tests import data, service


@pytest.fixture
def archive(settings: Settings) -> Iterator[Archive]:
    opened = Archive.open(settings)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "POLL", 0.01)


def keep(archive: Archive, count: int = 1, partition: int = 1) -> None:
    parts = [part(data.file()) for _ in range(count)]
    store(archive, DICOMWEB, Resource(partition=partition), parts, replace=False)


@contextlib.asynccontextmanager
async def feeding(archive: Archive) -> AsyncIterator[Feed]:
    work = Work(2)
    feed = Feed(archive, work)
    try:
        yield feed
    finally:
        feed.close()
        work.close()


def everything(_: str) -> bool:
    return True


async def ids(stream: AsyncIterator[bytes], count: int) -> list[int]:
    """The sequences of the next events."""
    found: list[int] = []
    while len(found) < count:
        text = await asyncio.wait_for(anext(stream), service.DEADLINE)
        found += [int(line[4:]) for line in text.split(b"\n") if line.startswith(b"id: ") and b"event:" in text]
    return found


def test_all_who_listen_are_told_by_one_look(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    news = change_feed.news

    def counted(*arguments: Any) -> Any:
        looks.append(arguments[1])
        return news(*arguments)

    monkeypatch.setattr(change_feed, "news", counted)

    async def run() -> None:
        async with feeding(archive) as feed:
            streams = []
            for _ in range(20):
                feed.enter()
                streams.append(feed.stream(await feed.first(None), everything))
            assert [await anext(one) for one in streams] == [b"retry: 3000\n\n"] * 20
            waiting = [asyncio.create_task(ids(one, 3)) for one in streams]
            while feed._known:  # the look has begun
                await asyncio.sleep(0)
            await asyncio.to_thread(keep, archive, 3)
            before = len(looks)
            assert await asyncio.gather(*waiting) == [[1, 2, 3]] * 20
            assert len(looks) - before < 20

    asyncio.run(run())


def test_who_comes_back_is_told_what_it_missed_and_then_what_comes(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PAGE", 2)
    keep(archive, 5)

    async def run() -> None:
        async with feeding(archive) as feed:
            feed.enter()
            stream = feed.stream(await feed.first(1), everything)
            assert await ids(stream, 4) == [2, 3, 4, 5]
            await asyncio.to_thread(keep, archive)
            assert await ids(stream, 1) == [6]

    asyncio.run(run())


def test_what_is_no_more_in_memory_is_read(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "RECENT", 2)

    async def run() -> None:
        async with feeding(archive) as feed:
            feed.enter()
            quick, slow = (feed.stream(0, everything) for _ in range(2))
            await anext(slow)
            await asyncio.to_thread(keep, archive, 5)
            assert await ids(quick, 5) == [1, 2, 3, 4, 5]
            assert await ids(slow, 5) == [1, 2, 3, 4, 5]

    asyncio.run(run())


def test_a_sequence_of_an_index_that_was_made_anew_waits_for_nothing(archive: Archive) -> None:
    keep(archive)

    async def run() -> None:
        async with feeding(archive) as feed:
            assert [await feed.first(asked) for asked in (None, 0, 1, 5000)] == [1, 0, 1, 1]

    asyncio.run(run())


def test_only_the_partitions_that_are_wanted_are_told(archive: Archive) -> None:
    there = partitions.make(archive, "there")
    keep(archive)
    keep(archive, partition=there)

    async def run() -> None:
        async with feeding(archive) as feed:
            feed.enter()
            assert await ids(feed.stream(0, lambda name: name == "there"), 1) == [2]

    asyncio.run(run())


def test_a_sign_of_life_says_where_the_stream_is(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PULSE", 0.0)
    keep(archive)

    async def run() -> None:
        async with feeding(archive) as feed:
            feed.enter()
            stream = feed.stream(0, lambda _: False)
            await anext(stream)
            assert await anext(stream) == b":\nid: 1\n\n"

    asyncio.run(run())


def test_there_is_an_end_to_how_many_listen(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST", 1)

    async def run() -> None:
        async with feeding(archive) as feed:
            feed.enter()
            with pytest.raises(Unavailable, match="come back later"):
                feed.enter()
            feed.leave()
            feed.enter()

    asyncio.run(run())


def test_nobody_listens_nobody_looks(archive: Archive) -> None:
    async def run() -> None:
        async with feeding(archive) as feed:
            feed.enter()
            feed.leave()
            assert feed._polling is not None
            await asyncio.wait_for(feed._polling, service.DEADLINE)
            feed.enter()
            await asyncio.to_thread(keep, archive)
            assert await ids(feed.stream(0, everything), 1) == [1]

    asyncio.run(run())


def test_streams_wait_for_an_index_that_is_away(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    news = change_feed.news
    answers = [Unavailable("The index can't be used."), None]

    def away(*arguments: Any) -> Any:
        answer = answers.pop(0) if answers else None
        if answer is not None:
            raise answer
        return news(*arguments)

    async def run() -> None:
        async with feeding(archive) as feed:
            feed.enter()
            stream = feed.stream(await feed.first(None), everything)
            while feed._known:
                await asyncio.sleep(0)
            monkeypatch.setattr(change_feed, "news", away)
            await asyncio.to_thread(keep, archive)
            assert await ids(stream, 1) == [1]

    asyncio.run(run())


def test_a_stream_ends_after_a_while_so_that_who_listens_is_asked_anew_who_it_is(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "LASTS", 0.05)

    async def run() -> None:
        async with feeding(archive) as feed:
            feed.enter()
            keep(archive)
            first, *told = [chunk async for chunk in feed.stream(0, everything)]
            assert first == event_stream.retry(events.RETRY)
            assert b"id: 1\n" in b"".join(told)

    asyncio.run(run())


def test_a_mistake_of_ours_ends_the_streams(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_feed, "newest", {}.__getitem__)

    async def run() -> None:
        async with feeding(archive) as feed:
            feed.enter()
            assert feed._polling is not None
            await asyncio.wait([feed._polling])
            with pytest.raises(TypeError):
                await ids(feed.stream(0, everything), 1)

    asyncio.run(run())


def _streams(feed: Feed, send: Callable[[Any], Any]) -> Any:
    async def receive() -> Any:
        await asyncio.Event().wait()

    feed.enter()
    return events._Stream(feed, 0, everything)({"type": "http"}, receive, send)


def test_who_does_not_read_is_dropped(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SLOW", 0.01)

    async def stuck(_: Any) -> None:
        await asyncio.Event().wait()

    async def run() -> None:
        async with feeding(archive) as feed:
            with pytest.raises(Unavailable, match="did not read"):
                await _streams(feed, stuck)
            assert feed.listeners == 0

    asyncio.run(run())


def test_the_end_of_the_process_is_the_end_of_the_streams(archive: Archive) -> None:
    sent = []

    async def run() -> None:
        async with feeding(archive) as feed:

            async def send(message: Any) -> None:
                sent.append(message)
                feed.close()

            await asyncio.wait_for(_streams(feed, send), service.DEADLINE)
            assert feed.listeners == 0
            with pytest.raises(Unavailable):
                feed.enter()

    asyncio.run(run())
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


# --- Over HTTP


@pytest.mark.parametrize(("headers", "query"), [({"Last-Event-ID": "x"}, ""), ({}, "?since=-1")])
def test_a_place_that_is_none_is_refused(http: TestClient, headers: dict[str, str], query: str) -> None:
    assert http.get(f"/dicomweb/events{query}", headers=headers).status_code == 400


def test_head_ends(http: TestClient) -> None:
    answer = http.head("/dicomweb/events")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")


def test_only_dicomweb_has_it(http: TestClient) -> None:
    assert [http.head(f"/{root}/events").status_code for root in ("v1", "v2")] == [404, 404]


def test_a_service_tells_and_ends_while_somebody_listens(tmp_path: Path) -> None:
    with service.running(tmp_path / "data") as running:
        url = f"{running.url}/dicomweb"
        made = data.dataset()
        with httpx2.stream("GET", f"{url}/events?since=0", timeout=service.DEADLINE) as answer:
            lines = answer.iter_lines()
            headers = {"content-type": "application/dicom"}
            with httpx2.Client(timeout=service.DEADLINE) as http:
                http.post(f"{url}/studies", content=data.file(made), headers=headers).raise_for_status()
                http.delete(f"{url}/studies/{made.StudyInstanceUID}").raise_for_status()
            told: list[tuple[str, Any]] = []
            while len(told) < 2:
                line = next(lines)
                if line.startswith("event: "):
                    told.append((line[7:], orjson.loads(next(lines).removeprefix("data: "))))
            assert answer.headers["content-type"].startswith("text/event-stream")
            running.process.terminate()
            assert not [line for line in lines if line.startswith("event")]  # it ends as it should
        assert running.process.wait(service.DEADLINE) == 0
        assert not running.mishaps()
        assert "error" not in running.logged()
    assert [(name, entry["sequence"], entry["action"]) for name, entry in told] == [
        ("created", 1, "Create"),
        ("deleted", 2, "Delete"),
    ]
    assert told[0][1]["studyInstanceUid"] == made.StudyInstanceUID
    assert "metadata" not in told[0][1]


def test_who_leaves_makes_room(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with feeding(archive) as feed:
            left = asyncio.Event()

            async def receive() -> Any:
                await left.wait()
                return {"type": "http.disconnect"}

            async def send(_: Any) -> None:
                left.set()

            feed.enter()
            stream = events._Stream(feed, 0, everything)
            await asyncio.wait_for(stream({"type": "http"}, receive, send), service.DEADLINE)
            assert feed.listeners == 0

    asyncio.run(run())
