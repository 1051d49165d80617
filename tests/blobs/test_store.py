import time

import pytest

from filmroom.blobs import LARGEST_PARTITION, new_keys, partition_of


def test_keys_are_never_the_same() -> None:
    assert len({key for _ in range(100) for key in new_keys(10)}) == 1000


def test_keys_of_one_request_share_a_folder() -> None:
    assert len({key[12:14] for key in new_keys(50)}) == 1


def test_later_keys_sort_behind_earlier_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = new_keys(1)
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 2_000_000)
    assert earlier < new_keys(1)


@pytest.mark.parametrize("partition", [1, 2, 4711, LARGEST_PARTITION])
def test_keys_say_to_which_partition_their_files_belong(partition: int) -> None:
    keys = new_keys(3, partition)
    assert [(len(key), partition_of(key)) for key in keys] == [(32, partition)] * 3
