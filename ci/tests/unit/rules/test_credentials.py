"""Credentials: as they are read, as they are hidden in messages, and whether a run releases or rehearses."""

import base64
from contextlib import suppress
from itertools import combinations

import pytest

from stage_ci.errors import InvalidInput, MissingCredential
from stage_ci.rules.credentials import (
    INFRA_SERVICE,
    PASSWORD,
    REGISTRY_SERVICE,
    TOKEN,
    USERNAME,
    credential,
    is_rehearsal,
    mask,
    spellings,
)

LOGIN = {USERNAME, PASSWORD}
ALL = (USERNAME, PASSWORD, TOKEN, REGISTRY_SERVICE, INFRA_SERVICE)
DOCKER_USERNAME = "DOCKER_USERNAME (--docker-username)"
DOCKER_PASSWORD = "DOCKER_PASSWORD (--docker-password)"  # noqa: S105 - the name of a flag
INFRA_TOKEN = "TOKEN (--infra-token)"  # noqa: S105 - the name of a flag


@pytest.mark.fault(35)
@pytest.mark.parametrize("given", ["canary", "canary\n", "canary\r\n", "canary\n\n"])
def test_a_credential_has_no_line_breaks_at_its_end(given: str) -> None:
    """The line breaks at the end of a file are no part of a credential."""
    assert credential(given, "TOKEN") == "canary"


@pytest.mark.fault(35)
@pytest.mark.parametrize("given", ["", "\n", "\r\n", " ", "\t \r\n"])
def test_a_credential_without_characters_is_empty(given: str) -> None:
    """A credential of nothing but blanks and line breaks, as of an unfinished file, is empty."""
    with pytest.raises(MissingCredential, match="TOKEN is empty; set its variable, or leave the flag out"):
        credential(given, "TOKEN")


@pytest.mark.fault(35)
def test_other_characters_of_a_credential_are_kept() -> None:
    """A key in JSON, which Google's registry takes as a password, keeps its lines and blanks."""
    assert credential('{\n  "key": "ä "\n}\n', "DOCKER_PASSWORD") == '{\n  "key": "ä "\n}'


@pytest.mark.fault(35)
@pytest.mark.parametrize("given", ["\ufeffcanary", "\ufeffcanary\r\n", "\ufffd\ufffdc\0a\0n\0\r\0\n\0", "can\0ary"])
def test_a_credential_of_a_file_in_another_encoding_is_rejected(given: str) -> None:
    """What PowerShell writes, UTF-16 or a byte order mark, is an error with its name, instead of a wrong password."""
    with pytest.raises(
        InvalidInput, match=r"^credentials: TOKEN .* byte order mark.*; write its file in UTF-8"
    ) as error:
        credential(given, "TOKEN")
    assert "can" not in str(error.value)


@pytest.mark.parametrize(
    "form",
    [
        "pä<s/ 7?",
        "cMOkPHMvIDc/",
        "cMOkPHMvIDc_",
        "70c3a43c732f20373f",
        "70C3A43C732F20373F",
        "p%C3%A4%3Cs%2F%207%3F",
        "p%c3%a4%3cs%2f%207%3f",
        "pä&lt;s/ 7?",
        "p\\u00e4<s/ 7?",
    ],
)
def test_every_spelling_of_a_secret_is_masked(form: str) -> None:
    """A secret is masked plain, in base64 of both alphabets, in hexadecimal and escaped, in either case."""
    assert mask(f"no access for {form}!", spellings("pä<s/ 7?")) == "no access for ***!"


def test_a_longer_secret_is_masked_before_a_part_of_it() -> None:
    """Of a secret that contains another one, nothing is left; an empty one masks nothing."""
    header = base64.b64encode(b"robot:canary").decode()
    assert mask(f"{header} robot:canary canary", spellings("canary", "robot:canary", "")) == "*** *** ***"


def test_a_run_without_credentials_is_a_rehearsal() -> None:
    """A run that is given no credential and no service is a rehearsal."""
    assert is_rehearsal(set())


@pytest.mark.parametrize(
    "given",
    [
        LOGIN | {TOKEN},
        LOGIN | {INFRA_SERVICE},
        LOGIN | {TOKEN, REGISTRY_SERVICE, INFRA_SERVICE},
        {REGISTRY_SERVICE, INFRA_SERVICE},
        {REGISTRY_SERVICE, TOKEN},
    ],
)
def test_a_run_with_both_sides_given_is_a_release(given: set[str]) -> None:
    """A service counts as the credentials of its side."""
    assert not is_rehearsal(given)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({USERNAME}, f"{DOCKER_PASSWORD} and {INFRA_TOKEN}"),
        ({PASSWORD}, f"{DOCKER_USERNAME} and {INFRA_TOKEN}"),
        ({TOKEN}, f"{DOCKER_USERNAME} and {DOCKER_PASSWORD}"),
        (LOGIN, INFRA_TOKEN),
        ({USERNAME, TOKEN}, DOCKER_PASSWORD),
        ({PASSWORD, TOKEN}, DOCKER_USERNAME),
        ({REGISTRY_SERVICE}, INFRA_TOKEN),
        ({INFRA_SERVICE}, f"{DOCKER_USERNAME} and {DOCKER_PASSWORD}"),
        ({REGISTRY_SERVICE, USERNAME, TOKEN}, DOCKER_PASSWORD),
        ({REGISTRY_SERVICE, PASSWORD, INFRA_SERVICE}, DOCKER_USERNAME),
    ],
)
def test_missing_credentials_are_named(given: set[str], missing: str) -> None:
    """If some credentials are given, the error names each missing one by its variable and its flag."""
    with pytest.raises(MissingCredential) as refused:
        is_rehearsal(given)
    assert refused.value.cause == f"missing {missing}"


@pytest.mark.parametrize("given", [given for size in range(1, len(ALL) + 1) for given in combinations(ALL, size)])
def test_no_credential_is_ignored(given: tuple[str, ...]) -> None:
    """A run that is given anything is a release or fails; it never becomes a rehearsal."""
    with suppress(MissingCredential):
        assert not is_rehearsal(set(given))
