"""The base images of a Dockerfile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import InvalidInput
from stage_ci.rules.dockerfile import base_images

DIGEST = f"sha256:{'a' * 64}"
texts = st.text(st.sampled_from("FROMARGfromas =$:-\\\n#python<{}'\""), max_size=60)


@pytest.mark.parametrize(
    ("dockerfile", "images"),
    [
        ("FROM python:3.11-slim\n", ["python:3.11-slim"]),
        ("# syntax=docker/dockerfile:1\n\nfrom python:3.11\r\nRUN true\r\n", ["docker/dockerfile:1", "python:3.11"]),
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
    [
        "FROM python:$TAG\n",
        "ARG TAG\nFROM python:${TAG}\n",
        "FROM python:$TAG\nARG TAG=3.11\n",
        "FROM $A$B",
        "ARG A=\nFROM b:${A-1}",
    ],
)
def test_a_variable_without_a_default_is_rejected(dockerfile: str) -> None:
    """A FROM that is no image without the value of a variable is an error that quotes the instruction."""
    with pytest.raises(InvalidInput, match=r"FROM .*\$.* uses a variable without a default; give the ARG a default"):
        base_images(dockerfile)


@pytest.mark.fault(33)
@pytest.mark.parametrize("dockerfile", ["", "\n", "RUN true\n", "# FROM a\n", "FROMAGE a\n", "ARG A\nENV\nADD\n"])
def test_a_dockerfile_without_from_is_rejected(dockerfile: str) -> None:
    """A Dockerfile that starts from no image is an error."""
    with pytest.raises(InvalidInput, match="the Dockerfile has no FROM"):
        base_images(dockerfile)


@pytest.mark.fault(47)
@pytest.mark.parametrize(
    "body",
    [
        'RUN python -c "print(1 <<20)"\n',
        "RUN echo $((1<<20))\n",
        "RUN cat <<<EOF\n",
        'RUN ["sh", "-c", "cat <<EOF"]\n',
        "ENV TEXT=<<EOF\n",
        "RUN echo 'it <<EOF\n",
        "RUN <<'A B'\nFROM tickets\nA B\n",
        "RUN <<A cat <<-B\nFROM one\nA\nFROM two\n\t\tB\n",
        "ONBUILD RUN <<END\nFROM tickets\nEND\n",
        "RUN 3<<END cat\nFROM tickets\nEND\n",
        "RUN <<END${x:-y}\n",
        'RUN psql -c "SELECT name \\\n  FROM tickets"\n',
        "RUN <<END\nselect 1\nFROM tickets\nEND\n",
        "COPY <<-'END' /Dockerfile.child\n\tFROM child\n\tEND\n",
        "LABEL text='a \\\n# comment\n from b'\n",
    ],
)
def test_from_inside_another_instruction_is_ignored(body: str) -> None:
    """The word FROM in a continued line or a here-document is no instruction, and what follows it is read."""
    assert base_images(f"FROM python:3.11\n{body}FROM last\n") == ("python:3.11", "last")


def test_an_instruction_may_span_lines() -> None:
    """A backslash at the end of a line joins it with the next line."""
    assert base_images("FROM \\\n  python:3.11 \\\n  AS build\nFROM build\n") == ("python:3.11",)


@pytest.mark.fault(47)
@pytest.mark.parametrize("body", ["RUN <<END\n  END\n", "COPY <<-END /x\nEND x\n", "RUN print(1 <<20)\n", "ADD <<E /x"])
def test_a_here_document_without_an_end_is_rejected(body: str) -> None:
    """A here-document without an end would hide every later FROM, so it is an error that names its line."""
    with pytest.raises(InvalidInput, match=r"^build: the Dockerfile's here-document '.*' on line 2 has no end"):
        base_images(f"FROM a\n{body}\nFROM b\n")


@pytest.mark.fault(47)
@pytest.mark.parametrize(
    "body",
    [
        "RUN cat << END >/x\nFROM child\nEND\n",
        "RUN cat <<\t'END' 3<< OTHER\nFROM child\nEND\nFROM child\nOTHER\n",
        "COPY <<- END /x\nFROM child\n\tEND\n",
        "ONBUILD RUN 0<< END\nFROM child\nEND\n",
        "RUN a \\\n << END\nFROM child\nEND\n",
    ],
)
def test_a_blank_may_stand_before_the_name_of_a_here_document(body: str) -> None:
    """A here-document with a blank before its name, which newer versions of BuildKit read, ends at its name."""
    assert base_images(f"FROM a\n{body}FROM b\n") == ("a", "b")


@pytest.mark.fault(47)
@pytest.mark.parametrize(
    "body",
    ["RUN echo $((1 << 20))", "RUN cat <<", "ENV X=1 << 2", "RUN echo '1 << 20'", "COPY 0<< 'A B' /x", "RUN a << <"],
)
def test_a_shift_hides_no_instruction(body: str) -> None:
    """Without a line that would end a here-document, << with a blank behind it opens none."""
    assert base_images(f"FROM a\n{body}\nFROM b\n") == ("a", "b")


@pytest.mark.fault(47)
@pytest.mark.parametrize(("name", "line"), [("'FROM c'", "FROM c"), ("'#x'", "#x")])
def test_a_here_document_that_could_end_at_an_instruction_is_rejected(name: str, line: str) -> None:
    """With a blank behind << and an instruction or a comment as its end, versions of BuildKit could read two images."""
    with pytest.raises(InvalidInput, match=r"^build: the Dockerfile's << on line 2 has a blank behind it"):
        base_images(f"FROM a\nRUN : << {name}\nFROM b\n{line}\n")


@pytest.mark.fault(47)
@pytest.mark.parametrize(
    ("dockerfile", "images"),
    [
        ("#syntax=docker/dockerfile:1.7-labs\nFROM a\n", ("docker/dockerfile:1.7-labs", "a")),
        ("# escape=`\n# Syntax = one:1 --x\nFROM a\n", ("one:1", "a")),
        ("#!/usr/bin/env x\n// syntax=one:1\nFROM a\n", ("one:1", "a")),
        ("# a comment\n# syntax=docker/dockerfile:1\nFROM a\n", ("a",)),
        ("FROM a\n# syntax=docker/dockerfile:1\n", ("a",)),
        ("\ufeff# syntax=one:1\nFROM a\n", ("one:1", "a")),
    ],
)
def test_the_frontend_is_an_image_of_the_build(dockerfile: str, images: tuple[str, ...]) -> None:
    """The image that `# syntax=` names runs the build; the directive counts before any comment or instruction only."""
    assert base_images(dockerfile) == images


@pytest.mark.fault(47)
@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("base:$TARGETARCH", "base:amd64"),
        ("base:${TARGETOS}-${BUILDARCH}", "base:linux-amd64"),
        ("base$TARGETVARIANT", "base"),
        ("${EMPTY:-base}:1", "base:1"),
        ("base:${TAG:+x}", "base:x"),
        ("base:${TAG%-*}", "base:3.11-slim"),
        ("base:${TAG%%-*}", "base:3.11"),
        ("base:${TAG#*.}", "base:11-slim-x"),
        ("base:${TAG##*-}", "base:x"),
        ("base:${TAG/slim/full}", "base:3.11-full-x"),
        ("base:${TAG//-/_}", "base:3.11_slim_x"),
        ("base:${UNSET:-${TAG%%-*}}", "base:3.11"),
        ("'base':\"$TAG\"", "base:3.11-slim-x"),
    ],
)
def test_variables_are_replaced_as_buildkit_does(name: str, image: str) -> None:
    """Variables of the platform and the substitutions of a shell give the image that BuildKit takes."""
    text = f"ARG TAG=3.11-slim-x\nARG EMPTY=\nFROM {name}\n"
    assert base_images(text) == (image,)


@pytest.mark.fault(47)
@pytest.mark.parametrize(
    "name",
    [
        "${TAG",
        "${TAG?}",
        "${TAG:?needed}",
        "${}",
        "${TAG:x}",
        "${TAG%\\a}",
        pytest.param("${A:-" * 5_000, id="deep"),
        "'a",
        "a b",
        "a as",
        "",
    ],
)
def test_a_from_that_buildkit_rejects_is_rejected(name: str) -> None:
    """A substitution that is not closed, unknown or demands a value, and a FROM with other words, are errors."""
    with pytest.raises(InvalidInput, match=r"^build: the Dockerfile's FROM .*is not understood"):
        base_images(f"FROM {name}\n")


@pytest.mark.fault(47)
def test_what_onbuild_copies_is_an_image_of_the_stages_that_start_from_it() -> None:
    """BuildKit runs the ONBUILD of a stage in each stage that starts from it, and in no other."""
    base = "FROM a AS base\nONBUILD COPY --from=tool:1 /x /x\n"
    assert base_images(base) == ("a",)
    assert base_images(f"{base}FROM b\n") == ("a", "b")
    assert base_images(f"{base}FROM Base\n") == ("a", "tool:1")


@pytest.mark.fault(47)
def test_a_name_that_versions_of_buildkit_read_in_two_ways_is_rejected() -> None:
    """The engine takes an ARG without a default for empty, and newer versions for not set."""
    with pytest.raises(
        InvalidInput, match=r"^build: the Dockerfile's FROM \S+ is base:1 or mirror\.example/base:1, bec"
    ):
        base_images("ARG REGISTRY\nFROM ${REGISTRY-mirror.example/}base:1\n")
    assert base_images("ARG REGISTRY\nARG REGISTRY=x/\nFROM ${REGISTRY-y/}base:1\n") == ("x/base:1",)
    assert base_images("ARG REGISTRY\nFROM ${REGISTRY:-mirror.example/}base:1\n") == ("mirror.example/base:1",)


def test_the_build_s_own_arguments_win_over_defaults() -> None:
    """The module gives BUILDPLATFORM and its parts, whose defaults in a Dockerfile then do not count."""
    assert base_images("ARG BUILDARCH=arm64\nFROM base:$BUILDARCH\n") == ("base:amd64",)


def test_the_escape_character_can_be_chosen() -> None:
    """After `# escape=`, the other character continues a line, and a doubled one does not."""
    assert base_images("  # escape=`\nFROM a `\n  AS b\nRUN dir C:\\\nFROM c\n") == ("a", "c")
    assert base_images("FROM a\nRUN echo x\\\\\nFROM c\n") == ("a", "c")


@pytest.mark.parametrize("copy", ["COPY --from=$TOOL /x /x", "RUN --mount=type=bind,from=$TOOL true"])
def test_an_image_to_copy_from_has_no_variable(copy: str) -> None:
    """BuildKit replaces no variable in --from, so it is an error before the build."""
    with pytest.raises(InvalidInput, match="uses a variable, which Docker does not replace there"):
        base_images(f"ARG TOOL=tool:1\nFROM a\n{copy}\n")


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
        ("FROM a\nCOPY --chown=1 --from='tool:1' /x /y\n", ("a", "tool:1")),
        ("FROM a\nRUN tool --from=other:1 --mount=from=other:2\n", ("a",)),
        ("FROM a\nRUN --mount=target=/t,From=tool:1 true\n", ("a", "tool:1")),
        ("FROM a\nRUN --mount='type=bind,\"from=tool:1\",target=/t' true\n", ("a", "tool:1")),
    ],
)
def test_the_images_that_files_are_copied_from_are_returned(text: str, images: tuple[str, ...]) -> None:
    """Images in COPY --from and RUN --mount are returned; names and numbers of stages are not."""
    assert base_images(text) == images


@pytest.mark.parametrize("copy", ["COPY --from=Build /x /x", "RUN --mount=from=build,target=/x true"])
def test_a_stage_that_is_copied_from_before_it_is_rejected(copy: str) -> None:
    """BuildKit takes the name for that of the later stage, not for an image, and fails."""
    with pytest.raises(InvalidInput, match=r"^build: the Dockerfile copies from the stage [Bb]uild before that stage"):
        base_images(f"FROM a\n{copy}\nFROM b AS build\n")


def test_instructions_without_arguments_are_left_to_the_builder() -> None:
    """BuildKit rejects each of them with a reason of its own."""
    assert base_images("FROM a\nARG\nENV\nENV x\nADD\nADD x\nCOPY\nRUN\nONBUILD\nONBUILD ADD\nFROM b") == ("a", "b")
