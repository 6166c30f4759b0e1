"""A second service, with its own Dockerfile, tests, manifest and version line, released by settings in one file."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from cli import MINIMAL_SERVICE, REPOSITORY, Call, Rehearsal, copy_parts, start_in, wait_for

EXAMPLE: Final = REPOSITORY / "examples" / "sibling"
APPLICATION: Final = (Path(__file__).parent / "testdata" / "application.env").read_text()
RELEASED: Final = "Released: docker.io/acme/ranker:v2.3.1@sha256:"
MOVED: Final = "manifests/ranker.yaml:10 acme/ranker:v2.3.0 -> acme/ranker:v2.3.1"


@pytest.fixture
def sibling(tmp_path: Path) -> Path:
    """The sibling's repository, with the application's own `.env` and without settings."""
    folder = Path(shutil.copytree(MINIMAL_SERVICE, tmp_path / "ranker"))
    shutil.copytree(EXAMPLE / "deploy", folder / "deploy")
    (folder / ".env").write_text(APPLICATION)
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    return folder


def stage_with_dotenv(sibling: Path, rehearsal: Rehearsal, settings: str = "", source: str = "--source=.") -> Call:
    """Stage the sibling with the example's `settings.env` at the end of its `.env`."""
    with (sibling / ".env").open("a") as file:
        file.write(f"{(EXAMPLE / 'settings.env').read_text()}{settings}")
    # The name is not a setting here: each new `.env` makes the engine load the module anew, which takes half a minute.
    words = ("-m", str(REPOSITORY), "call", *rehearsal.config, "stage")
    return wait_for(start_in(sibling, *words, *filter(None, [source])))


def stage_as_toolchain(sibling: Path, rehearsal: Rehearsal) -> Call:
    """Stage the sibling with the example's `dagger.json`, which installs the module as a toolchain.

    A copy inside the sibling's repository stands for the module's own: a toolchain from a folder has to lie in the same
    repository, and one from GitHub cannot be reached by a test.
    """
    # Engine 0.19.10 looks for this source in other sessions too, if theirs is the same: docs/errors.md.
    (sibling / "src" / "toolchain.txt").write_text("a source of its own\n")
    copy = sibling / "ci" / "stage-ci"
    copy_parts(copy, ("dagger.json", "ci/pyproject.toml", "ci/src", "examples/infra"))
    settings = (EXAMPLE / "dagger.json").read_text().replace("github.com/OWNER/REPOSITORY", "./ci/stage-ci")
    (sibling / "dagger.json").write_text(settings)
    return wait_for(start_in(sibling, "call", "stage-ci", *rehearsal.config, "stage"))


@pytest.mark.fault(34)
@pytest.mark.parametrize("stage", [stage_with_dotenv, stage_as_toolchain])
def test_a_sibling_is_released_with_its_settings_in_one_file(
    sibling: Path, rehearsal: Rehearsal, stage: Callable[[Path, Rehearsal], Call]
) -> None:
    """The settings of one file release a second service; the application's own `.env` sets nothing and is not shown."""
    call = stage(sibling, rehearsal)
    assert call.status == 0, call.error
    assert f"Rehearsal {rehearsal.name!r}: nothing left this machine" in call.stdout
    assert RELEASED in call.stdout
    assert MOVED in call.stdout
    assert "canary" not in call.stdout + call.stderr


def test_a_setting_that_is_read_is_printed(sibling: Path) -> None:
    """The CLI prints the settings it reads, among them not one with an unknown name; a value of another type fails."""
    call = stage_with_dotenv(sibling, Rehearsal.unique(), "STAGE_CI_IMGE=acme/other\nSTAGE_CI_SERVICEPORT=abc\n")
    assert call.status != 0
    assert 'user default: stage-ci(servicePort="abc")' in call.stderr.splitlines()
    assert "acme/other" not in call.stderr
    assert 'user defaults stage-ci.(servicePort=...): parse as integer: strconv.Atoi: parsing "abc"' in call.error


@pytest.mark.slow
@pytest.mark.fault(35)
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("infraToken=", "user defaults stage-ci.(infraToken=...)"),
        ("databricksToken=env://UNSET_OF_TEST", "secret env var not found"),
    ],
)
def test_an_empty_credential_in_the_settings_fails(sibling: Path, setting: str, message: str) -> None:
    """A credential without an address, or with the address of an unset variable, fails before any check runs."""
    call = stage_with_dotenv(sibling, Rehearsal.unique(), f"STAGE_CI_{setting}\n")
    assert call.status != 0
    assert message in call.error
    assert f"user default: stage-ci({setting.partition('=')[0]}=" in call.stderr
    assert "withExec" not in call.stderr


@pytest.mark.slow
@pytest.mark.fault(34)
def test_a_source_from_a_setting_is_rejected(sibling: Path, rehearsal: Rehearsal) -> None:
    """Dagger does not filter a source that `.env` names, so the stage fails before its files reach a container."""
    call = stage_with_dotenv(sibling, rehearsal, "STAGE_CI_STAGE_SOURCE=.\n", source="")
    assert call.status != 0
    assert "the source was not filtered and holds .env; give the folder as --source" in call.error
    assert "canary" not in call.stdout + call.stderr
