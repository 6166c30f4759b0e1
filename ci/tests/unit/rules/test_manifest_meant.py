"""Comments that are meant as markers and are none: each is rejected, because it may be a hold."""

import pytest
from tests.unit.rules.marking import IMAGE, OLD, POD, edit

from stage_ci.errors import InvalidMarker


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    "text", ["hodl", "hold alice", "HOLD", "", "hold by=", "tag", "tag of", "tag of x:v1", "image x", "hold # note"]
)
def test_an_unknown_marker_is_rejected(text: str) -> None:
    """A misspelled marker is rejected wherever it stands, because it could be meant as a hold."""
    with pytest.raises(InvalidMarker, match=rf"^manifest: svm\.yaml:8: invalid marker {text!r}; write `hold by=NAME"):
        edit(f"{POD}  - image: {IMAGE}:v1.0.4\n---\n# stage-ci: {text}\n")


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    "comment",
    [
        "Stage-CI: hold",
        "STAGE-CI: hold by=alice",
        "stage_ci: hold",
        "Stage_Ci: image",
        "stageci: hold",
        "stage ci: hold",
        "stage\u2011ci: hold",
        "stage-ci hold",
        "stage-ci  hold by=alice",
        "stage-ci - hold",
        "stage-ci : hold",
        "stage-ci; hold",
        "stage-ci, hold until Friday",
        "stage-ci= hold",
        "stage-ci image",
        f"stage-ci tag of {IMAGE}",
        f"digest: stage-ci digest of {IMAGE}",
        "Stage CI: see the runbook",
        "stage-ci frozen by=alice",
        "@stage-ci: hold",
        "(stage-ci: hold)",
        '{"$imagepolicy": "flux-system:web"} stage-ci: hold',
        "renovate: datasource=docker stage-ci: hodl",
        "renovate: datasource=docker; stage-ci hold",
        "TODO(alice): stage-ci hold",
        "do not touch, stage-ci: hold",
        "don't touch: stage-ci: hold, it's broken",
        "see stage-ci's page; stage-ci: hold",
        "a;#stage-ci: hold",
        "\u00a0stage-ci: hold",
        "//stage-ci: hold",
        "stage-ci/hold",
        "x, stage-ci.hold",
        "-stage-ci: hold",
        "stage-cd: hold by=alice",
        "satge-ci: hold",
        "stage/ci: hold",
        "renovate: x, stag-ci : hold",
        f"stageci-: tag of {IMAGE}",
        "hold by=alice reason=v1.0.5 loses tickets",
        "stage-ci: hold reason=x # stage-ci: image",
        "stage-ci: image # stage-ci: hold",
        "Stage-CI: hold # stage-ci: image",
    ],
)
@pytest.mark.parametrize("place", ["  - image: {image} # {comment}\n", "  # {comment}\n  - image: {image}\n"])
def test_a_comment_that_means_a_marker_is_rejected(comment: str, place: str) -> None:
    """Another case or separator, a missing colon, or text before it does not turn a marker into a mere comment."""
    with pytest.raises(InvalidMarker, match=r"svm\.yaml:6: invalid marker '?"):
        edit(POD + place.format(image=f"{IMAGE}:v1.0.4", comment=comment))


@pytest.mark.parametrize(
    "comment",
    [
        "managed by stage-ci",
        "Managed by Stage CI.",
        "stage-ci moves this tag",
        "the stage-ci pipeline holds the credentials",
        "built from the stage-ci image",
        "stage-ci images are built for amd64",
        "Add `# stage-ci: hold` to keep a reference.",
        'write "stage-ci: hold" here to keep it',
        "docs/stage-ci.md",
        "https://example.com/stage-ci: hold",
        "my-stage-ci: hold",
        "stage-1: hold",
        "docs/stage/ci: hold",
        "storage: hold",
        "see 'stage-ci: hold'",
        "./stage-ci: hold",
        "stage-ci/hold.md",
        "stage-ci-holder",
        "multistage-ci: hold",
        "stage-cider: hold",
        "backstage circuit: hold",
        "moved by stage-ci: do not edit by hand",
    ],
)
def test_prose_about_the_tool_is_not_a_marker(comment: str) -> None:
    """A comment that only mentions the tool, quotes a marker or names something else is ignored."""
    assert edit(f"# {comment}\n{POD}  - image: {IMAGE}:v1.0.4 # {comment}\n").changed


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"  - args:\n    - |\n      image: {IMAGE}:v1.0.4 # stage-ci: hold\n", 8),
        ("  - args:\n    - >-\n      a\n\n      # stage-ci: hold by=alice\n      b\n", 10),
        ("  - args:\n    - |2\n        # Stage-CI hold\n", 8),
        (f'  - image: "{IMAGE}:v1.0.4 # stage-ci: hold"\n', 6),
        (f"  - image: '{IMAGE}:v1.0.4 # stage-ci image'\n", 6),
        ('  - args: ["a\n        # stage-ci: hold\n        b"]\n', 7),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_marker_within_a_text_is_rejected(text: str, line: int, newline: str) -> None:
    """A marker in a block scalar or behind quoted text is a part of the text for YAML, and would have no effect."""
    manifest = f"{POD}{text}  - image: {IMAGE}:v1.0.4\n".replace("\n", newline)
    with pytest.raises(InvalidMarker, match=rf"svm\.yaml:{line}: the marker in line {line} is part of a text"):
        edit(manifest)


@pytest.mark.fault(29)
def test_a_marker_behind_a_text_is_effective() -> None:
    """A comment below a block scalar, or behind its header, is none of its lines."""
    text = f"{POD}  - args:\n    - |\n      text\n    # stage-ci: hold\n    image: {IMAGE}:v1.0.4\n"
    assert len(edit(text).held) == 1


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (
            ["image:", f"  repository: {IMAGE}", "  tag: v1.0.4 # stage-ci: tag of owner/db"],
            ":3: the marker says owner/db, but line 2 names owner/service; write the image's name behind `of`",
        ),
        (
            ["image:", f"  tag: v1.0.4 # stage-ci: tag of {IMAGE}", f"  image: ghcr.io/{IMAGE}"],
            ":2: the marker says owner/service, but line 3 names ghcr.io/owner/service",
        ),
        (
            ["image:", "  registry: quay.io", f"  repository: {IMAGE}", f"  tag: v1 # stage-ci: tag of {IMAGE}"],
            ":4: the marker says owner/service, but line 3 names quay.io/owner/service",
        ),
        (
            ["images:", "- newTag: v1 # stage-ci: tag of owner/service", "  name: owner/db"],
            ":2: the marker says owner/service, but line 3 names owner/db",
        ),
        (
            ["image:", f"  sha: {OLD[7:]} # stage-ci: tag of {IMAGE}"],
            ":2: no value on line 2 is a tag",
        ),
        (
            ["image: &i", "  repository: owner/db", "tag: {<<: *i, tag: v1} # stage-ci: tag of owner/service"],
            ":3: the marker says owner/service, but line 2 names owner/db",
        ),
        (
            [f"image: {{repository: {IMAGE}, name: service}} # stage-ci: tag of service"],
            ":1: no value on line 1 is a tag",
        ),
        (["spec:", f"  replicas: 3 # stage-ci: tag of {IMAGE}"], ":2: no value on line 2 is a tag"),
        (["spec:", f"  paused: true # stage-ci: tag of {IMAGE}"], ":2: no value on line 2 is a tag"),
        (["image:", f"  pullPolicy: Always # stage-ci: tag of {IMAGE}"], ":2: no value on line 2 is a tag"),
        (["image:", f"  x: service # stage-ci: tag of {IMAGE}"], ":2: no value on line 2 is a tag"),
        (
            ["kind: Kustomization", "images:", f"- name: {IMAGE}", "  newTag: v1 # stage-ci: tag of owner/db"],
            ":4: the marker contradicts line 4, which holds Kustomization images[0]; remove the marker",
        ),
        (
            ["kind: Kustomization", "images:", f"- name: {IMAGE}", "  newTag: v1 # stage-ci: image"],
            ":4: the marker contradicts line 4",
        ),
        (
            ["kind: Kustomization", "images:", "- newTag: v1", f"  name: {IMAGE} # stage-ci: image"],
            ":4: line 4 holds a name without a tag or a digest",
        ),
        (
            ["kind: Pod", "spec:", "  containers:", f"  - image: {IMAGE}:v1 # stage-ci: tag of {IMAGE}"],
            ":4: the marker contradicts line 4, which holds Pod spec.containers[0].image",
        ),
        (
            ["kind: Pod", "spec:", f"  containers: [{{image: {IMAGE}:v1}}, {{image: a:v2}}] # stage-ci: image"],
            ":3: line 3 has 2 values that the marker can mean",
        ),
    ],
)
def test_a_marker_that_contradicts_its_line_is_rejected(lines: list[str], problem: str) -> None:
    """A marker that names another image or another part than its line would change the wrong text."""
    with pytest.raises(InvalidMarker) as caught:
        edit("\n".join([*lines, ""]))
    assert f"svm.yaml{problem}" in str(caught.value)


@pytest.mark.parametrize(
    ("beside", "name"),
    [
        ("repository: owner/service", "owner/service"),
        ("registry: ghcr.io\n  repository: owner/service", "ghcr.io/owner/service"),
        ("registry: ghcr.io/owner\n  image: service", "ghcr.io/owner/service"),
        ("repository: docker.io/owner/service", "owner/service"),
        ("repository: '{{ .global }}/owner/service'", "owner/service"),
        ("registry: '{{ .global }}'\n  repository: owner/service", "owner/service"),
        ("registry: ghcr.io\n  repository: ghcr.io/owner/service", "ghcr.io/owner/service"),
        ("imageRegistry: index.docker.io\n  repository: owner/service", "owner/service"),
        ("name: owner/db\n  newName: owner/service\n  newTag: v1 # stage-ci: tag of owner/service", "owner/service"),
        ("name: api", "owner/service"),
    ],
)
def test_a_marker_may_name_the_image_in_full(beside: str, name: str) -> None:
    """A chart may keep the registry, or a part of the path, in another field than the name."""
    text = f"image:\n  {beside}\n  tag: v1.0.4 # stage-ci: tag of {name}\n---\nx: {IMAGE}:v1.0.4 # stage-ci: image\n"
    assert [change.old for change in edit(text).changes][-1] == f"{IMAGE}:v1.0.4"
