"""Image references are read as Docker and Kubernetes read them."""

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
def test_a_name_means_a_registry_and_a_path(text: str, registry: str, path: str) -> None:
    """The short forms of Docker Hub and their full forms are one repository."""
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
def test_tag_and_digest_are_told_from_the_name(text: str, name: str, tag: str | None, digest: str | None) -> None:
    """A port is no tag, and the name keeps its writer's spelling."""
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
def test_other_text_is_no_reference(text: str) -> None:
    """What Docker would refuse is refused, an image's identifier among it."""
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
def test_a_pin_by_another_registered_algorithm_is_understood(algorithm: str, length: int) -> None:
    """Whoever pinned an image chose the algorithm; the reference still means this repository."""
    reference = Reference.parse(f"owner/service@{algorithm}:{'0' * length}")
    assert reference.repository == Repository("docker.io", "owner/service")


@pytest.mark.parametrize("text", ["owner/service:v1.0.7", f"owner/service@{DIGEST}"])
def test_a_repository_holds_neither_tag_nor_digest(text: str) -> None:
    """Where only a name belongs, more is a mistake to be told."""
    with pytest.raises(InvalidReference, match="expected a name without tag and digest"):
        Repository.parse(text)


def test_a_digest_is_sha256() -> None:
    """The only algorithm that the pipeline's own tools write."""
    assert str(Digest.parse(DIGEST)) == DIGEST
    for text in ("", DIGEST[:-1], DIGEST + "0", DIGEST.upper(), DIGEST.removeprefix("sha256:"), "sha512:" + "0" * 128):
        with pytest.raises(InvalidDigest):
            Digest.parse(text)


@given(owner=NAMES, name=NAMES)
def test_every_spelling_of_a_name_on_docker_hub_is_one_repository(owner: str, name: str) -> None:
    """A repository's full name means itself, and so do the short ones, unless the owner looks like a host."""
    repository = Repository.parse(f"docker.io/{owner}/{name}")
    assert repository == Repository.parse(str(repository)) == Repository.parse(f"index.docker.io/{owner}/{name}")
    if "." not in owner and owner != "localhost":
        assert repository == Repository.parse(f"{owner}/{name}")
