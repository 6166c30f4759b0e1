"""Sources whose packages, Dockerfile and tests change every cache that they reach, and the sources after them."""

import re
import shutil
import uuid
from pathlib import Path
from typing import Final

import pytest
from cli import MINIMAL_SERVICE, SAMPLE_DATABASE, dagger

HOSTILE: Final = Path(__file__).parent / "testdata" / "hostile"
UNAFFECTED: Final = Path(__file__).parent / "testdata" / "unaffected"
# Among the IDs are the names of volumes of the module and its runtime. The last one, behind the name of the first image
# and a slash, reads as the mount of the other image with the first target.
MOUNTS: Final = " ".join(
    f"--mount=type=cache,{mount}"
    for mount in (
        "target=/root/.cache/uv",
        "id=python-sdk,target=/root/.cache/pip",
        "id=stage-ci-trivy-packages,target=/analyses",
        "id=other//root/.cache/uv,target=/nested",
    )
)
LEAVE: Final = "for cache in /root/.cache/* /analyses /nested; do touch $cache/left-by-{name}; done"
LOOK: Final = "found=$(find /root /analyses -name 'left-by-*'); echo $found; test -z \"$found\""


def make_service(folder: Path, command: str) -> Path:
    """Copy the minimal service; the build of its image runs ``command`` as root, with cache mounts."""
    source = Path(shutil.copytree(MINIMAL_SERVICE, folder))
    dockerfile = source / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("COPY src", f"RUN {MOUNTS} {command}\nCOPY src"))
    return source


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A source that leaves files in caches: when its package is installed, when its image is built, in its tests."""
    # A new name, so that the engine runs the command again.
    source = make_service(tmp_path / "hostile", LEAVE.format(name=uuid.uuid4().hex))
    shutil.copytree(HOSTILE / "requirements-hostile", source / "requirements-hostile")
    shutil.copy(HOSTILE / "test_hostile.py", source / "tests" / "unit")
    with (source / "requirements.dev").open("a") as file:
        file.write("./requirements-hostile\n")
    return source


@pytest.fixture
def unaffected(tmp_path: Path) -> Path:
    """A source whose build, tests and training fail if they find a file that the hostile source left."""
    source = make_service(tmp_path / "unaffected", f"{LOOK} # {uuid.uuid4().hex}")
    shutil.copy(UNAFFECTED / "train.py", source / "src" / "service")
    shutil.copy(UNAFFECTED / "test_unaffected.py", source / "tests" / "unit")
    return source


def check(image: str, source: Path, folder: Path) -> dict[str, str]:
    """Run all checks of a source; return for each whether it ``passed`` or ``failed``."""
    config = [f"--image={image}", *SAMPLE_DATABASE]
    call = dagger("reports", f"--source={source}", "export", f"--path={folder}", config=config)
    assert call.status == 0, call.stderr
    return dict(re.findall(r"^\| (\w+) \| (passed|failed): ", (folder / "summary.md").read_text(), re.MULTILINE))


@pytest.mark.slow
@pytest.mark.fault(54)
def test_what_a_source_leaves_in_caches_is_not_read_by_another(hostile: Path, unaffected: Path, tmp_path: Path) -> None:
    """After a source has changed every cache it reaches, the checks and the training of another find none of it.

    Both images have names of which one continues the other, and both Dockerfiles use the same cache mounts.
    """
    owner = f"owner-{uuid.uuid4().hex[:12]}"
    attacked = check(f"{owner}/service", hostile, tmp_path / "first")
    assert {name: attacked[name] for name in ("test", "scan", "secrets")} == dict.fromkeys(
        ("test", "scan", "secrets"), "passed"
    )
    passed = check(f"{owner}/service/other", unaffected, tmp_path / "second")
    assert passed == dict.fromkeys(("lint", "test", "scan", "secrets", "smoke", "coverage"), "passed")

    (tmp_path / "tickets.csv").write_text("Document,Topic_group\n")
    data = f"--data={tmp_path / 'tickets.csv'}"
    trained = dagger("train", f"--source={unaffected}", data, "--package=service", "entries")
    assert trained.status == 0, trained.error
    assert trained.stdout.split() == ["model"]
