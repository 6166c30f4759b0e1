"""What ADD downloads, which is an input of the image only if the Dockerfile says what it must be."""

import pytest

from stage_ci.errors import InvalidInput
from stage_ci.rules.dockerfile import base_images

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.fault(47)
@pytest.mark.parametrize(
    "add",
    [
        "ADD https://example.com/x.tar /x",
        'ADD ["http://example.com/x.tar", "/x"]',
        "ADD --chown=1 git@github.com:owner/x.git /x",
        "ADD local https://example.com/x /x/",
        "ARG URL=https://example.com/x\nADD $URL /x",
        "ENV URL https://example.com/x\nADD ${URL} /x",
        "ENV URL\thttps://example.com/x\nADD $URL /x",
        "ARG HOST=example.com\nARG URL=https://$HOST/x\nADD $URL /x",
        "ENV URL=https://example.com/x\nENV URL=local OTHER=$URL\nADD $OTHER /x",
        "ADD deploy@host.example:owner/x.git#main /x",
        "ADD https://host.example/owner/x.git#v1 /x",
        f"ADD https://example.com/x.tar#{'a' * 40} /x",
        "ONBUILD ADD https://example.com/x /x\nFROM base",
        "ENV URL=https://example.com/x\nFROM base\nADD $URL /x",
    ],
)
def test_a_download_without_a_checksum_is_rejected(add: str) -> None:
    """What ADD downloads is no input, unless a checksum in the Dockerfile says what it must be."""
    with pytest.raises(InvalidInput, match=r"^build: the Dockerfile's ADD .* downloads what may change"):
        base_images(f"FROM a AS base\n{add}\n")
    with_checksum = add.replace("ADD ", f"ADD --checksum={DIGEST} ")
    assert base_images(f"FROM a AS base\n{with_checksum}\nADD local.tar /y\n") == ("a",)


@pytest.mark.fault(47)
def test_a_variable_from_before_the_first_stage_is_known_in_a_stage_that_declares_it() -> None:
    """An ARG without a default in a stage takes the value of the one before any FROM; without it, there is none."""
    before, add = "ARG URL=https://example.com/x\nFROM a\n", "ADD $URL /x\n"
    with pytest.raises(InvalidInput, match="downloads what may change"):
        base_images(f"{before}ARG URL\n{add}")
    assert base_images(before + add) == ("a",)


@pytest.mark.fault(47)
@pytest.mark.parametrize("checksum", ["", "$UNSET", "${UNSET}", '""'])
def test_an_empty_checksum_checks_nothing(checksum: str) -> None:
    """BuildKit ignores a checksum that is empty, or a variable without a value."""
    with pytest.raises(InvalidInput, match="downloads what may change"):
        base_images(f"FROM a\nADD --checksum={checksum} https://example.com/x /x\n")
    assert base_images(f"FROM a\nARG SUM={DIGEST}\nADD --checksum=$SUM https://example.com/x /x\n") == ("a",)


@pytest.mark.parametrize("address", ["https://host.example/x.git", "git@host.example:x", "ssh://git@host.example/x"])
@pytest.mark.parametrize("folder", ["", ":docs"])
def test_a_commit_in_the_address_of_a_repository_is_an_input(address: str, folder: str) -> None:
    """A clone of one commit is always the same, and the Dockerfile names the commit."""
    assert base_images(f"FROM a\nADD {address}#{'0' * 40}{folder} /x\nADD github.com/owner/x /y\n") == ("a",)


def test_a_password_in_an_address_is_not_shown() -> None:
    """The error quotes ADD without user and password."""
    with pytest.raises(InvalidInput, match=r"ADD https://\*\*\*@host\.example/x downloads"):
        base_images("FROM a\nADD https://ann:canary@host.example/x /x\n")


def test_a_variable_of_a_stage_is_local_to_it() -> None:
    """The value of an ARG or an ENV in a stage ends with the stage."""
    assert base_images("FROM a\nENV URL=https://example.com/x\nFROM b\nADD $URL /x\n") == ("a", "b")
