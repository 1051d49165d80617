"""Which worker lets a connection go."""

from filmroom.server.balance import ABSENT, Share


def test_who_has_two_connections_more_than_another_has_exceeded_its_share() -> None:
    counts = [0, 0]
    one, other = Share(counts, 0), Share(counts, 1)
    one.join()
    assert not one.exceeded
    one.join()
    assert (one.exceeded, other.exceeded) == (True, False)
    other.join()
    assert not one.exceeded
    other.leave()
    assert one.exceeded


def test_who_is_alone_has_all() -> None:
    alone = Share([7], 0)
    assert not alone.exceeded


def test_nobody_makes_room_for_a_worker_that_takes_no_connections() -> None:
    counts = [3, ABSENT]
    one, other = Share(counts, 0), Share(counts, 1)
    assert not one.exceeded
    other.join()  # may come before it has told that it begins
    other.begin()
    assert (one.exceeded, counts) == (True, [3, 1])
