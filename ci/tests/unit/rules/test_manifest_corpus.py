"""A corpus of manifests as people write them, in many forms: every edit is exact, or rejected with a reason.

In each file of `testdata/corpus`, the references that must move have the version v1.0.4 and the digest of `OLD`; what
must stay has others. Markers stand on the lines that need one, so that each file is also a case without its markers.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from tests.unit.rules.marking import IMAGE, NEW, OLD

from stage_ci.errors import ImageNotInManifest, InvalidManifest, ManifestError
from stage_ci.rules.manifest import Edit, Target, update
from stage_ci.rules.reference import Digest, Repository

CORPUS: Final = sorted((Path(__file__).parent / "testdata" / "corpus").glob("*.yaml"))
TARGET: Final = Target(Repository.parse(IMAGE), "v1.0.9", Digest.parse(NEW))
MARKER: Final = re.compile(r" # stage-ci: .*")
# A value that holds a reference or a part of one, unquoted and alone on its line.
VALUE: Final = re.compile(r"(?m)((?:image|value|newTag|tag|digest): )([\w./:@-]+)$")
TOP: Final = re.compile(r"(?m)^(?=[a-z]+:)")


@dataclass(frozen=True)
class Case:
    """A manifest before and after its edit.

    Args:
        before: The manifest.
        after: The expected manifest; equal if nothing can move.
        left: The lines that must be listed, counted from 1.
    """

    before: str
    after: str
    left: tuple[int, ...] = ()


def moved(text: str) -> str:
    """Return a text with the new version and the new digest."""
    return text.replace("v1.0.4", "v1.0.9").replace(OLD, NEW).replace(f"{IMAGE}@", f"{IMAGE}:v1.0.9@")


def with_markers(text: str) -> Case:
    """Return a file as it stands: all its references move."""
    return Case(text, moved(text))


def without_markers(text: str) -> Case:
    """Return a file without its markers: what needed one stays, and is listed."""
    lines = text.split("\n")
    after = (MARKER.sub("", line) if MARKER.search(line) else moved(line) for line in lines)
    left = tuple(number for number, line in enumerate(lines, 1) if MARKER.search(line))
    return Case(MARKER.sub("", text), "\n".join(after), left)


def quoted(quote: str) -> Callable[[str], str]:
    """Return a form with quotes around each value of an image field."""
    return lambda text: VALUE.sub(rf"\1{quote}\2{quote}", text)


def commented(text: str) -> str:
    """Return a form with a comment that names the image above each field of an object, and at the end."""
    return TOP.sub(f"# was {IMAGE}:v1.0.3\n", text) + f"  # {IMAGE}:v1.0.3"


FORMS: Final[dict[str, Callable[[str], str]]] = {
    "plain": lambda text: text,
    "single": quoted("'"),
    "double": quoted('"'),
    "commented": commented,
    "windows": lambda text: "\ufeff" + text.replace("\n", "\r\n"),
    "two files": lambda text: f"\ufeff{text}---\n\ufeff{text}",
    "suffixed": lambda text: f"%YAML 1.2\n---\n{text}...\n# end\n---\n{text}",
}


def attempt(text: str, filename: str) -> Edit | ManifestError:
    """Return the edit of a manifest, or its error."""
    try:
        return update(text.encode(), TARGET, filename=filename)
    except ManifestError as error:
        return error


def cases() -> Iterator[tuple[str, str, Case]]:
    """Yield each file with its name, with and without markers."""
    for path in CORPUS:
        text = path.read_text()
        yield path.name, "marked", with_markers(text)
        if MARKER.search(text):
            yield path.name, "unmarked", without_markers(text)


@pytest.mark.fault(21, 23, 24, 25, 26, 27, 29)
@pytest.mark.parametrize("form", FORMS)
def test_every_edit_is_exact_or_rejected(form: str) -> None:
    """In each form, every file is edited byte by byte as expected; without markers, some have nothing that can move."""
    change = FORMS[form]
    results: Counter[str] = Counter()
    for name, kind, case in cases():
        result = attempt(change(case.before), name)
        if isinstance(result, Edit):
            assert result.content.decode() == change(case.after), (name, kind)
            again = attempt(result.content.decode(), name)
            assert isinstance(again, Edit)
            assert not again.changed, (name, kind)
            results[f"{kind}: exact"] += 1
        else:
            assert case.before == case.after, (name, kind, str(result))
            results[f"{kind}: {type(result).__name__}"] += 1
    assert results == {"marked: exact": 21, "unmarked: exact": 4, "unmarked: ImageNotInManifest": 7}


@pytest.mark.fault(22, 24)
def test_what_stays_without_its_marker_is_listed_with_its_line() -> None:
    """Without the markers, exactly their lines are listed, in the result or in the error."""
    for name, kind, case in cases():
        result = attempt(case.before, name)
        if isinstance(result, ImageNotInManifest):
            lines = [int(line) for line in re.findall(r"line (\d+): ", result.remedy)]
            assert lines == list(case.left[:5]), name
        else:
            assert isinstance(result, Edit), name
            assert [value.line for value in result.left] == list(case.left), (name, kind)


@pytest.mark.fault(29)
def test_a_hold_at_the_top_keeps_every_file() -> None:
    """With a hold above its content, no file changes, and every reference is reported as held."""
    for name, _, case in cases():
        result = attempt(f"# stage-ci: hold by=alice\n{case.before}", name)
        if isinstance(result, Edit):
            assert (result.changed, len(result.held)) == (False, len(result.changes)), name


@pytest.mark.fault(21, 23, 24, 26)
@pytest.mark.parametrize("marked", [True, False])
def test_all_files_as_one_are_edited_alike(*, marked: bool) -> None:
    """The documents of all files in one manifest change as they do alone."""
    files = [case for name, kind, case in cases() if name != "kustomization.yaml" and (kind == "marked") is marked]
    before, after = ("---\n".join(texts) for texts in zip(*((case.before, case.after) for case in files), strict=True))
    result = attempt(before, "all.yaml")
    assert isinstance(result, Edit)
    assert result.content.decode() == after


@pytest.mark.fault(23)
def test_without_the_new_digest_a_pinned_file_is_rejected() -> None:
    """If the digest of the version is unknown, every file that pins one is rejected, and no other."""
    target = Target(TARGET.repository, TARGET.tag)
    for name, _, case in cases():
        if OLD in case.before and case.after != case.before and NEW in case.after:
            with pytest.raises(InvalidManifest, match="holds a digest"):
                update(case.before.encode(), target, filename=name)
        elif case.after != case.before:
            assert update(case.before.encode(), target, filename=name).content.decode() == case.after
