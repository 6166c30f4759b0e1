"""The tag and the digest that stand apart from the image's name: each is listed, and no other image's."""

import pytest
from tests.unit.rules.marking import IMAGE, NEW, OLD, POD, edit

from stage_ci.rules.manifest import LeftBehind

MOVED = f"{POD}  - image: {IMAGE}:v1.0.4\n---\nkind: Custom\n"
FIRST = 1 + MOVED.count("\n")


def left(text: str) -> list[tuple[int, str]]:
    """Return line and text of each value that an edit leaves behind in a custom resource; 1 is its first field."""
    return [(value.line - FIRST + 1, value.text.partition(",")[0][:12]) for value in leave(text)]


def leave(text: str) -> tuple[LeftBehind, ...]:
    """Return what an edit leaves behind in a custom resource."""
    return edit(MOVED + text.replace("OLD", OLD).replace("NEW", NEW) + "\n", digest=NEW).left


@pytest.mark.fault(23, 24)
def test_a_new_tag_with_the_old_digest_is_listed() -> None:
    """In an unmarked tag, the digest counts too, because it selects the image."""
    assert left(f"image: {{repository: {IMAGE}, tag: v1.0.9@OLD}}") == [(1, "v1.0.9@sha25")]
    assert left(f"image: {{repository: {IMAGE}, tag: v1.0.9@NEW}}") == []


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    ("mapping", "parts"),
    [
        ("API_IMAGE: owner/service, API_TAG: v1.0.4, DB_IMAGE: owner/db, DB_TAG: v16, DB_SHA: 'OLD'", ["v1.0.4"]),
        ("API_IMAGE: owner/service, TAG: v1.0.4, API_DIGEST: 'OLD'", ["v1.0.4", "sha256:aaaaa"]),
        ("image: owner/service, tag: v1.0.4, sidecarTag: v3", ["v1.0.4"]),
        ("dbTag: v16, image: owner/service", ["v16"]),
        ("releaseTag: v1.0.3, serviceImage: owner/service", ["v1.0.3"]),
        ("name: owner/service, newTag: v1.0.3, digest: 'OLD'", ["v1.0.3", "sha256:aaaaa"]),
        ("IMAGE: owner/service, IMAGE_VERSION: v1.0.3, schemaVersion: v2", ["v1.0.3"]),
        ("imageRegistry: index.docker.io, repository: owner/service, tag: v1.0.3", ["v1.0.3"]),
        ("registry: docker.io, repository: docker.io/owner/service, tag: v1.0.3", ["v1.0.3"]),
        ("registry: quay.io, repository: owner/service, tag: v1.0.3", []),
        ("a.image: owner/service, a.tag: v1, b.image: owner/service, b.tag: v2", ["v1", "v2"]),
    ],
)
def test_the_parts_beside_a_name_are_those_of_its_image(mapping: str, parts: list[str]) -> None:
    """Of the tags and digests of a mapping, those are listed that are called as the image, if there are any."""
    assert left(f"data: {{{mapping}}}") == [(1, part) for part in parts]


@pytest.mark.fault(24)
@pytest.mark.parametrize("style", ["- {{name: {}, value: {}}}\n", "- default: {1}\n  name: {0}\n"])
def test_the_tag_in_a_list_of_names_and_values_is_listed(style: str) -> None:
    """Parameters and variables are read together, as the fields of a mapping."""
    pairs = ("image.tag", "v1.0.4"), ("image.repository", IMAGE), ("db.tag", "x"), ("image.replicas", "'2'")
    text = "parameters:\n" + "".join(style.format(*pair) for pair in pairs)
    assert left(text) == [(2, "v1.0.4")]
    marked = MOVED + text.replace(":\n", f":\n# stage-ci: {leave(text)[0].marker}\n", 1)
    edited = edit(marked)
    assert (edited.content.decode(), edited.left) == (marked.replace("v1.0.4", "v1.0.9"), ())


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    ("field", "listed"),
    [
        (f"image: {IMAGE}", True),
        (f"repository: {IMAGE}\n  tag: ''", True),
        (f"repository: {IMAGE}\n  tag:", True),
        (f"image: {IMAGE}\n  tag: ${{TAG}}", False),
        (f"image: {IMAGE}\n  release: v1.0.4 # stage-ci: tag of {IMAGE}", False),
        (f"repository: {IMAGE}", False),
    ],
)
def test_an_image_without_a_tag_is_listed(field: str, *, listed: bool) -> None:
    """Outside of Kubernetes' own fields no tag is added: an image without one, or with an empty one, is listed."""
    reason = f"{IMAGE} stays: it has no tag; write one once, and mark the line of the tag"
    assert [(value.line, str(value)) for value in leave(f"spec:\n  {field}")] == [(FIRST + 1, reason)] * listed


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("|\n  image:\n    repository: owner/service\n    tag: v1.0.4", 3),
        ("|\n  [{name: IMAGE, newName: owner/service, newTag: 'v1.0.4'}]", 2),
        ('|\n  {"image": "docker.io/owner/service",\n   "digest": "OLD"}', 2),
        ("--set image.repository=owner/service,image.tag=v1.0.4", 1),
        ("[upgrade, --set, image.repository=owner/service, --set, image.tag=v1.0.4]", 1),
        ("[--image, owner/service, --tag, v1.0.4]", 1),
        ("\n- IMAGE=owner/service\n- IMAGE_TAG=v1.0.4", 2),
        ("[--image, owner/service, --tag, v1.0.9]", 0),
        ("[[owner/service], [--tag, v1.0.4]]", 0),
        ("|\n  repository: owner/service\n  tag: v1.0.9", 0),
        ("|\n  repository: owner/service-worker\n  tag: v1.0.4", 0),
        ("owner/service, see the page of tags", 0),
    ],
)
def test_a_tag_apart_from_its_name_in_a_text_is_listed(text: str, line: int) -> None:
    """The values of a chart in a block, an option or a list of texts hold the tag where no marker reaches it."""
    listed = leave(f"values: {text}")
    assert [value.line - FIRST + 1 for value in listed] == [line] * bool(line)
    assert all("its tag is apart from it; a marker moves name:tag" in value.reason for value in listed)
