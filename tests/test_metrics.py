"""The names of metrics are as Prometheus has them, and each is made where its processes can share it."""

import ast
import re
from pathlib import Path

import pytest
from prometheus_client import Gauge
from prometheus_client.metrics import MetricWrapperBase

from filmroom import metric_files, metrics
from tests.test_layers import MODULES

DEFINED = {name: one for name, one in vars(metrics).items() if isinstance(one, MetricWrapperBase)}
UNITS = re.compile(r".*_(seconds|bytes|ratio)")


@pytest.mark.parametrize("name", DEFINED)
def test_a_metric_is_called_as_its_variable(name: str) -> None:
    (described,) = DEFINED[name].describe()
    assert described.name == f"filmroom_{name}"
    assert described.documentation.endswith(".")


@pytest.mark.parametrize("name", [name for name, one in DEFINED.items() if "duration" in name or "seconds" in name])
def test_times_are_in_seconds(name: str) -> None:
    assert UNITS.fullmatch(name)


@pytest.mark.parametrize("name", [name for name, one in DEFINED.items() if isinstance(one, Gauge)])
def test_a_gauge_has_a_file_that_is_made_in_full(name: str) -> None:
    assert f"gauge_{vars(DEFINED[name])['_multiprocess_mode']}" in metric_files._BYTES


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_nobody_keeps_a_metric_that_may_be_made_anew(path: Path) -> None:
    imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    assert not [one for one in imports if one.module == "filmroom.metrics"]
