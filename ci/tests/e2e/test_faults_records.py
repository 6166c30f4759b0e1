"""Registries and infrastructure repositories in which somebody else moves tags and deletes refs."""

from pathlib import Path
from typing import Final

import pytest
from cli import dagger, make_source
from environment import CREDENTIAL_VARIABLES, GIT_PUSH, Environment
from real_registry import push_image
from tests.servers.fault_proxy import after

LABEL: Final = "ci.stage.inputs"


def push_copy(env: Environment, version: str) -> None:
    """Tag another image as a version, with the label that the pipeline's own image of the claimed inputs has."""
    claim = env.repository.git("log", "-1", "--format=%B", env.ref("claims", version))
    push_image(env.registry_address, env.image, version, {LABEL: claim.split("inputs: ")[1].strip()})


@pytest.mark.fault(41, 42, 52)
def test_a_tag_with_copied_labels_is_neither_released_nor_deployed(env: Environment, source: Path) -> None:
    """An image with copied labels under the claimed number is left alone; under a released number, it stops every run.

    The unit tests have the plan of a swapped tag.
    """
    push_image(env.registry_address, env.image, "v1.0.999999999", {})
    env.git_proxy.script(GIT_PUSH, after(lambda: push_copy(env, "v1.0.1")), times=1)
    released = env.stage(source, "--format=json")
    env.assert_released(released, "v1.0.2")
    assert env.records() == ["v1.0.2"]
    assert f"{env.image}:v1.0.999999999 does not count" in released.stderr

    push_copy(env, "v1.0.2")
    commits, swapped = env.commits(), env.tags()
    assert swapped["v1.0.2"] != released.release["digest"]
    error = f":v1.0.2 is {swapped['v1.0.2']} but was released as {released.release['digest']}; nothing was deployed"
    for call in (env.stage(source), env.deploy("v1.0.2"), env.latest_version()):
        assert call.status != 0
        assert error in call.error
    assert (env.commits(), env.tags()) == (commits, swapped)


@pytest.mark.slow
@pytest.mark.fault(44)
def test_a_replayed_older_source_does_not_replace_a_newer_one(env: Environment, tmp_path: Path) -> None:
    """If an older source is staged for the first time after a newer one, it is published, and the manifest stays."""
    older, newer = (f"--source-revision={name * 40} 2026-05-0{day}T12:00:00Z" for name, day in [("a", 4), ("b", 5)])
    env.assert_released(env.stage(make_source(tmp_path, 1), "--format=json", config=[newer]), "v1.0.1")
    assert f"Source-Revision: {'b' * 40}" in env.repository.git("log", "-1", "--format=%B", "main")

    replayed = env.stage(make_source(tmp_path, 0), config=[older])
    assert replayed.status == 0, replayed.stderr
    assert replayed.stdout.startswith(f"Superseded by what the manifest names: docker.io/{env.image}:v1.0.2@")
    assert f"names v1.0.1, which was made from a newer source ({'b' * 40} 2026-05-05T12:00:00+00:00)" in replayed.stdout
    assert f"image: {env.image}:v1.0.1 " in env.read_file()
    assert env.records() == ["v1.0.1", "v1.0.2"]


@pytest.mark.slow
@pytest.mark.fault(50, 51)
def test_numbers_are_neither_shared_nor_used_twice(env: Environment, source: Path) -> None:
    """An image that is named as another one's version has numbers of its own, and a deleted claim frees no number."""
    env.assert_released(env.stage(source, "--format=json"), "v1.0.1")

    named = f"{env.image}/v1.0.1"
    config = [f"--image={named}", *env.config[1:]]
    published = dagger("publish", f"--source={source}", config=config, variables=CREDENTIAL_VARIABLES)
    assert published.stdout.startswith(f"docker.io/{named}:v1.0.1@sha256:"), published.stderr

    env.repository.git("update-ref", "-d", env.ref("claims", "v1.0.1"))
    env.assert_released(env.stage(source, "--format=json"), "v1.0.2")
    assert (env.claims(), env.records()) == (["v1.0.2"], ["v1.0.1", "v1.0.2"])
