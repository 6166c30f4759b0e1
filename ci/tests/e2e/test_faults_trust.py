"""Releases that must not happen although every tool is well: a manifest of a higher line, a key in the image."""

import re
import subprocess
from pathlib import Path
from typing import Final

import httpx
import pytest
from cli import FILENAME, WAIVED_UNTIL, dagger
from environment import Environment
from real_registry import push_tags

KEY: Final = "src/service/signing_key"
# The key is in the layer of the first instruction and deleted by the second.
LEAVE_KEY: Final = f"COPY {KEY} /app/signing_key\nRUN rm -f /app/signing_key /app/service/signing_key\n"
ALLOWED: Final = f"""secrets:
  - id: private-key
    owner: team-a
    expired_at: {WAIVED_UNTIL}
    statement: a key of the tests, of no server
    paths: [app/signing_key, app/service/signing_key]
"""


@pytest.mark.slow
@pytest.mark.fault(45)
def test_a_manifest_of_a_higher_line_is_refused_by_every_function(env: Environment, source: Path) -> None:
    """A manifest that names v2.0.3 is refused for v1.0.7 by every function that would move it, and nothing changes.

    The unit tests of `plan` and `deploy` have the plan and the deploy without --allow-downgrade.
    """
    text = re.sub(rf"(image: {re.escape(env.image)}):\S+", r"\1:v2.0.3", env.read_file())
    env.repository.push({FILENAME: text})
    push_tags(env.registry_address, env.image, "v1.0.7")
    commits, tags = env.commits(), env.tags()
    infra = f"--infra={env.repository.work}"
    calls = [
        env.deploy("v1.0.7", "--allow-downgrade", "--allow-unrecorded"),
        env.stage(source),
        dagger("update-manifest", infra, "--image-version=v1.0.7", "as-patch", "contents", config=env.config[:1]),
    ]
    for call in calls:
        assert call.status != 0
        assert f"{FILENAME} names v2.0.3, of a higher line than v1.0; give --version-line=v2.0" in call.error
    assert (env.commits(), env.tags(), env.claims()) == (commits, tags, [])


@pytest.mark.fault(47)
@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("ADD https://example.com/x.tar /x", "ADD https://example.com/x.tar downloads what may change"),
        ("RUN cat <<END", "here-document 'END' on line "),
    ],
)
def test_an_input_that_cannot_be_known_stops_the_build(source: Path, line: str, error: str) -> None:
    """A Dockerfile that downloads something, or whose end cannot be read, fails before anything is built.

    The unit tests have the images that a Dockerfile depends on.
    """
    with (source / "Dockerfile").open("a") as file:
        file.write(f"\n{line}\n")
    call = dagger("build", f"--source={source}")
    assert call.status != 0
    assert error in call.error


@pytest.mark.slow
@pytest.mark.fault(48)
def test_an_image_is_published_for_linux_amd64_alone(env: Environment, source: Path) -> None:
    """The published image is for linux/amd64, and a Dockerfile that builds for another platform is not released.

    The unit tests have base images and archives for another platform. No test has an engine of another one.
    """
    env.assert_released(env.stage(source, "--format=json"), "v1.0.1")
    config = env.image_manifest("v1.0.1").json()["config"]["digest"]
    image = httpx.get(f"http://{env.registry_address}/v2/{env.image}/blobs/{config}", timeout=60).json()
    assert f"{image['os']}/{image['architecture']}" == "linux/amd64"

    dockerfile, tags, claims = source / "Dockerfile", env.tags(), env.claims()
    dockerfile.write_text(dockerfile.read_text().replace("FROM ", "FROM --platform=linux/arm64 "))
    call = env.stage(source)
    assert call.status != 0
    assert "the Dockerfile's FROM --platform=linux/arm64 is for another platform than linux/amd64" in call.error
    assert (env.tags(), env.claims()) == (tags, claims)


@pytest.fixture
def source_with_key(source: Path) -> Path:
    """The minimal service with a private key in a layer of its image, in a file that a later layer deletes."""
    key = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True).stdout
    (source / KEY).write_bytes(key)
    dockerfile = source / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("WORKDIR", f"{LEAVE_KEY}WORKDIR"))
    return source


@pytest.mark.fault(55)
def test_a_key_in_a_layer_stops_the_release(env: Environment, source_with_key: Path) -> None:
    """An image with a private key in a layer is not published, also if a later layer deletes the key."""
    call = env.stage(source_with_key)
    assert call.status != 0
    assert re.search(r"secrets: keys or tokens in the image: \d+ \(private-key in /app/.*signing_key:\d+", call.error)
    assert (env.tags(), env.claims(), len(env.commits())) == ({}, [], 1)


@pytest.mark.slow
@pytest.mark.fault(55)
def test_an_allowed_key_is_listed(env: Environment, source_with_key: Path) -> None:
    """An image whose key the source allows, with owner and end, is released, and the summary lists the key."""
    (source_with_key / ".trivyignore.yaml").write_text(ALLOWED)
    call = env.stage(source_with_key)
    assert call.status == 0, call.error
    assert "private-key in /app/signing_key" in call.stdout
    assert f"until {WAIVED_UNTIL} by team-a" in call.stdout
    assert env.tags() == {"v1.0.1": env.tags()["v1.0.1"]}
