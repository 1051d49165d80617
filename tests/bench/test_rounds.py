"""The order of servers, who stands still meanwhile, and what a round's quantiles are."""

import subprocess
from contextlib import ExitStack

from bench import processes, rounds
from bench.rows import QUICK, RATE, Row, Scale
from bench.rows.row import Work
from bench.servers import Server
from bench.service import Service
from tests.service import wait_until


def test_another_server_is_the_first_in_each_round() -> None:
    assert [rounds.turn(2, number) for number in range(3)] == [[0, 1], [1, 0], [0, 1]]
    assert [rounds.turn(3, number) for number in range(3)] == [[0, 1, 2], [1, 2, 0], [2, 0, 1]]


def test_while_one_is_measured_the_others_that_the_run_has_started_stand_still() -> None:
    with ExitStack() as stack:
        started = [stack.enter_context(subprocess.Popen(["sleep", "600"])) for _ in range(3)]
        for one in started:
            stack.callback(one.kill)
        a, b, foreign = (one.pid for one in started)
        seen = []

        def prepare(service: Service, _: Scale) -> Work:
            others = {"a": (b, foreign), "b": (a, foreign), "foreign": (a, b)}[service.name]
            wait_until(lambda: {processes._stat(pid)[0] for pid in {a, b} & set(others)} == {"T"})
            [itself] = {a, b, foreign} - set(others)
            seen.append((service.name, processes._stat(itself)[0] == "T"))
            raise ValueError("enough")

        nowhere = "http://127.0.0.1:1/"
        servers = [Server("a", nowhere, a, ours=True), Server("b", nowhere, b, ours=True)]
        rounds.measure([*servers, Server("foreign", nowhere, foreign)], [Row("x", "X", RATE, 1, prepare)], QUICK)
        assert seen == [("a", False), ("b", False), ("foreign", False)]
        assert "T" not in {processes._stat(pid)[0] for pid in (a, b, foreign)}


def test_so_large_a_part_is_below_a_percentile() -> None:
    assert [rounds.percentile(range(100), part) for part in (0, 0.5, 0.99, 1)] == [0, 50, 99, 99]
