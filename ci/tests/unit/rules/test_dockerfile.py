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
def test_images_are_those_that_a_stage_starts_from(dockerfile: str, images: list[str]) -> None:
    """Each once, in order; earlier stages, scratch and comments are none."""
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
    """As BuildKit replaces it where no build argument is given."""
    assert base_images(dockerfile) == (image,)


def test_a_default_counts_only_before_the_first_stage() -> None:
    """An ARG inside of a stage is that stage's own: the image is the one that is built on."""
    assert base_images("ARG TAG=3.11\nFROM python:$TAG\nARG TAG=2.7\nRUN true\n") == ("python:3.11",)


@pytest.mark.parametrize(
    "dockerfile",
    ["FROM python:$TAG\n", "ARG TAG\nFROM python:${TAG}\n", "FROM python:$TAG\nARG TAG=3.11\n", "FROM $A$B"],
)
def test_a_variable_without_a_default_is_refused(dockerfile: str) -> None:
    """The image would not be known; the error names the instruction."""
    with pytest.raises(InvalidInput, match=r"FROM .*\$.* uses a variable without a default; give the ARG a default"):
        base_images(dockerfile)


@pytest.mark.fault(33)
@pytest.mark.parametrize("dockerfile", ["", "\n", "RUN true\n", "# FROM a\n", "FROMAGE a\n", "FROM\n"])
def test_a_dockerfile_without_from_is_refused(dockerfile: str) -> None:
    """Said before anything is built."""
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
def test_text_inside_of_another_instruction_is_no_image(body: str) -> None:
    """A continued line or a here-document may say FROM as well."""
    assert base_images(f"FROM python:3.11\n{body}CMD true\n") == ("python:3.11",)


def test_an_instruction_may_go_on_in_the_next_line() -> None:
    """A backslash at the end of a line joins it with the next one."""
    assert base_images("FROM \\\n  python:3.11 \\\n  AS build\nFROM build\n") == ("python:3.11",)


@given(texts)
def test_any_text_gives_names_or_a_refusal(dockerfile: str) -> None:
    """No other exception reaches the caller, and no name holds a variable or a blank."""
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
def test_an_image_that_files_are_taken_from_is_an_input(text: str, images: tuple[str, ...]) -> None:
    """What is copied from another image changes with that image."""
    assert base_images(text) == images
