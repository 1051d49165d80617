"""Commands on the machine itself, where the files lie in a bucket: of the archive no file is here."""

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from filmroom.archive import Archive
from filmroom.services import operations
from filmroom.services.operations import State
from filmroom.settings import Settings
from tests import cluster, data
from tests.blobs.flaky import flaky
from tests.blobs.servers import S3_OPTIONS
from tests.cli.program import Program
from tests.conftest import Elsewhere
from tests.postgresql import EACH
from tests.service import needs_proc, wait_until
from tests.services.test_delete import keep
from tests.services.test_rebuild import answers

Give = Callable[[Mapping[str, str]], Settings]


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Give:
    """Sets variables for the commands; gives the settings that they make, of a machine of its own."""

    def made(variables: Mapping[str, str]) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return Settings(data=tmp_path / "first", codec_processes=1)

    return made


@needs_proc
def test_commands_need_no_data_folder(
    tmp_path: Path, run: Program, give: Give, elsewhere: Elsewhere, bucket_of: Callable[[str], Mapping[str, str]]
) -> None:
    with elsewhere("postgresql") as index:
        variables = {"FILMROOM_INDEX": str(index), **bucket_of("commands")}
        with closing(Archive.open(give(variables))) as archive:
            keep(archive, *(data.dataset() for _ in range(3)))
            here = ("--data", tmp_path / "empty")
            assert run("migrate", *here).out == "Nothing is to be done.\n"
            assert run("check", *here).code == 0
            assert run("sweep", *here).out == "0 files removed.\n"
            begun = operations.start(archive, "sweep", {"delay": 0})
            with cluster.operations_worker(tmp_path / "another", variables):
                wait_until(lambda: operations.status(archive, begun).state is State.SUCCEEDED, every=0.2)


@pytest.mark.parametrize("kind", EACH)
def test_the_index_is_made_from_the_bucket(
    tmp_path: Path,
    run: Program,
    give: Give,
    elsewhere: Elsewhere,
    bucket_of: Callable[[str], Mapping[str, str]],
    kind: str,
) -> None:
    files = bucket_of(f"rebuilt-{kind}")
    with elsewhere("postgresql") as lost, elsewhere(kind) as index:
        settings = give({"FILMROOM_INDEX": str(lost), **files})
        with closing(Archive.open(settings)) as archive:
            keep(archive, *(data.dataset() for _ in range(3)))
        before = answers(settings)
        new = give({"FILMROOM_INDEX": index or ""})
        ran = run("rebuild", "--data", tmp_path / "empty", "--processes", 1)
        assert (ran.code, ran.out) == (0, "3 files of instances and first versions, 0 of replaced ones, 0 not read.\n")
        assert answers(new.model_copy(update={"data": tmp_path / "empty"})) == before
        assert run("check", "--data", tmp_path / "empty").code == 0


def test_without_an_index_here_or_elsewhere_there_is_no_archive(
    tmp_path: Path, run: Program, give: Give, bucket_of: Callable[[str], Mapping[str, str]]
) -> None:
    give(bucket_of("alone"))
    ran = run("check", "--data", tmp_path / "empty")
    assert (ran.code, "There is no data" in ran.err) == (3, True)
    (tmp_path / "file").touch()
    assert run("rebuild", "--data", tmp_path / "file" / "below").code == 3


# --- Keys and rights that are not the right ones, at the start of a service

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
WRONG = {
    "access_key_id": ("InvalidAccessKeyId", "the store does not know the access key"),
    "secret_access_key": ("SignatureDoesNotMatch", "the secret key is not the right one"),
}
NOT_ALLOWED = "the credentials do not allow it (403 AccessDenied)"


def refused(run: Program, folder: Path) -> str:
    """What a service says that does not start."""
    ran = run("serve", "--data", folder, "--port", 0)
    assert (ran.code, ran.out) == (3, "")
    assert not [one for one in ("guessed", "wrong", "Traceback") if one in ran.err]  # of the keys not a word
    return ran.said


@pytest.mark.parametrize("methods", [METHODS, ("PUT", "POST")], ids=["nothing", "reading alone"])
def test_a_service_does_not_start_where_it_has_no_rights(
    tmp_path: Path, run: Program, give: Give, s3: str, bucket_of: Callable[[str], Mapping[str, str]], methods: list[str]
) -> None:
    with flaky(s3, 0.0) as proxy:
        proxy.refused = dict.fromkeys(methods, "AccessDenied")
        options = json.dumps(S3_OPTIONS | {"endpoint": proxy.url})
        give({**bucket_of(f"no-rights-{len(methods)}"), "FILMROOM_BLOBS_OPTIONS": options})
        assert NOT_ALLOWED in refused(run, tmp_path / "data")


@pytest.mark.parametrize("option", WRONG)
def test_a_service_does_not_start_with_wrong_keys(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    run: Program,
    give: Give,
    s3: str,
    bucket_of: Callable[[str], Mapping[str, str]],
    option: str,
) -> None:
    """Of a Ceph they are wrong; before moto, which takes any, a proxy says so."""
    code, reason = WRONG[option]
    with flaky(s3, 0.0) as proxy:
        if request.config.getoption("--s3") == "moto":
            proxy.refused = dict.fromkeys(METHODS, code)
        options = json.dumps(S3_OPTIONS | {"endpoint": proxy.url, option: "wrong"})
        give({**bucket_of(f"keys-{code.lower()}"), "FILMROOM_BLOBS_OPTIONS": options})
        assert f"{reason} (403 {code})" in refused(run, tmp_path / "data")
