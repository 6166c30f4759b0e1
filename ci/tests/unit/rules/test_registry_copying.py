"""What skopeo's output reports about a copy that failed."""

import time

import pytest

from stage_ci.rules.registry.copying import CopyFailure, copy_reason

UPLOAD = "writing blob: initiating layer upload to /v2/owner/service/blobs/uploads/ in registry.example"


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        (f"{UPLOAD}: denied: adding 2.1 GiB would exceed the configured upper limit of 10.0 GiB", CopyFailure.DENIED),
        (f"{UPLOAD}: unauthorized: authentication required", CopyFailure.DENIED),
        ("checking whether a blob exists: requested access to the resource is denied", CopyFailure.DENIED),
        ("unable to retrieve auth token: invalid username/password: unauthorized: bad", CopyFailure.DENIED),
        ("received unexpected HTTP status: 403 Forbidden", CopyFailure.DENIED),
        ("error parsing HTTP 403 response body: invalid character '<' looking for beginning of", CopyFailure.DENIED),
        (f"{UPLOAD}: StatusCode: 401, ", CopyFailure.DENIED),
        (f"{UPLOAD}: StatusCode: 413, ", CopyFailure.OTHER),
        (
            f"{UPLOAD}: name unknown: The repository with name 'owner/service' does not exist in registry 1",
            CopyFailure.MISSING,
        ),
        (f"{UPLOAD}: unknown: project owner not found", CopyFailure.MISSING),
        (f"{UPLOAD}: name unknown: repository name not known to registry", CopyFailure.MISSING),
        (f'{UPLOAD}: name unknown: Repository "owner" not found', CopyFailure.MISSING),
        (f"{UPLOAD}: unauthorized: project owner not found: project owner not found", CopyFailure.MISSING),
        (f"{UPLOAD}: toomanyrequests: slow down", CopyFailure.OTHER),
        ("pinging container registry registry.example: dial tcp: connection refused", CopyFailure.OTHER),
        ("open /image.tar: permission denied", CopyFailure.OTHER),
        ("reading manifest sha256:0 in registry.example/owner/service: manifest unknown", CopyFailure.OTHER),
        ("", CopyFailure.OTHER),
    ],
)
def test_the_kind_of_failure_is_read_from_the_output(output: str, kind: CopyFailure) -> None:
    """Denied access, a missing repository and other failures are told apart by the error codes and messages."""
    assert CopyFailure.of(f'time="2026-05-04T12:00:00Z" level=fatal msg="{output}"\n', "owner/service") is kind


def test_a_long_output_takes_time_linear_in_its_length() -> None:
    """A registry that repeats the word before which a name stands does not occupy the module."""
    start = time.perf_counter()
    assert CopyFailure.of("repository " * 20_000, "owner/service") is CopyFailure.OTHER
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("name", ["team/access-denied", "forbidden/unauthorized"])
def test_the_name_of_the_repository_is_no_failure(name: str) -> None:
    """A word in the name of the repository is not taken for a denied request."""
    output = f"pinging registry.example/{name}: dial tcp 127.0.0.1:1: connect: connection refused"
    assert CopyFailure.of(output, name) is CopyFailure.OTHER


def test_the_reason_is_the_message_of_the_last_entry() -> None:
    """The reason is the message of the last entry of the log, without time, level and quotes."""
    output = 'Getting image source\ntime="2026-05-04T12:00:00Z" level=fatal msg="StatusCode: 400, \\"<html>\\""\n\n'
    assert copy_reason(output) == 'StatusCode: 400, "<html>"'
    assert copy_reason("plain\ttext \x1b[31m") == "plain text"


def test_of_a_long_reason_both_ends_are_shown() -> None:
    """A long reason keeps its beginning, what skopeo did, and its end, the registry's message."""
    reason = copy_reason(f"writing blob: {'x' * 900}: quota exceeded")
    assert reason.startswith("writing blob: xx")
    assert reason.endswith("xx: quota exceeded")
    assert len(reason) == 603
