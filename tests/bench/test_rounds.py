"""The order of servers, and what a round's quantiles are."""

from bench import rounds


def test_another_server_is_the_first_in_each_round() -> None:
    assert [rounds.turn(2, number) for number in range(3)] == [[0, 1], [1, 0], [0, 1]]
    assert [rounds.turn(3, number) for number in range(3)] == [[0, 1, 2], [1, 2, 0], [2, 0, 1]]


def test_so_large_a_part_is_below_a_percentile() -> None:
    assert [rounds.percentile(range(100), part) for part in (0, 0.5, 0.99, 1)] == [0, 50, 99, 99]
