"""What names the image and does not move: each value is listed with its line and what moves it."""

import pytest
from tests.unit.rules.marking import IMAGE, NEW, OLD, POD, edit

from stage_ci.errors import ImageNotInManifest
from stage_ci.rules.manifest import Edit

MOVED = f"{POD}  - image: {IMAGE}:v1.0.4\n"
UNREAD = "the field is not read as an image; to move it, mark it `# stage-ci: image`"


def left(edited: Edit) -> list[tuple[int, str]]:
    """Return line and text of each value that an edit leaves behind."""
    return [(value.line, value.text) for value in edited.left]


@pytest.mark.fault(22, 24)
@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("argoproj.io/v1alpha1 Rollout", f"template: {{spec: {{containers: [{{image: {IMAGE}:v1.0.4}}]}}}}"),
        ("serving.knative.dev/v1 Service", f"template: {{spec: {{containers: [{{image: {IMAGE}:v1.0.4}}]}}}}"),
        ("argoproj.io/v1alpha1 Workflow", f"templates: [{{container: {{image: '{IMAGE}:v1.0.4'}}}}]"),
        ("tekton.dev/v1 Task", f"steps: [{{image: docker.io/{IMAGE}:v1.0.4}}]"),
        ("v1 ConfigMap", f"text: {IMAGE}@{OLD}"),
        ("apps/v1 Deployment", f"template: {{spec: {{containers: [{{args: [--image={IMAGE}:v1.0.4]}}]}}}}"),
        ("batch/v1 Job", f"template: {{spec: {{containers: [{{env: [{{value: '{IMAGE}:v1.0.4'}}]}}]}}}}"),
    ],
)
def test_a_field_that_is_not_read_as_an_image_is_listed(kind: str, field: str) -> None:
    """A reference in any other field stays, and is listed with its line and its marker; alone it is an error."""
    api_version, name = kind.split()
    text = f"apiVersion: {api_version}\nkind: {name}\nspec:\n  {field}\n"
    edited = edit(f"{MOVED}---\n{text}")
    assert edited.content.decode() == f"{MOVED}---\n{text}".replace("v1.0.4", "v1.0.9", 1)
    assert [(value.line, str(value).partition(" stays: ")[2]) for value in edited.left] == [(11, UNREAD)]
    with pytest.raises(
        ImageNotInManifest, match=r"has no reference to docker\.io/owner/service; .*line 4: .*`# stage-ci: i"
    ):
        edit(text)


@pytest.mark.fault(24)
def test_the_tag_and_the_digest_of_a_chart_are_listed() -> None:
    """In the values of a chart, the tag and the digest beside the image's name are listed with their markers."""
    values = (
        "---\nkind: HelmRelease\nspec:\n  values:\n"
        f"    image: {{registry: docker.io, repository: {IMAGE}, tag: v1.0.4}}\n"
        f"    job:\n      repository: {IMAGE}\n      imageTag: v1.0.3\n      digest: {OLD}\n      pullPolicy: Always\n"
        f"    other: {{registry: ghcr.io, repository: {IMAGE}, tag: v1.0.4}}\n"
        f"    current: {{repository: {IMAGE}, tag: v1.0.9}}\n    twin: {{repository: {IMAGE}-worker, tag: v1.0.4}}\n"
        f"    marked: {{repository: {IMAGE}, tag: v1.0.4, version: 3}} # stage-ci: tag of {IMAGE}\n"
        f"    named: {{repository: {IMAGE}, tag: '${{TAG}}'}}\n"
    )
    edited = edit(MOVED + values)
    assert [(value.line, value.marker, value.marker_line) for value in edited.left] == [
        (11, f"tag of docker.io/{IMAGE}", 11),
        (14, f"tag of {IMAGE}", 14),
        (15, f"digest of {IMAGE}", 15),
    ]
    assert str(edited.left[1]) == (
        f"v1.0.3, the tag of {IMAGE}, stays: the field is not read as an image; "
        f"to move it, mark it `# stage-ci: tag of {IMAGE}`"
    )


@pytest.mark.fault(24)
def test_references_in_longer_texts_are_listed_with_their_own_lines() -> None:
    """A reference within a block is listed with its own line, and with the line on which its marker takes effect."""
    text = f'    args:\n    - |\n      a\n      run {IMAGE}:v1.0.3\n    - "x\\n--image={IMAGE}:v1.0.2"\n'
    edited = edit(MOVED + text)
    assert left(edited) == [(10, f"{IMAGE}:v1.0.3"), (11, f"{IMAGE}:v1.0.2")]
    assert str(edited.left[0]).endswith("to move it, mark line 8 `# stage-ci: image`")


@pytest.mark.parametrize(
    "text",
    [
        f"a: {IMAGE}:v1.0.9",
        f"a: {IMAGE}",
        f"a: {IMAGE}-worker:v1.0.4",
        f"a: x/{IMAGE}:v1.0.4",
        f"a: {IMAGE}/x:v1.0.4",
        f"a: ghcr.io/{IMAGE}:v1.0.4",
        f"a: $REGISTRY/{IMAGE}:v1.0.4",
        f"a: '{{{{ registry }}}}{IMAGE}:v1.0.4'",
        f"a: serves {IMAGE} since {IMAGE}:v1.0.3.",
        f"{IMAGE}:v1.0.4: key",
        f'kubectl.kubernetes.io/last-applied-configuration: \'{{"image":"{IMAGE}:v1.0.4"}}\'',
    ],
)
def test_what_names_no_other_version_is_not_listed(text: str) -> None:
    """The version itself, a name without a tag, other images and kubectl's own record are not left behind."""
    assert edit(f"{MOVED}---\nkind: ConfigMap\ndata:\n  {text}\n").left == ()


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    "image",
    ["{}:${{TAG}}", "{}:v1@sha256:12", "{}:v1:v2", "{}:", "{}:v1.0.$N", "{}@%DIGEST%", "docker.io/{}:${{A:-b/c:v1}}"],
)
def test_an_image_field_without_a_valid_reference_is_listed(image: str) -> None:
    """An image field that names the repository with no valid tag or digest stays, and no marker is suggested."""
    text = image.format(IMAGE)
    edited = edit(f"{MOVED}  - image: '{text}'\n")
    reason = "it is not a valid image reference"
    assert [(value.line, str(value)) for value in edited.left] == [(7, f"{text} stays: {reason}")]


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"{IMAGE}:{{{{ .Values.tag }}}}", f"{IMAGE}:{{{{"),
        (f"--image={IMAGE}:$(TAG) --x", f"{IMAGE}:$(TAG)"),
        *((text, text) for text in (f"${{NAME:-{IMAGE}}}:${{TAG:-v1.0.4}}", f"${{REGISTRY-docker.io}}/{IMAGE}:$TAG")),
        (f"oci://docker.io/{IMAGE}:<tag>", f"docker.io/{IMAGE}:<tag>"),
    ],
)
def test_a_variable_in_place_of_a_tag_is_listed(text: str, shown: str) -> None:
    """A reference whose tag is a variable or a placeholder stays, in a longer text too."""
    edited = edit(f"{MOVED}    args:\n    - '{text}'\n")
    assert [(value.line, str(value)) for value in edited.left] == [
        (8, f"{shown} stays: it is not a valid image reference")
    ]


@pytest.mark.fault(25)
@pytest.mark.parametrize(
    "entry",
    [
        f"name: {IMAGE}:v1",
        f"name: other\n  newName: {IMAGE}:v1\n  digest: {OLD}",
        f"name: {IMAGE}\n  newTag: v1@{OLD}\n  digest: {OLD}",
        f"name: {IMAGE}\n  newTag: v1@sha256:12",
        f"name: other\n  newName: {IMAGE}:v1\n  newTag: v2",
        f"name: {IMAGE}\n  newTag: v1/x:v2",
    ],
)
def test_a_kustomize_entry_that_makes_no_reference_is_listed(entry: str) -> None:
    """An entry whose parts do not join to a reference is listed, and rejected if it is the only one."""
    edited = edit(f"{MOVED}---\nkind: Kustomization\nimages:\n- {entry}\n")
    assert [str(value).partition(" stays: ")[2][:38] for value in edited.left] == [
        "its entry makes no valid reference; wr"
    ]
    with pytest.raises(ImageNotInManifest, match="its entry makes no valid reference"):
        edit(f"images:\n- {entry}\n", filename="kustomization.yaml")


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    "tag",
    [
        "debug",
        "v1.0.4-gpu",
        "v1.0.4-alpine3.20",
        "1.0-slim",
        "main",
        "latest-arm64",
        "v1.0.4-rc.1",
        "sha-3f2a1bc",
        "V1",
    ],
)
def test_a_variant_stays_and_is_listed(tag: str) -> None:
    """A tag that is no plain version names a variant, which a release does not replace."""
    edited = edit(f"{MOVED}  - image: {IMAGE}:{tag}@{OLD}\n", digest=NEW)
    assert edited.content.decode() == f"{MOVED}  - image: {IMAGE}:{tag}@{OLD}\n".replace("v1.0.4\n", "v1.0.9\n")
    assert [str(value) for value in edited.left] == [
        f"{IMAGE}:{tag}@{OLD} stays: {tag} names a variant, not a version; to move it, mark it `# stage-ci: image`"
    ]
    assert (len(edited.changes), edited.tags) == (1, ("v1.0.4",))


@pytest.mark.fault(24)
def test_a_marked_variant_moves() -> None:
    """A marker on an image field, or on the tag of a Kustomize entry, asks to move it whatever its tag is."""
    text = (
        f"{POD}  - image: {IMAGE}:debug # stage-ci: image\n  # stage-ci: image\n  - {{name: x, image: {IMAGE}:x}}\n"
        f"---\nkind: Kustomization\nimages:\n- name: {IMAGE}\n  newTag: edge # stage-ci: tag of docker.io/{IMAGE}\n"
    )
    edited = edit(text)
    assert ([change.new for change in edited.changes], edited.left) == ([f"{IMAGE}:v1.0.9"] * 3, ())


@pytest.mark.fault(22, 25)
def test_variants_alone_are_rejected() -> None:
    """A manifest that names only variants of the image cannot be released to."""
    with pytest.raises(ImageNotInManifest) as caught:
        edit(f"images:\n- name: {IMAGE}\n  newTag: debug\n", filename="kustomization.yaml")
    assert str(caught.value) == (
        "manifest: kustomization.yaml has no reference to docker.io/owner/service that a release replaces; its images: "
        "owner/service:debug; line 3: owner/service:debug stays: debug names a variant, not a version; to move it, "
        "mark it `# stage-ci: tag of owner/service`"
    )


@pytest.mark.fault(29)
def test_a_held_variant_is_reported_as_held() -> None:
    """A hold on a variant is a hold like any other, and not listed twice."""
    edited = edit(f"{MOVED}  - image: {IMAGE}:debug # stage-ci: hold by=bob\n")
    assert ([change.old for change in edited.held], edited.left) == ([f"{IMAGE}:debug"], ())


@pytest.mark.fault(22)
def test_at_most_five_values_are_part_of_an_error() -> None:
    """Of a hundred values that need a marker, the message lists five, and shows that there are more."""
    with pytest.raises(ImageNotInManifest) as caught:
        edit(f"a: {IMAGE}:v1\n---\n" * 100)
    assert caught.value.remedy.count("line ") == 5
    assert caught.value.remedy.endswith(", …")


@pytest.mark.fault(22)
def test_an_error_without_values_points_to_the_setting() -> None:
    """If nothing in the manifest names the image, the setting is the likely cause."""
    with pytest.raises(ImageNotInManifest) as caught:
        edit(f"{POD}  - image: other/app:v1\n")
    assert caught.value.remedy == ImageNotInManifest.remedy
