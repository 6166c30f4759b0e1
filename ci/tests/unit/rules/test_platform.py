"""The platform that images are built for, in Dockerfiles, in base images and on engines of another one."""

import ast
from pathlib import Path

import pytest

from stage_ci.adapters import image
from stage_ci.errors import InvalidInput
from stage_ci.rules.dockerfile import BUILD_ARGUMENTS, PLATFORM, base_images, raise_if_other_image

pytestmark = pytest.mark.fault(48)


def test_the_build_does_not_take_the_platform_of_the_engine() -> None:
    """The variables of the build's platform have the values in FROM that the build gets as arguments."""
    name = "base:{BUILDOS}-{BUILDARCH}-x{BUILDVARIANT}"
    assert base_images(f"FROM {name.replace('{', '${')}\n") == (name.format(**BUILD_ARGUMENTS),)
    assert BUILD_ARGUMENTS["BUILDPLATFORM"] == PLATFORM


def test_every_build_and_base_image_is_asked_for_with_the_platform() -> None:
    """No build, and no image that a Dockerfile names, is left to the platform of the engine."""
    tree = ast.parse(Path(image.__file__).read_text())
    calls = [call for call in ast.walk(tree) if isinstance(call, ast.Call)]
    (build,) = [call for call in calls if ast.unparse(call.func).endswith(".docker_build")]
    assert {keyword.arg for keyword in build.keywords} == {"platform", "build_args"}
    assert "dag.container(platform=_PLATFORM).from_(name)" in {ast.unparse(call) for call in calls}


@pytest.mark.parametrize(
    "platform",
    [
        "linux/amd64",
        "linux/amd64/v1",
        "linux/x86_64",
        "Linux/AMD64",
        "amd64",
        "x86-64",
        '"linux/amd64"',
        "$BUILDPLATFORM",
        "${TARGETPLATFORM}",
        "$TARGETOS/$TARGETARCH",
        "linux/${BUILDARCH:-arm64}",
        "${OTHER:-linux/amd64}",
    ],
)
def test_a_stage_for_the_platform_is_accepted(platform: str) -> None:
    """A FROM may name the platform in each of its spellings, and by the variables that stand for it."""
    assert base_images(f"FROM --platform={platform} base:1 AS build\nFROM build\n") == ("base:1",)


@pytest.mark.parametrize(
    "dockerfile",
    [
        "FROM --platform=linux/arm64 base:1\n",
        "from --platform=linux/arm64/v8 base:1 as build\n",
        "FROM --platform=arm64 base:1\n",
        "FROM --platform=linux base:1\n",
        "FROM --platform=linux/386 base:1\n",
        "FROM --platform=linux/amd64/v3 base:1\n",
        "FROM --platform=windows/amd64 base:1\n",
        "FROM --platform=amd64/linux base:1\n",
        "FROM --platform= base:1\n",
        "FROM --platform=$UNSET base:1\n",
        "FROM --platform=linux/\\\narm64 base:1\n",
        "ARG ARCH=arm64\nFROM --platform=linux/$ARCH base:1\n",
        "ARG TARGETPLATFORM=linux/arm64\nFROM --platform=$TARGETPLATFORM base:1\n",
        "FROM base:1\nFROM --platform=linux/arm64 scratch\n",
        "FROM --platform=linux/arm64 base:1 AS tool\nFROM base:2\nCOPY --from=tool /x /x\n",
        "FROM base:1 AS one\nFROM --platform=linux/arm64 one\n",
    ],
)
def test_a_stage_for_another_platform_is_rejected(dockerfile: str) -> None:
    """A FROM for another platform, or for that of the engine, is an error, wherever it stands."""
    with pytest.raises(InvalidInput, match=r"^build: the Dockerfile's FROM --platform=\S* is for another platform "):
        base_images(dockerfile)


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/amd64/v2", "linux"])
def test_a_base_image_for_the_platform_is_accepted(platform: str) -> None:
    """A base image for linux/amd64 is accepted, and so is one that holds data for every architecture."""
    raise_if_other_image("base:1", platform)


@pytest.mark.parametrize(
    "platform", ["linux/arm64", "linux/arm/v7", "linux/386", "windows/amd64", "unknown/unknown", "unknown", "amd64", ""]
)
def test_a_base_image_for_another_platform_is_rejected(platform: str) -> None:
    """A base image that has a single platform, which is another one, is an error that names both."""
    with pytest.raises(InvalidInput, match=f"^build: base:1 is an image for {platform}, but images are built for "):
        raise_if_other_image("base:1", platform)
