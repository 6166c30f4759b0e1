"""What an edit reports and which references it takes for the repository's."""

import pytest

from stage_ci.errors import ImageNotInManifest, InvalidManifest, InvalidReference
from stage_ci.rules.manifest import Change, Target, update
from stage_ci.rules.reference import Digest, Repository

IMAGE = "medhedimaaroufi/callcenterai-svm"
OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
KUSTOMIZATION = f"images:\n- name: {IMAGE}\n  newTag: v1.0.0\n".encode()


def target(repository: str = IMAGE, tag: str = "v1.0.1", digest: str | None = None) -> Target:
    """Return a target from text."""
    return Target(Repository.parse(repository), tag, Digest.parse(digest) if digest else None)


def pod(*images: str, newline: str = "\n") -> bytes:
    """Return a pod with a container for each image."""
    lines = ["apiVersion: v1", "kind: Pod", "metadata: {name: svm}", "spec:", "  containers:"]
    return newline.join([*lines, *(f"  - image: {image}" for image in images), ""]).encode()


def test_an_edit_tells_every_reference_with_its_place() -> None:
    """Path, line, old and new in the order of the file, the unchanged ones too."""
    edit = update(pod(f"{IMAGE}:v1.0.0", "busybox", f'"{IMAGE}:v1.0.1"', IMAGE), target(), filename="svm.yaml")
    assert edit.changed
    assert edit.changes == (
        Change("Pod/svm spec.containers[0].image", 6, f"{IMAGE}:v1.0.0", f"{IMAGE}:v1.0.1"),
        Change("Pod/svm spec.containers[2].image", 8, f"{IMAGE}:v1.0.1", f"{IMAGE}:v1.0.1"),
        Change("Pod/svm spec.containers[3].image", 9, IMAGE, f"{IMAGE}:v1.0.1"),
    )


def test_an_edit_tells_the_tags_that_were_there() -> None:
    """Each once, in the order of the file; a reference without a tag adds none."""
    images = [f"{IMAGE}:{tag}" for tag in ("v1.0.3", "latest", "v1.0.3")]
    edit = update(pod(*images, IMAGE, f"{IMAGE}@{OLD}", f"{IMAGE}:v1.0.2@{OLD}"), target(digest=NEW), filename="x")
    assert edit.tags == ("v1.0.3", "latest", "v1.0.2")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_editors_count_them(newline: str) -> None:
    """A line ends at a line feed, at a carriage return, or at both."""
    edit = update(pod("a", "|-" + newline + f"      {IMAGE}:v1.0.0", newline=newline), target(), filename="x")
    assert [change.line for change in edit.changes] == [8]


@pytest.mark.fault(21)
def test_every_document_of_a_long_file_is_updated() -> None:
    """A hundred documents, and the same rules for the last as for the first."""
    documents = b"---\n".join(pod(f"{IMAGE}:v1.0.{number}", "busybox") for number in range(100))
    edit = update(documents, target(tag="v1.0.100"), filename="x")
    assert edit.content == b"---\n".join([pod(f"{IMAGE}:v1.0.100", "busybox")] * 100)
    assert edit.tags == tuple(f"v1.0.{number}" for number in range(100))


@pytest.mark.fault(20)
def test_content_is_the_input_when_nothing_has_to_change() -> None:
    """Already at this version."""
    content = pod(f"{IMAGE}:v1.0.1")
    edit = update(content, target(), filename="x")
    assert (edit.content, edit.changed, edit.tags) == (content, False, ("v1.0.1",))


@pytest.mark.fault(23)
@pytest.mark.parametrize("repository", ["svm", "library/svm", "docker.io/svm", "index.docker.io/library/svm"])
@pytest.mark.parametrize("written", ["svm", "library/svm", "docker.io/library/svm", "index.docker.io/svm"])
def test_short_and_full_names_of_docker_hub_are_one(repository: str, written: str) -> None:
    """Whichever form the argument has and the manifest keeps."""
    edit = update(pod(f"{written}:v1.0.0"), target(repository), filename="x")
    assert edit.content == pod(f"{written}:v1.0.1")


@pytest.mark.fault(23)
def test_a_port_is_no_tag() -> None:
    """Another port is another registry."""
    images = ["registry:5000/svm:v1.0.0", "registry:5000/svm", "registry:5001/svm:v1.0.0", "registry/svm:v1.0.0"]
    edit = update(pod(*images), target("registry:5000/svm"), filename="x")
    assert edit.content == pod("registry:5000/svm:v1.0.1", "registry:5000/svm:v1.0.1", *images[2:])


@pytest.mark.fault(23)
@pytest.mark.parametrize("form", ["{name}:v1.0.0@{digest}", "{name}@{digest}", "{name}:v1.0.1@{digest}"])
def test_a_digest_is_replaced_together_with_its_tag(form: str) -> None:
    """Never a stale digest beside a new tag, and the tag always beside the digest."""
    edit = update(pod(form.format(name=IMAGE, digest=OLD)), target(digest=NEW), filename="x")
    assert edit.content == pod(f"{IMAGE}:v1.0.1@{NEW}")


def test_a_digest_is_not_added() -> None:
    """The form is its writer's choice."""
    assert update(pod(f"{IMAGE}:v1.0.0"), target(digest=NEW), filename="x").content == pod(f"{IMAGE}:v1.0.1")


@pytest.mark.parametrize("tag", ["", "v1 # x", "v1\n", "a/b", "5000/b", "v1@" + NEW, "v1:v2", '"', "v" * 129])
def test_a_target_has_a_tag(tag: str) -> None:
    """Text that would end the reference and begin something else never reaches a manifest."""
    with pytest.raises(InvalidReference):
        target(tag=tag)


@pytest.mark.fault(25)
@pytest.mark.parametrize("filename", ["kustomization.yaml", "base/kustomization.yml", "/a/Kustomization"])
def test_a_kustomization_need_not_say_its_kind(filename: str) -> None:
    """Kustomize goes by the file's name, and so does the edit."""
    edit = update(KUSTOMIZATION, target(), filename=filename)
    assert edit.content == KUSTOMIZATION.replace(b"v1.0.0", b"v1.0.1")
    assert edit.changes == (Change("Kustomization images[0]", 3, f"{IMAGE}:v1.0.0", f"{IMAGE}:v1.0.1"),)


@pytest.mark.fault(25)
def test_images_elsewhere_are_no_kustomization() -> None:
    """A file of another name that does not say what it is."""
    with pytest.raises(ImageNotInManifest):
        update(KUSTOMIZATION, target(), filename="values.yaml")


@pytest.mark.fault(25)
def test_a_kustomization_s_digest_needs_a_new_one() -> None:
    """A pinned entry is refused like a pinned image, and replaced when the digest is known."""
    pinned = KUSTOMIZATION + f"  digest: {OLD}\n".encode()
    with pytest.raises(InvalidManifest, match=r"kustomization\.yaml:2: .*holds a digest.*--image-digest"):
        update(pinned, target(), filename="kustomization.yaml")
    edit = update(pinned, target(digest=NEW), filename="kustomization.yaml")
    assert edit.content == pinned.replace(b"v1.0.0", b"v1.0.1").replace(OLD.encode(), NEW.encode())
    assert edit.changes[0].new == f"{IMAGE}:v1.0.1@{NEW}"


@pytest.mark.fault(25)
def test_a_tag_that_is_shared_by_entries_of_the_image_changes_once() -> None:
    """An alias between entries that all deploy the repository."""
    entries = f"images:\n- {{name: {IMAGE}, newTag: &tag v1.0.0}}\n- {{name: svm, newName: {IMAGE}, newTag: *tag}}\n"
    merged = f"{entries}- &entry {{name: {IMAGE}, newTag: *tag}}\n- {{<<: *entry, name: docker.io/{IMAGE}}}\n"
    edit = update(merged.encode(), target(), filename="kustomization.yaml")
    assert edit.content == merged.encode().replace(b"v1.0.0", b"v1.0.1")
    assert len(edit.changes) == 4


@pytest.mark.fault(25)
def test_a_plain_tag_stays_text() -> None:
    """A tag that YAML reads as a number would reach Kustomize as one, so the proof refuses it unquoted."""
    with pytest.raises(InvalidManifest, match="would change more than the image"):
        update(KUSTOMIZATION, target(tag="1.10"), filename="kustomization.yaml")
    quoted = KUSTOMIZATION.replace(b"v1.0.0", b"'1.9'")
    assert update(quoted, target(tag="1.10"), filename="kustomization.yaml").content.endswith(b"newTag: '1.10'\n")


@pytest.mark.fault(25)
def test_a_number_that_was_meant_as_a_tag_becomes_one() -> None:
    """`newTag: 1.0` is a number to YAML; what takes its place is text."""
    number = KUSTOMIZATION.replace(b"v1.0.0", b"1.0")
    edit = update(number, target(), filename="kustomization.yaml")
    assert edit.content == KUSTOMIZATION.replace(b"v1.0.0", b"v1.0.1")


@pytest.mark.parametrize("header", ["kind: Pod\n", "apiVersion:\nkind: Pod\n"])
def test_an_object_without_a_version_is_what_its_kind_says(header: str) -> None:
    """Kubernetes would not take it, but nothing else can be meant."""
    content = pod(f"{IMAGE}:v1.0.0").replace(b"apiVersion: v1\nkind: Pod\n", header.encode())
    assert update(content, target(), filename="x").changed


@pytest.mark.fault(26)
def test_a_merge_key_that_is_quoted_merges_nothing() -> None:
    """`"<<"` is a field like any other."""
    content = f'kind: Pod\nspec:\n  containers:\n  - "<<": {{image: "{IMAGE}:v1.0.0"}}\n    name: svm\n'
    with pytest.raises(ImageNotInManifest):
        update(content.encode(), target(), filename="x")
