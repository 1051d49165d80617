import gc
from importlib import import_module

import pytest

from filmroom.cli.loading import uncollected


def test_the_collector_is_back_after_what_can_not_be_loaded() -> None:
    with pytest.raises(ImportError), uncollected():
        import_module("filmroom.none")
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
