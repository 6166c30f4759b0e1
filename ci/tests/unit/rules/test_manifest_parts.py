"""The parts of one image: several in one text, several in one mapping, and references within a longer text."""

import pytest
from tests.unit.rules.marking import IMAGE, NEW, OLD, edit

from stage_ci.errors import InvalidManifest, InvalidMarker
from stage_ci.rules.manifest.sites import MAX_IN_TEXT

TAG = f"tag: v1.0.4 # stage-ci: tag of {IMAGE}"
WHOLE = f"image: {IMAGE}:v1.0.4 # stage-ci: image"


def updated(text: str) -> str:
    """Return a text with the new tag and the new digest."""
    return text.replace("v1.0.4", "v1.0.9").replace(OLD.removeprefix("sha256:"), NEW.removeprefix("sha256:"))


@pytest.mark.fault(23)
@pytest.mark.parametrize("field", [TAG, WHOLE, f"tag: v1.0.4@{OLD} # stage-ci: tag of {IMAGE}"])
@pytest.mark.parametrize("digest", [f"digest: {OLD}", f"sha: '{OLD[7:]}'", f"x: '@{OLD}'", f"x: sha512:{'1' * 128}"])
@pytest.mark.parametrize("first", [True, False])
def test_a_digest_beside_a_moved_tag_is_not_left_stale(field: str, digest: str, *, first: bool) -> None:
    """A digest without a marker beside a tag that moves is rejected with its line and the marker to add."""
    lines = [digest, field] if first else [field, digest]
    text = f"image:\n  {lines[0]}\n  {lines[1]}\n"
    line = 2 if first else 3
    with pytest.raises(
        InvalidManifest,
        match=rf"svm\.yaml:{line}: the digest beside image\.\w+ would become stale, .*digest of owner/service`",
    ):
        edit(text, digest=NEW)


@pytest.mark.fault(23)
def test_a_digest_is_stale_beside_a_tag_of_any_version() -> None:
    """A digest without a marker is rejected beside the new tag too, and accepted beside a held one."""
    text = f"image:\n  tag: v1.0.9 # stage-ci: tag of {IMAGE}\n  digest: {OLD}\n"
    with pytest.raises(InvalidManifest, match=r"svm\.yaml:3: the digest beside image\.tag would become stale"):
        edit(text, digest=NEW)
    held = text.replace("  tag: v1.0.9", "  # stage-ci: hold\n  tag: v1.0.4")
    assert edit(held, digest=NEW).content.decode() == held


@pytest.mark.fault(23)
@pytest.mark.parametrize("field", ["tag", "imageTag", "newTag", "IMAGE_TAG"])
def test_a_tag_beside_a_moved_digest_is_not_left_stale(field: str) -> None:
    """A tag without a marker beside a digest that moves would name another version than the one deployed."""
    text = f"image:\n  {field}: v1.0.4\n  digest: {OLD} # stage-ci: digest of {IMAGE}\n"
    with pytest.raises(InvalidManifest, match=r"svm\.yaml:2: the tag beside image\.digest would become stale"):
        edit(text, digest=NEW)


@pytest.mark.fault(23)
def test_a_pinned_reference_beside_a_moved_tag_is_not_left_stale() -> None:
    """A whole reference without a marker would select the old image by its digest; beside a whole one it is another."""
    text = f"spec:\n  {TAG}\n  image: {IMAGE}@{OLD}\n"
    with pytest.raises(InvalidManifest, match=r"svm\.yaml:3: the image beside spec\.tag would .*`# stage-ci: image`"):
        edit(text, digest=NEW)
    assert edit(f"{text} # stage-ci: image".replace("\n #", " #"), digest=NEW).changed
    assert len(edit(text.replace(TAG, WHOLE.replace("image:", "web:")), digest=NEW).left) == 1


@pytest.mark.fault(23)
@pytest.mark.parametrize(
    "digest",
    [
        f"digest: {OLD} # stage-ci: digest of {IMAGE}",
        f"sha: {OLD[7:]} # stage-ci: digest of docker.io/{IMAGE}",
        f"at: '@{OLD}' # stage-ci: digest of {IMAGE}",
        f"at: '@{NEW}'",
        f"digest: '{NEW}'",
        f"nested: {{digest: {OLD}}}",
        f"text: see {OLD}",
    ],
)
@pytest.mark.parametrize("field", [TAG, WHOLE])
def test_a_digest_that_moves_or_is_none_of_the_tag_s_is_accepted(digest: str, field: str) -> None:
    """A declared digest moves with the tag; the new digest, and a digest elsewhere, need no marker."""
    text = f"image:\n  {field}\n  {digest}\n"
    expected = updated(text) if "stage-ci: digest" in digest else text.replace("v1.0.4", "v1.0.9")
    assert edit(text, digest=NEW).content.decode() == expected


@pytest.mark.fault(23)
def test_a_digest_of_another_image_may_be_beside_a_tag() -> None:
    """A digest that a marker declares another image's stays."""
    text = f"image:\n  {TAG}\n  sidecar: {OLD} # stage-ci: digest of envoyproxy/envoy\n"
    assert edit(text, digest=NEW).content.decode() == text.replace("v1.0.4", "v1.0.9")


@pytest.mark.fault(29)
@pytest.mark.parametrize("held", [0, 1, 2])
def test_a_hold_spreads_to_all_parts_of_the_image(held: int) -> None:
    """A hold on a whole reference, a tag or a digest holds what else belongs to the image in the same mapping."""
    lines = [WHOLE, TAG.replace("tag:", "label:"), f"digest: {OLD} # stage-ci: digest of {IMAGE}"]
    lines[held] = f"# stage-ci: hold\n  {lines[held]}"
    text = f"image:\n  {lines[0]}\n  {lines[1]}\n  {lines[2]}\n"
    edited = edit(f"{text}other:\n  {TAG}\n", digest=NEW)
    assert edited.content.decode() == f"{text}other:\n  {TAG}\n".replace(
        f"other:\n  {TAG}", f"other:\n  {updated(TAG)}"
    )
    assert len(edited.held) == 3


@pytest.mark.fault(29)
def test_a_hold_spreads_through_merge_keys() -> None:
    """Tag and digest that a merge key joins to one mapping stay together."""
    text = (
        f"base: &base\n  {TAG}\nprod:\n  <<: *base\n  # stage-ci: hold\n  digest: {OLD} # stage-ci: digest of {IMAGE}\n"
        f"other:\n  {WHOLE}\n"
    )
    edited = edit(text, digest=NEW)
    assert edited.content.decode() == text.replace(WHOLE, updated(WHOLE))


@pytest.mark.fault(29)
def test_whole_references_beside_each_other_are_held_one_by_one() -> None:
    """Two marked references in one mapping are two uses of the image."""
    text = f"a:\n  # stage-ci: hold\n  b: {IMAGE}:v1.0.3 # stage-ci: image\n  c: {IMAGE}:v1.0.4 # stage-ci: image\n"
    assert edit(text).content.decode() == updated(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: web={} # stage-ci: image",
        "a: --image={},--other=x/y:v1 # stage-ci: image",
        "a: 'docker://{}' # stage-ci: image",
        'a: "[{}]" # stage-ci: image',
        "a: image:{},docker-daemon:{} # stage-ci: image",
        "a: ${{IMAGE:-{}}} # stage-ci: image",
        "a: run ${{B_1-{}}} # stage-ci: image",
        "a: ({}; {}) # stage-ci: image",
        "a: --a={} \\\n  --b={} # stage-ci: image",
        'a: "--a={}\n\n  --b={}" # stage-ci: image',
        'a: "{{\\"image\\": \\"{}\\"}}" # stage-ci: image',
        "a: |- # stage-ci: image\n  x\n    {}\n\n  {} y",
        "# stage-ci: image\na: >\n  a b\n  c {}\n",
        "a: [--x, 'run {} now', z] # stage-ci: image",
        "a: &a x={} # stage-ci: image\nb: *a",
    ],
)
@pytest.mark.parametrize("form", [f"{IMAGE}:v1.0.4", f"docker.io/{IMAGE}:v1.0.4@{OLD}"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_marked_text_has_all_its_references_updated(text: str, form: str, newline: str) -> None:
    """Every reference to the image within a marked text moves, and nothing else; a second edit changes nothing."""
    before = (text.replace("{}", form).replace("{{", "{").replace("}}", "}") + "\nend: x\n").replace("\n", newline)
    edited = edit(before, digest=NEW)
    assert edited.content.decode() == updated(before)
    lines = [number for number, line in enumerate(before.split(newline), 1) for _ in range(line.count(form))]
    assert [change.line for change in edited.changes] == lines
    assert not edit(edited.content.decode(), digest=NEW).changed


@pytest.mark.parametrize("text", ['"--a=\\\n  {}"', '"a \\"x\\" {}"', '"a={}\\n"', '"{}\\\\"'])
def test_escape_sequences_beside_a_reference_stay(text: str) -> None:
    """An escape sequence that does not touch the words of a marked text is no obstacle."""
    before = f"a: {text.format(f'{IMAGE}:v1.0.4')} # stage-ci: image\n"
    assert edit(before).content.decode() == updated(before)


@pytest.mark.fault(26)
@pytest.mark.parametrize("text", ['"x\\n{}"', '"\\u0061={}"', '"a\\tb={}"', '"a \\x41 {}"'])
def test_a_text_whose_words_are_escaped_is_rejected(text: str) -> None:
    """A reference cannot be located by its words if an escape sequence looks like a part of one."""
    with pytest.raises(InvalidManifest, match=r"owner/service:v1\.0\.4 is written with escape sequences"):
        edit(f"a: {text.format(f'{IMAGE}:v1.0.4')} # stage-ci: image\n")


@pytest.mark.fault(23)
@pytest.mark.parametrize("text", ["run {image} {digest}", "{image},{digest}", "image={image};digest='{digest}'"])
def test_a_text_with_a_digest_of_its_own_is_rejected(text: str) -> None:
    """A digest that is not joined to a reference of its text would go on selecting the old image."""
    value = text.format(image=f"{IMAGE}:v1.0.4", digest=OLD)
    with pytest.raises(InvalidMarker, match=r"svm\.yaml:1: the text on line 1 also holds a digest, which would become"):
        edit(f'a: "{value}" # stage-ci: image\n', digest=NEW)


@pytest.mark.fault(27)
def test_a_text_of_many_references_is_rejected() -> None:
    """A marked text may hold fifty references; a longer list is no field of an object."""
    text = "a: '{}' # stage-ci: image\n"
    assert len(edit(text.format(f"{IMAGE}:v1 " * MAX_IN_TEXT)).changes) == MAX_IN_TEXT
    with pytest.raises(InvalidMarker, match=r"svm\.yaml:1: the text on line 1 holds more than 50 image references"):
        edit(text.format(f"{IMAGE}:v1 " * (MAX_IN_TEXT + 1)))
