"""The base images of a Dockerfile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import InvalidInput
from stage_ci.rules.dockerfile import base_images

DIGEST = f"sha256:{'a' * 64}"
texts = st.text(st.sampled_from("FROMARGfromas =$:-\\\n#python"), max_size=60)


@pytest.mark.parametrize(
    ("dockerfile", "images"),
    [
        ("FROM python:3.11-slim\n", ["python:3.11-slim"]),
        ("# syntax=docker/dockerfile:1\n\nfrom python:3.11\r\nRUN true\r\n", ["python:3.11"]),
        (f"FROM registry:5000/owner/base:1.0@{DIGEST}", [f"registry:5000/owner/base:1.0@{DIGEST}"]),
        ("  FROM  --platform=linux/amd64   python:3.11   AS  build  \n", ["python:3.11"]),
        ("FROM --platform=$BUILDPLATFORM python:3.11\n", ["python:3.11"]),
        ("FROM a AS one\nFROM b\nCOPY --from=one /x /x\n", ["a", "b"]),
        ("FROM a AS Base\nFROM base AS next\nFROM NEXT\n", ["a"]),
        ("FROM a\nFROM b\nFROM a\n", ["a", "b"]),
        ("FROM scratch\nCOPY x /\n", []),
        ("FROM a AS b\nFROM scratch\nCOPY --from=b x /\n", ["a"]),
        ("#FROM commented\nFROM a\n# FROM commented\n", ["a"]),
        ("\ufeffFROM a\n", ["a"]),
    ],
)
def test_the_images_that_stages_start_from_are_returned(dockerfile: str, images: list[str]) -> None:
    """Each image is returned once, in order; earlier stages, scratch and comments are not images."""
    assert base_images(dockerfile) == tuple(images)


@pytest.mark.parametrize(
    ("dockerfile", "image"),
    [
        ("ARG TAG=3.11\nFROM python:$TAG\n", "python:3.11"),
        ('ARG TAG="3.11"\nFROM python:${TAG}-slim\n', "python:3.11-slim"),
        ("ARG BASE='python'\nARG TAG=3.11\nFROM ${BASE}:$TAG AS x\n", "python:3.11"),
        ("arg TAG=3.11\nFROM python:$TAG\n", "python:3.11"),
        ("ARG BASE=python TAG=3.11\nFROM $BASE:$TAG\n", "python:3.11"),
        ("ARG TAG=3.11\nARG BASE=python:$TAG\nFROM $BASE\n", "python:3.11"),
        ("FROM python:${TAG:-3.11}\n", "python:3.11"),
        ("ARG TAG=3.12\nFROM python:${TAG:-3.11}\n", "python:3.12"),
    ],
)
def test_a_variable_stands_for_its_default(dockerfile: str, image: str) -> None:
    """A variable in a FROM is replaced by its default, as in a build without build arguments."""
    assert base_images(dockerfile) == (image,)


def test_only_a_default_before_the_first_stage_applies() -> None:
    """An ARG inside a stage is local to that stage and does not change the image of a FROM."""
    assert base_images("ARG TAG=3.11\nFROM python:$TAG\nARG TAG=2.7\nRUN true\n") == ("python:3.11",)


@pytest.mark.parametrize(
    "dockerfile",
    ["FROM python:$TAG\n", "ARG TAG\nFROM python:${TAG}\n", "FROM python:$TAG\nARG TAG=3.11\n", "FROM $A$B"],
)
def test_a_variable_without_a_default_is_rejected(dockerfile: str) -> None:
    """A FROM with a variable that has no default is an error that quotes the instruction."""
    with pytest.raises(InvalidInput, match=r"FROM .*\$.* uses a variable without a default; give the ARG a default"):
        base_images(dockerfile)


@pytest.mark.fault(33)
@pytest.mark.parametrize("dockerfile", ["", "\n", "RUN true\n", "# FROM a\n", "FROMAGE a\n", "FROM\n"])
def test_a_dockerfile_without_from_is_rejected(dockerfile: str) -> None:
    """A Dockerfile that starts from no image is an error."""
    with pytest.raises(InvalidInput, match="the Dockerfile has no FROM"):
        base_images(dockerfile)


@pytest.mark.parametrize(
    "body",
    [
        'RUN psql -c "SELECT name \\\n  FROM tickets"\n',
        "RUN <<END\nselect 1\nFROM tickets\nEND\n",
        "COPY <<-'END' /Dockerfile.child\n\tFROM child\n\tEND\n",
        "LABEL text='a \\\n# comment\n from b'\n",
    ],
)
def test_from_inside_another_instruction_is_ignored(body: str) -> None:
    """The word FROM in a continued line or a here-document does not name an image."""
    assert base_images(f"FROM python:3.11\n{body}CMD true\n") == ("python:3.11",)


def test_an_instruction_may_span_lines() -> None:
    """A backslash at the end of a line joins it with the next line."""
    assert base_images("FROM \\\n  python:3.11 \\\n  AS build\nFROM build\n") == ("python:3.11",)


@given(texts)
def test_any_text_yields_images_or_an_input_error(dockerfile: str) -> None:
    """No text causes another exception than InvalidInput, and no image contains a variable or a blank."""
    try:
        images = base_images(dockerfile)
    except InvalidInput:
        return
    assert [image for image in images if "$" in image or image.split() != [image]] == []


@pytest.mark.parametrize(
    ("text", "images"),
    [
        ("FROM a AS one\nFROM b\nCOPY --from=one /x /y\n", ("a", "b")),
        ("FROM a\nCOPY --from=ghcr.io/astral-sh/uv:0.8 /uv /bin/\n", ("a", "ghcr.io/astral-sh/uv:0.8")),
        ("FROM a\nFROM b\nCOPY --from=0 /x /y\n", ("a", "b")),
        ("FROM a\nRUN --mount=type=bind,from=tool:1,target=/t true\n", ("a", "tool:1")),
    ],
)
def test_the_images_that_files_are_copied_from_are_returned(text: str, images: tuple[str, ...]) -> None:
    """Images in COPY --from and RUN --mount are returned; names and numbers of stages are not."""
    assert base_images(text) == images
