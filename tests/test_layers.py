"""The house stands: imports go one way, modules and functions keep their size (docs/architecture.md)."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "filmroom"
MODULES = sorted(SOURCE.rglob("*.py"))

# Who may import whom. What is not here is refused; every layer may import itself and the root's version.
ALLOWED = {
    "errors": set(),
    "metrics": {"metric_files"},
    "metric_files": {"errors"},
    "tracing": {"errors"},
    "entrance": {"errors"},
    "interrupts": set(),
    "socket_folder": {"errors"},
    "durable": set(),
    "access": set(),
    "profiles": {"setting_values"},
    "receivers": {"setting_values"},
    "setting_values": set(),
    "settings": {"access", "profiles", "receivers", "setting_values"},
    "dicom": {"errors"},
    "protocol": {"dicom", "errors"},
    "pixels": {"dicom", "tracing", "entrance", "interrupts", "socket_folder", "errors"},
    "index": {"dicom", "durable", "metrics", "tracing", "errors"},
    "blobs": {"durable", "metrics", "tracing", "errors"},
    "cache": {"metrics", "entrance", "errors"},
    "places": {"blobs", "durable", "errors"},
    "archive": {
        "settings",
        "profiles",
        "audit",
        "metrics",
        "entrance",
        "index",
        "blobs",
        "cache",
        "pixels",
        "dicom",
        "errors",
    },
    "audit": {"dicom", "durable", "metrics", "errors"},
    "task": {"archive", "errors", "index", "metrics"},
    "tokens": {"durable", "errors"},
    "services": {
        "audit",
        "socket_folder",
        "task",
        "access",
        "metrics",
        "tracing",
        "archive",
        "places",
        "index",
        "blobs",
        "cache",
        "pixels",
        "protocol",
        "dicom",
        "errors",
    },
    "server": {
        "durable",
        "services",
        "audit",
        "access",
        "tokens",
        "archive",
        "settings",
        "metrics",
        "metric_files",
        "tracing",
        "protocol",
        "dicom",
        "entrance",
        "errors",
    },
    "client": {"protocol", "dicom", "errors"},
    "cli": {
        "durable",
        "audit",
        "access",
        "tokens",
        "task",
        "server",
        "services",
        "archive",
        "settings",
        "setting_values",
        "client",
        "protocol",
        "dicom",
        "metrics",
        "metric_files",
        "socket_folder",
        "tracing",
        "interrupts",
        "errors",
    },
    "__init__": {"client"},
    "__main__": {"cli"},
}
SERVICES_THAT_MAY_IMPORT_SERVICES = {"imports": {"store"}, "operations": None}
SHARED = {
    "content",
    "video",
    "deidentified",
    "deidentified_search",
    "pseudonyms",
    "examination",
    "crew",
    "partitions",
    "lineage",
    "recorded",
    "views",
}  # no services: what several hand out, or take in
SETTINGS_READERS = {"cli", "archive", "server/app.py", "settings"}
LONGEST_MODULE, LONGEST_FUNCTION = 400, 60


def _layer(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def _imports(path: Path) -> Iterator[str]:
    """The dotted names under `filmroom` that a module imports: `dicom.part10`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            if node.module.split(".")[0] == "filmroom":
                for name in node.names:
                    yield ".".join([*node.module.split(".")[1:], name.name])
        elif isinstance(node, ast.Import):
            for name in node.names:
                if name.name.split(".")[0] == "filmroom":
                    yield ".".join(name.name.split(".")[1:])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down(path: Path) -> None:
    layer = _layer(path)
    reached = {name.split(".")[0] for name in _imports(path)} - {layer, "__version__", ""}
    assert reached <= ALLOWED[layer], f"{layer} may not import {sorted(reached - ALLOWED[layer])}"


def test_no_import_rings() -> None:
    names = {".".join(path.relative_to(SOURCE).with_suffix("").parts): path for path in MODULES}
    graph: dict[str, set[str]] = {}
    for name, path in names.items():
        found = {imported if imported in names else imported.rpartition(".")[0] for imported in _imports(path)}
        graph[name] = (found & names.keys()) - {name}
    list(TopologicalSorter(graph).static_order())


def test_a_service_does_not_import_another() -> None:
    for path in (SOURCE / "services").rglob("*.py"):
        own = path.relative_to(SOURCE / "services").with_suffix("").parts[0]
        others = {name.split(".")[1] for name in _imports(path) if name.startswith("services.")} - {own}
        others -= SHARED
        allowed = SERVICES_THAT_MAY_IMPORT_SERVICES.get(own, set())
        assert allowed is None or others <= allowed, path


def test_settings_are_read_at_the_edges() -> None:
    for path in MODULES:
        if any(name.split(".")[0] == "settings" for name in _imports(path)):
            place = str(path.relative_to(SOURCE))
            assert _layer(path) in SETTINGS_READERS or place in SETTINGS_READERS, place


def test_commands_know_of_the_client_what_everybody_may() -> None:
    for path in (SOURCE / "cli").rglob("*.py"):
        assert not [name for name in _imports(path) if name.startswith("client._")], path


def test_the_lower_layers_know_no_web_framework() -> None:
    for path in MODULES:
        if _layer(path) not in {"server", "cli"}:
            assert "starlette" not in path.read_text(), path


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_sizes(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_MODULE, "a module this long holds more than one subject"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_names_say_the_subject(path: Path) -> None:
    banned = {"utils", "helpers", "common", "base", "manager", "misc"}
    assert not banned & {part.removesuffix(".py") for part in path.parts}
