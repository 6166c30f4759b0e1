"""The changes that an edit reports, and the references that it treats as the repository's."""

import pytest

from stage_ci.errors import ImageNotInManifest, InvalidManifest, InvalidReference
from stage_ci.rules.manifest import Change, Target, update
from stage_ci.rules.reference import Digest, Repository

IMAGE = "medhedimaaroufi/callcenterai-svm"
OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
KUSTOMIZATION = f"images:\n- name: {IMAGE}\n  newTag: v1.0.0\n".encode()


def target(repository: str = IMAGE, tag: str = "v1.0.1", digest: str | None = None) -> Target:
    """Return a target, parsed from text."""
    return Target(Repository.parse(repository), tag, Digest.parse(digest) if digest else None)


def pod(*images: str, newline: str = "\n") -> bytes:
    """Return a pod with one container for each image."""
    lines = ["apiVersion: v1", "kind: Pod", "metadata: {name: svm}", "spec:", "  containers:"]
    return newline.join([*lines, *(f"  - image: {image}" for image in images), ""]).encode()


def test_an_edit_reports_every_reference_with_its_place() -> None:
    """An edit reports path, line, old and new reference in the order of the file, for unchanged references too."""
    edit = update(pod(f"{IMAGE}:v1.0.0", "busybox", f'"{IMAGE}:v1.0.1"', IMAGE), target(), filename="svm.yaml")
    assert edit.changed
    assert edit.changes == (
        Change("Pod/svm spec.containers[0].image", 6, f"{IMAGE}:v1.0.0", f"{IMAGE}:v1.0.1"),
        Change("Pod/svm spec.containers[2].image", 8, f"{IMAGE}:v1.0.1", f"{IMAGE}:v1.0.1"),
        Change("Pod/svm spec.containers[3].image", 9, IMAGE, f"{IMAGE}:v1.0.1"),
    )


def test_an_edit_reports_the_tags_before_it() -> None:
    """The tags are distinct and in the order of the file; a reference without a tag adds none."""
    images = [f"{IMAGE}:{tag}" for tag in ("v1.0.3", "latest", "v1.0.3")]
    edit = update(pod(*images, IMAGE, f"{IMAGE}@{OLD}", f"{IMAGE}:v1.0.2@{OLD}"), target(digest=NEW), filename="x")
    assert edit.tags == ("v1.0.3", "latest", "v1.0.2")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_editors_count_them(newline: str) -> None:
    """A line ends at a line feed, a carriage return, or both."""
    edit = update(pod("a", "|-" + newline + f"      {IMAGE}:v1.0.0", newline=newline), target(), filename="x")
    assert [change.line for change in edit.changes] == [8]


@pytest.mark.fault(21)
def test_every_document_of_a_long_file_is_updated() -> None:
    """A file of a hundred documents has the reference of each document updated."""
    documents = b"---\n".join(pod(f"{IMAGE}:v1.0.{number}", "busybox") for number in range(100))
    edit = update(documents, target(tag="v1.0.100"), filename="x")
    assert edit.content == b"---\n".join([pod(f"{IMAGE}:v1.0.100", "busybox")] * 100)
    assert edit.tags == tuple(f"v1.0.{number}" for number in range(100))


@pytest.mark.fault(26)
@pytest.mark.parametrize("separator", ["---\n", "---\n# next\n", "...\n", "--- # next\r\n"])
def test_a_byte_order_mark_may_start_each_document(separator: str) -> None:
    """Joined files that start with a byte order mark each are updated in every document."""
    before, after = (f"\ufeff{pod(f'{IMAGE}:{tag}').decode()}" for tag in ("v1.0.0", "v1.0.1"))
    edit = update(f"{before}{separator}{before}".encode(), target(), filename="x")
    assert edit.content == f"{after}{separator}{after}".encode()


def test_a_byte_order_mark_within_a_document_is_text() -> None:
    """A byte order mark that does not start a document stays part of the key that follows it."""
    content = pod(f"{IMAGE}:v1.0.0").decode() + "\ufeffkind: x\n---\n[a]\n---\n{a: b,\n\ufeffa: c}\n"
    edit = update(content.encode(), target(), filename="x")
    assert edit.content == content.replace("v1.0.0", "v1.0.1").encode()


@pytest.mark.fault(20)
def test_content_is_the_input_if_nothing_has_to_change() -> None:
    """A manifest with the target's tag stays byte by byte, and its edit reports the tag and no change."""
    content = pod(f"{IMAGE}:v1.0.1")
    edit = update(content, target(), filename="x")
    assert (edit.content, edit.changed, edit.tags) == (content, False, ("v1.0.1",))


@pytest.mark.fault(23)
@pytest.mark.parametrize("repository", ["svm", "library/svm", "docker.io/svm", "index.docker.io/library/svm"])
@pytest.mark.parametrize("written", ["svm", "library/svm", "docker.io/library/svm", "index.docker.io/svm"])
def test_short_and_full_names_of_docker_hub_are_one_repository(repository: str, written: str) -> None:
    """Every form of a Docker Hub name matches every other, and the manifest keeps its own."""
    edit = update(pod(f"{written}:v1.0.0"), target(repository), filename="x")
    assert edit.content == pod(f"{written}:v1.0.1")


@pytest.mark.fault(23)
def test_a_port_is_part_of_the_registry() -> None:
    """A reference with another port is another registry's, and a port is never replaced as a tag."""
    images = ["registry:5000/svm:v1.0.0", "registry:5000/svm", "registry:5001/svm:v1.0.0", "registry/svm:v1.0.0"]
    edit = update(pod(*images), target("registry:5000/svm"), filename="x")
    assert edit.content == pod("registry:5000/svm:v1.0.1", "registry:5000/svm:v1.0.1", *images[2:])


@pytest.mark.fault(23)
@pytest.mark.parametrize("form", ["{name}:v1.0.0@{digest}", "{name}@{digest}", "{name}:v1.0.1@{digest}"])
def test_a_digest_is_replaced_together_with_its_tag(form: str) -> None:
    """A pinned reference gets the new digest and the new tag, even if it had no tag."""
    edit = update(pod(form.format(name=IMAGE, digest=OLD)), target(digest=NEW), filename="x")
    assert edit.content == pod(f"{IMAGE}:v1.0.1@{NEW}")


def test_a_digest_is_not_added() -> None:
    """A reference without a digest stays without one."""
    assert update(pod(f"{IMAGE}:v1.0.0"), target(digest=NEW), filename="x").content == pod(f"{IMAGE}:v1.0.1")


@pytest.mark.parametrize("tag", ["", "v1 # x", "v1\n", "a/b", "5000/b", "v1@" + NEW, "v1:v2", '"', "v" * 129])
def test_a_target_requires_a_valid_tag(tag: str) -> None:
    """A tag with characters that could end the reference never reaches a manifest."""
    with pytest.raises(InvalidReference):
        target(tag=tag)


@pytest.mark.fault(25)
@pytest.mark.parametrize("filename", ["kustomization.yaml", "base/kustomization.yml", "/a/Kustomization"])
def test_a_kustomization_is_recognized_by_its_filename(filename: str) -> None:
    """A file with one of Kustomize's names needs no kind, as in Kustomize."""
    edit = update(KUSTOMIZATION, target(), filename=filename)
    assert edit.content == KUSTOMIZATION.replace(b"v1.0.0", b"v1.0.1")
    assert edit.changes == (Change("Kustomization images[0]", 3, f"{IMAGE}:v1.0.0", f"{IMAGE}:v1.0.1"),)


@pytest.mark.fault(25)
def test_a_file_of_another_name_needs_a_kind() -> None:
    """A file without a kind and without one of Kustomize's names has no image fields."""
    with pytest.raises(ImageNotInManifest):
        update(KUSTOMIZATION, target(), filename="values.yaml")


@pytest.mark.fault(25)
def test_a_pinned_kustomize_entry_requires_the_new_digest() -> None:
    """A Kustomize entry with a digest is rejected if the new digest is unknown, and gets it otherwise."""
    pinned = KUSTOMIZATION + f"  digest: {OLD}\n".encode()
    with pytest.raises(InvalidManifest, match=r"kustomization\.yaml:2: .*holds a digest.*--image-digest"):
        update(pinned, target(), filename="kustomization.yaml")
    edit = update(pinned, target(digest=NEW), filename="kustomization.yaml")
    assert edit.content == pinned.replace(b"v1.0.0", b"v1.0.1").replace(OLD.encode(), NEW.encode())
    assert edit.changes[0].new == f"{IMAGE}:v1.0.1@{NEW}"


@pytest.mark.fault(23, 25)
@pytest.mark.parametrize("style", ["{}", "'{}'", '"{}"', "|-\n    {}"])
def test_a_digest_within_a_kustomize_tag_is_replaced(style: str) -> None:
    """`newTag: tag@digest` gets the new tag and the new digest, and is rejected if the new digest is unknown."""
    pinned, updated = (
        KUSTOMIZATION.replace(b"v1.0.0", style.format(f"{tag}@{digest}").encode())
        for tag, digest in (("v1.0.0", OLD), ("v1.0.1", NEW))
    )
    edit = update(pinned, target(digest=NEW), filename="kustomization.yaml")
    assert edit.content == updated
    assert edit.changes[0].new == f"{IMAGE}:v1.0.1@{NEW}"
    assert not update(updated, target(digest=NEW), filename="kustomization.yaml").changed
    with pytest.raises(InvalidManifest, match="holds a digest"):
        update(pinned, target(), filename="kustomization.yaml")


@pytest.mark.fault(25)
def test_a_tag_shared_by_entries_of_the_image_changes_once() -> None:
    """An alias may share a tag between Kustomize entries if all of them deploy the repository."""
    entries = f"images:\n- {{name: {IMAGE}, newTag: &tag v1.0.0}}\n- {{name: svm, newName: {IMAGE}, newTag: *tag}}\n"
    merged = f"{entries}- &entry {{name: {IMAGE}, newTag: *tag}}\n- {{<<: *entry, name: docker.io/{IMAGE}}}\n"
    edit = update(merged.encode(), target(), filename="kustomization.yaml")
    assert edit.content == merged.encode().replace(b"v1.0.0", b"v1.0.1")
    assert len(edit.changes) == 4


@pytest.mark.fault(25)
def test_a_plain_tag_stays_a_string() -> None:
    """A tag that YAML would read as a number is rejected unquoted and written within quotes."""
    with pytest.raises(InvalidManifest, match="would change more than the image"):
        update(KUSTOMIZATION, target(tag="1.10"), filename="kustomization.yaml")
    quoted = KUSTOMIZATION.replace(b"v1.0.0", b"'1.9'")
    assert update(quoted, target(tag="1.10"), filename="kustomization.yaml").content.endswith(b"newTag: '1.10'\n")


@pytest.mark.fault(25)
def test_a_number_in_place_of_a_tag_is_replaced() -> None:
    """`newTag: 1.0`, which YAML reads as a number, is replaced by the new tag."""
    number = KUSTOMIZATION.replace(b"v1.0.0", b"1.0")
    edit = update(number, target(), filename="kustomization.yaml")
    assert edit.content == KUSTOMIZATION.replace(b"v1.0.0", b"v1.0.1")


@pytest.mark.parametrize("header", ["kind: Pod\n", "apiVersion:\nkind: Pod\n"])
def test_an_object_without_an_api_version_is_identified_by_its_kind(header: str) -> None:
    """A Pod without apiVersion is updated, because no other Pod can be meant."""
    content = pod(f"{IMAGE}:v1.0.0").replace(b"apiVersion: v1\nkind: Pod\n", header.encode())
    assert update(content, target(), filename="x").changed


@pytest.mark.fault(26)
def test_a_quoted_merge_key_is_an_ordinary_field() -> None:
    """`"<<"` in quotes merges nothing, so an image below it is not a container's."""
    content = f'kind: Pod\nspec:\n  containers:\n  - "<<": {{image: "{IMAGE}:v1.0.0"}}\n    name: svm\n'
    with pytest.raises(ImageNotInManifest):
        update(content.encode(), target(), filename="x")
