"""The patterns of paths in a list of waivers."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.rules.path_pattern import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("app/x.jar", "app/x.jar", True),
        ("app/x.jar", "app/xxjar", False),
        ("app/*", "app/x.jar", True),
        ("app/*", "app/lib/x.jar", False),
        ("app/?.jar", "app/x.jar", True),
        ("app?x.jar", "app/x.jar", False),
        ("app/**", "app/lib/x.jar", True),
        ("app/**", "app", True),
        ("app/**", "apps/x.jar", False),
        ("**/x.jar", "x.jar", True),
        ("**/x.jar", "app/lib/x.jar", True),
        ("**/x.jar", "app/ax.jar", False),
        ("app/**/x.jar", "app/x.jar", True),
        ("app/**/x.jar", "app/a/b/x.jar", True),
        ("app**/x.jar", "app/a/x.jar", False),
        ("**", "", True),
        ("app/*.{jar,war}", "app/x.war", True),
        ("app/*.{jar,war}", "app/x.zip", False),
        ("app/{a?,b*}/x", "app/bcd/x", True),
        ("app/[a-c].jar", "app/b.jar", True),
        ("app/[!a-c].jar", "app/b.jar", False),
        ("app[^a]x.jar", "app/x.jar", False),
        (r"app/\*.jar", "app/*.jar", True),
        (r"app/\*.jar", "app/x.jar", False),
        (r"app/[\]].jar", "app/].jar", True),
        ("a,b", "a,b", True),
    ],
)
def test_a_pattern_matches_whole_paths(pattern: str, path: str, matches: bool) -> None:  # noqa: FBT001 - what is expected
    """A star ends at a slash, two stars as a name are folders of any depth, and braces hold alternatives."""
    assert bool(compile_pattern(pattern).fullmatch(path)) is matches


@pytest.mark.parametrize("pattern", ["app/[a", "app/{a,b", "[", "[b-a]", "{a,{b}"])
def test_a_pattern_without_an_end_is_invalid(pattern: str) -> None:
    """A bracket or a brace must have an end."""
    with pytest.raises(ValueError, match=r"[\[{]"):
        compile_pattern(pattern)


@given(st.text(st.sampled_from("ab/*?[]{},!^-\\.")), st.text(st.sampled_from("ab/.]")))
def test_any_pattern_is_compiled_or_invalid(pattern: str, path: str) -> None:
    """No pattern causes another exception than ValueError."""
    with contextlib.suppress(ValueError):
        compile_pattern(pattern).fullmatch(path)
