"""The digest of a release's inputs, and the claims on versions."""

import pytest
from dulwich.refs import Ref, check_ref_format
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.rules.claim import INPUTS_LABEL, Claims, InputDigest, claim_ref, claim_text
from stage_ci.rules.reference import Repository
from stage_ci.rules.version import VersionLine, next_version

LINE = VersionLine.parse("v1.0")
SERVICE = Repository.parse("owner/service")
FILES = f"{'a' * 64} 644 ./Dockerfile\n{'b' * 64} 755 ./run.sh\n"
BASES = {"python:3.11-slim": f"docker.io/library/python@sha256:{'c' * 64}", "scratch": "scratch"}
INPUTS = InputDigest.of(FILES, BASES)
A, B = "a" * 40, "b" * 40

lines = st.builds(
    "{} {} ./{}".format, st.sampled_from(["0a", "1b"]), st.sampled_from([644, 755]), st.text("a /", max_size=3)
)
hosts = st.sampled_from(["localhost:5000", "registry.example", "127.0.0.1:80", "a-b.c.lock"])
components = st.lists(st.sampled_from(["a", "0", "lock", "git"]), min_size=1, max_size=3).flatmap(
    lambda words: st.sampled_from([".", "_", "__", "-", "--"]).map(lambda sign: sign.join(words))
)


def claims(*names: str, target: str = A) -> Claims:
    """Return the claims among refs with these names."""
    return Claims.read(dict.fromkeys(names, target), SERVICE, LINE)


def test_the_order_of_base_images_does_not_change_the_inputs() -> None:
    """Two sets of inputs whose base images differ in order have the same digest."""
    again = InputDigest.of(FILES, dict(reversed(BASES.items())))
    assert again == INPUTS
    assert str(INPUTS) == str(INPUTS.digest)


def test_the_last_line_break_of_the_listing_does_not_change_the_inputs() -> None:
    """A listing with and without its last line break has the same digest."""
    assert InputDigest.of(FILES.rstrip("\n"), BASES) == INPUTS


@pytest.mark.parametrize(
    ("files", "bases"),
    [
        (FILES.replace("755", "644"), BASES),
        (FILES.replace("run.sh", "ran.sh"), BASES),
        (FILES.replace("a" * 64, "d" * 64), BASES),
        (FILES + FILES, BASES),
        ("", BASES),
        (FILES, {}),
        (FILES, BASES | {"python:3.11-slim": "docker.io/library/python@sha256:" + "e" * 64}),
        (FILES, {"python:3.12": BASES["python:3.11-slim"], "scratch": "scratch"}),
    ],
)
def test_every_input_changes_the_digest(files: str, bases: dict[str, str]) -> None:
    """A file with another content, mode or path, or another base image, gives another digest."""
    assert InputDigest.of(files, bases) != INPUTS


@given(st.lists(lines, unique=True), st.lists(lines, unique=True))
def test_different_listings_are_different_inputs(one: list[str], other: list[str]) -> None:
    """Two listings of files have equal digests exactly if the listings are equal."""
    digests = [InputDigest.of("\n".join(sorted(listing)), BASES) for listing in (one, other)]
    assert (digests[0] == digests[1]) is (sorted(one) == sorted(other))


def test_a_file_with_an_unusual_name_is_not_two_files() -> None:
    """Only a line feed ends a line of the listing, so a file's name may contain other line separators."""
    name = f"{'a' * 64} 644 ./one\u2028two"
    assert InputDigest.of(name, {}) != InputDigest.of(name.replace("\u2028", "\n"), {})


def test_the_inputs_are_read_from_an_image_s_label() -> None:
    """The label of an image yields the digest of the inputs that the image was built from."""
    assert InputDigest.read({INPUTS_LABEL: str(INPUTS), "other": "label"}) == INPUTS


@pytest.mark.fault(10)
@pytest.mark.parametrize("labels", [{}, {INPUTS_LABEL: ""}, {INPUTS_LABEL: "sha256:1"}, {"other": str(INPUTS)}])
def test_an_image_without_a_valid_label_has_no_inputs(labels: dict[str, str]) -> None:
    """Labels without a valid digest of inputs yield None, so the image counts as one of another origin."""
    assert InputDigest.read(labels) is None


@pytest.mark.parametrize(
    ("image", "ref"),
    [
        ("owner/service", "refs/claims/docker.io/owner/service/-/v1.0.7"),
        ("service", "refs/claims/docker.io/library/service/-/v1.0.7"),
        ("ghcr.io/owner/service", "refs/claims/ghcr.io/owner/service/-/v1.0.7"),
        ("registry:5000/a/b/c", "refs/claims/registry+5000/a/b/c/-/v1.0.7"),
        ("GHCR.io:443/owner/service", "refs/claims/ghcr.io/owner/service/-/v1.0.7"),
    ],
)
def test_a_claim_s_ref_names_registry_repository_and_version(image: str, ref: str) -> None:
    """The ref consists of the full name of the repository and the version, for every spelling of the repository."""
    assert claim_ref(Repository.parse(image), LINE.version(7)) == ref


@pytest.mark.parametrize("image", ["registry:5000/a", "[::1]:5000/a", "owner/service.lock", "owner/a__b--c.d"])
def test_a_claim_s_ref_is_valid_in_git(image: str) -> None:
    """The ref of a claim is valid even if the repository's name contains characters or endings that git forbids."""
    assert check_ref_format(Ref(claim_ref(Repository.parse(image), LINE.version(7)).encode()))


@given(hosts, st.lists(components, min_size=1, max_size=3))
def test_any_claim_s_ref_is_valid_and_read_back(host: str, path: list[str]) -> None:
    """The ref of a claim on any repository is valid in git, and reading it yields the claimed version."""
    repository = Repository.parse("/".join([host, *path]))
    ref = claim_ref(repository, LINE.version(7))
    assert check_ref_format(Ref(ref.encode()))
    assert Claims.read({ref: A}, repository, LINE) == Claims({LINE.version(7): A})


@pytest.mark.fault(51)
@given(components, components)
def test_no_claim_needs_the_place_of_another(one: str, other: str) -> None:
    """No claim's ref is a folder of another's, even if a repository is named as another one's version."""
    paths = [f"{one}/{other}", f"{one}/{other}/v1.0.7", f"{one}/{other}/v1.0.7/{one}"]
    refs = [claim_ref(Repository.parse(path), LINE.version(7)) for path in paths]
    assert not [ref for ref in refs for folder in refs if ref.startswith(f"{folder}/")]


def test_a_claim_s_text_depends_on_repository_and_inputs_only() -> None:
    """The text of a claim contains the repository and the inputs, and neither the version nor the time."""
    assert claim_text(SERVICE, INPUTS) == f"claim a version of docker.io/owner/service\n\ninputs: {INPUTS}\n"
    assert claim_text(SERVICE, INPUTS) != claim_text(Repository.parse("owner/other"), INPUTS)


@pytest.mark.fault(4)
def test_only_claims_on_this_repository_and_line_are_read() -> None:
    """Branches, tags, and claims on other repositories, registries, lines and spellings of a number are ignored."""
    found = claims(
        "refs/claims/docker.io/owner/service/-/v1.0.7",
        "refs/claims/docker.io/owner/service/-/v1.1.8",
        "refs/claims/docker.io/owner/service/-/v1.0.009",
        "refs/claims/docker.io/owner/service/-/v1.0.9/x",
        "refs/claims/docker.io/owner/service-worker/-/v1.0.10",
        "refs/claims/ghcr.io/owner/service/-/v1.0.11",
        "refs/heads/main",
        "refs/tags/v1.0.12",
        "HEAD",
    )
    assert found == Claims({LINE.version(7): A})


@pytest.mark.fault(12)
def test_the_claim_of_the_same_inputs_is_found_again() -> None:
    """`claimed_with` returns the highest version with the given object, and None if there is no such claim."""
    found = Claims({LINE.version(9): A, LINE.version(10): A, LINE.version(11): B})
    assert found.claimed_with(A) == LINE.version(10)
    assert found.claimed_with("c" * 40) is None
    assert found.claimed_with(B, A) == LINE.version(11)


@pytest.mark.fault(3)
@pytest.mark.parametrize(
    ("tags", "claimed", "free"),
    [
        ([], [], 1),
        (["v1.0.9", "v1.0.10"], [], 11),
        (["v1.0.2"], [9, 10], 11),
        (["v1.0.11"], [10], 12),
        (["latest", "v2.0.0", "v1.0.007"], [], 1),
    ],
)
def test_the_next_claim_is_above_all_tags_and_claims(tags: list[str], claimed: list[int], free: int) -> None:
    """The next version is one above the highest number of all tags and claims of the line."""
    found = Claims({LINE.version(number): A for number in claimed})
    assert next_version(LINE, tags, found.by_version) == LINE.version(free)


@given(st.sets(st.integers(0, 50)), st.sets(st.integers(0, 50)))
def test_a_number_is_never_taken_twice(pushed: set[int], claimed: set[int]) -> None:
    """The next version is never one that was pushed or claimed."""
    found = Claims({LINE.version(number): A for number in claimed})
    tags = [f"v1.0.{number}" for number in pushed]
    assert next_version(LINE, tags, found.by_version).number not in pushed | claimed
