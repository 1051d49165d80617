"""When there are traces, and that there is nothing of them when there are none."""

import subprocess
import sys

import pytest

from filmroom import tracing
from filmroom.errors import Unavailable
from tests import service
from tests.trace_receiver import receiving


class Seconds:
    def __init__(self) -> None:
        self.observed: list[float] = []

    def observe(self, amount: float) -> None:
        self.observed.append(amount)


@pytest.fixture(autouse=True)
def without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tracing._VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_nobody_who_does_not_ask_for_it_loads_it() -> None:
    program = "import sys, filmroom.server.app; print([name for name in sys.modules if 'opentelemetry' in name])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_without_an_endpoint_there_are_none() -> None:
    assert tracing.start(None) is None
    assert tracing.span("one") is tracing.span("other")


def test_the_variables_of_opentelemetry_are_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setattr(tracing, "_PATIENCE", service.DEADLINE)
        end = tracing.start(None)
        assert end is not None
        with tracing.span("work"):
            pass
        end()
    assert [span.name for span in receiver.spans()] == ["work"]


def test_who_lacks_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(Unavailable, match="install"):
        tracing.start("http://127.0.0.1:4318")


def test_what_is_timed_is_observed_also_if_it_fails() -> None:
    seconds = Seconds()
    with tracing.timed(seconds, "work"):
        pass
    with pytest.raises(ValueError, match="odd"), tracing.timed(seconds, "work"):
        raise ValueError("odd")
    assert len(seconds.observed) == 2
