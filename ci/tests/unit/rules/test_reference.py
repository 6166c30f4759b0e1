"""Image references are parsed as Docker and Kubernetes parse them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import InvalidDigest, InvalidReference
from stage_ci.rules.reference import Digest, Reference, Repository

DIGEST = "sha256:" + "0123456789abcdef" * 4
WORDS = st.text("abyz019", min_size=1, max_size=20)
NAMES = st.builds("{}{}{}".format, WORDS, st.sampled_from([".", "_", "__", "-", "---"]), WORDS) | WORDS


@pytest.mark.fault(23)
@pytest.mark.parametrize(
    ("text", "registry", "path"),
    [
        ("service", "docker.io", "library/service"),
        ("library/service", "docker.io", "library/service"),
        ("docker.io/service", "docker.io", "library/service"),
        ("index.docker.io/service", "docker.io", "library/service"),
        ("index.docker.io/library/service", "docker.io", "library/service"),
        ("GHCR.io/owner/service", "ghcr.io", "owner/service"),
        ("ghcr.io:443/owner/service", "ghcr.io", "owner/service"),
        ("Docker.io:443/service", "docker.io", "library/service"),
        ("ghcr.io:4430/owner/service", "ghcr.io:4430", "owner/service"),
        ("owner/service", "docker.io", "owner/service"),
        ("docker.io/owner/service", "docker.io", "owner/service"),
        ("owner/team/service", "docker.io", "owner/team/service"),
        ("localhost/service", "localhost", "service"),
        ("localhost:5000/service", "localhost:5000", "service"),
        ("registry:5000/service", "registry:5000", "service"),
        ("ghcr.io/owner/service", "ghcr.io", "owner/service"),
        ("Registry/service", "Registry", "service"),
        ("[::1]:5000/service", "[::1]:5000", "service"),
        ("a__b/c---d.e_f", "docker.io", "a__b/c---d.e_f"),
    ],
)
def test_a_name_is_expanded_to_registry_and_path(text: str, registry: str, path: str) -> None:
    """The short and the full forms of a Docker Hub name are one repository."""
    assert Repository.parse(text) == Repository(registry, path)


@pytest.mark.fault(23)
@pytest.mark.parametrize(
    ("text", "name", "tag", "digest"),
    [
        ("owner/service", "owner/service", None, None),
        ("owner/service:v1.0.7", "owner/service", "v1.0.7", None),
        (f"owner/service@{DIGEST}", "owner/service", None, DIGEST),
        (f"owner/service:v1.0.7@{DIGEST}", "owner/service", "v1.0.7", DIGEST),
        ("registry:5000/service", "registry:5000/service", None, None),
        ("registry:5000/service:5000", "registry:5000/service", "5000", None),
        ("localhost:5000", "localhost", "5000", None),
        ("docker.io/owner/service:_x.Y-z", "docker.io/owner/service", "_x.Y-z", None),
    ],
)
def test_tag_and_digest_are_separated_from_the_name(text: str, name: str, tag: str | None, digest: str | None) -> None:
    """A port stays part of the name, and the name keeps its spelling."""
    reference = Reference.parse(text)
    assert (reference.name, reference.tag, reference.digest and str(reference.digest)) == (name, tag, digest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        ":v1",
        "@" + DIGEST,
        "Owner",
        "owner/Service",
        "owner//service",
        "owner/service:",
        "owner/service:v1:v2",
        "owner/service:-v1",
        "owner/service:" + "v" * 129,
        "owner/service@",
        "owner/service@sha256:1234",
        "owner/service@" + DIGEST.upper(),
        "owner/service@md5:" + "0" * 32,
        f"owner/service@{DIGEST}:v1",
        f"owner/service@{DIGEST}@{DIGEST}",
        "owner/-service",
        "owner/service-",
        "owner/a___b",
        "owner/a..b",
        "-host.io/service",
        "host.io:port/service",
        "docker.io/",
        "https://docker.io/owner/service",
        "owner/service v1",
        " owner/service",
        "owner/service:v1\n",
        "${IMAGE}",
        "owner/service:${TAG}",
        "owner/" + "s" * 250,
        "ab" * 32,
    ],
)
def test_an_invalid_reference_is_rejected(text: str) -> None:
    """Text that Docker rejects, or reads as the ID of a local image, raises InvalidReference."""
    with pytest.raises(InvalidReference):
        Reference.parse(text)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("owner/service@sha256:1234", "invalid digest 'sha256:1234'"),
        ("owner/service:a?", "invalid tag 'a?'"),
        ("-host.io/service", "invalid registry '-host.io'"),
        ("owner/Service", "each part of the path must be lowercase letters and digits with separators between them"),
        ("owner/" + "s" * 250, "the path has more than 255 characters"),
        ("ab" * 32, "64 hexadecimal digits are an image ID, not a name"),
    ],
)
def test_an_invalid_reference_is_reported_with_its_cause(text: str, cause: str) -> None:
    """The message quotes the text and names the part that is invalid."""
    with pytest.raises(InvalidReference) as caught:
        Reference.parse(text)
    assert caught.value.cause == f"invalid image reference {text!r}: {cause}"


@pytest.mark.fault(23)
@pytest.mark.parametrize(("algorithm", "length"), [("sha256", 64), ("sha384", 96), ("sha512", 128)])
def test_a_digest_of_another_registered_algorithm_is_accepted(algorithm: str, length: int) -> None:
    """A reference pinned by SHA-384 or SHA-512 still belongs to its repository."""
    reference = Reference.parse(f"owner/service@{algorithm}:{'0' * length}")
    assert reference.repository == Repository("docker.io", "owner/service")


@pytest.mark.parametrize("text", ["owner/service:v1.0.7", f"owner/service@{DIGEST}"])
def test_a_repository_has_neither_tag_nor_digest(text: str) -> None:
    """A repository with a tag or a digest raises InvalidReference."""
    with pytest.raises(InvalidReference, match="expected a name without tag and digest"):
        Repository.parse(text)


def test_a_digest_is_sha256() -> None:
    """Only `sha256:` and 64 lowercase hexadecimal digits are a digest of the pipeline."""
    assert str(Digest.parse(DIGEST)) == DIGEST
    for text in ("", DIGEST[:-1], DIGEST + "0", DIGEST.upper(), DIGEST.removeprefix("sha256:"), "sha512:" + "0" * 128):
        with pytest.raises(InvalidDigest):
            Digest.parse(text)


@given(owner=NAMES, name=NAMES)
def test_every_spelling_of_a_docker_hub_name_is_one_repository(owner: str, name: str) -> None:
    """The full name and the short names are equal, unless the owner looks like a host."""
    repository = Repository.parse(f"docker.io/{owner}/{name}")
    assert repository == Repository.parse(str(repository)) == Repository.parse(f"index.docker.io/{owner}/{name}")
    if "." not in owner and owner != "localhost":
        assert repository == Repository.parse(f"{owner}/{name}")
