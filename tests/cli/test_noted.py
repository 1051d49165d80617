"""The start and the stop of a service stand in the trail."""

import pytest

from filmroom.audit.trail import Trail
from filmroom.cli.noted import noted
from filmroom.errors import Unavailable
from filmroom.settings import Settings
from tests.audit import given


def test_start_and_stop_are_written_down(settings: Settings) -> None:
    with noted(settings):
        assert [line["action"] for line in given.lines(settings.data)] == ["start"]
    assert [line["action"] for line in given.lines(settings.data)] == ["start", "stop"]


@pytest.mark.parametrize("required", [False, True])
def test_a_service_starts_without_a_trail_unless_that_is_required(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, required: bool
) -> None:
    def fail(trail: Trail, facts: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Trail, "append", fail)
    started = noted(settings.model_copy(update={"audit_required": required}))
    if required:
        with pytest.raises(Unavailable, match="No space left"), started:
            pass
    else:
        with started:
            pass
