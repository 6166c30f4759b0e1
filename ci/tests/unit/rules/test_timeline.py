"""Spans of a stage, the critical path through them, and their pictures."""

import itertools
import json
import xml.etree.ElementTree as ET
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.rules.timeline import Span, critical_path, svg, table

BUILD: Final = Span("build", 0.02, 7.1)
TEST: Final = Span("test", 0.05, 13.4)
SMOKE: Final = Span("smoke", 7.15, 5.0)
# Starts 0.01 s before the end of the test that it waited for, because times are rounded.
PUSH: Final = Span("push", 13.44, 2.4)
DEPLOY: Final = Span("deploy", 15.9, 0.6)
STAGE: Final = [DEPLOY, BUILD, PUSH, TEST, SMOKE]

spans = st.lists(
    st.builds(Span, st.text(max_size=40), st.floats(0, 1e4), st.one_of(st.just(0.0), st.floats(0, 1e4))), max_size=12
)


def texts(picture: str) -> list[str]:
    """Return the texts of an SVG, without its style."""
    return [element.text or "" for element in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 - our own


def test_the_critical_path_leads_back_from_the_step_that_ended_last() -> None:
    """Before each step comes the one that ended last among those that had ended when it started."""
    assert critical_path(STAGE) == [TEST, PUSH, DEPLOY]


def test_without_the_tests_the_path_goes_through_the_image() -> None:
    """A step that starts when another ends follows it on the path."""
    assert critical_path([BUILD, SMOKE]) == [BUILD, SMOKE]


def test_steps_side_by_side_make_a_path_of_one() -> None:
    """A step that overlaps the last one is not on the path."""
    assert critical_path([Span("lint", 0, 4), Span("test", 0, 9)]) == [Span("test", 0, 9)]


def test_steps_without_duration_end_the_search() -> None:
    """Two steps that start and end at one moment do not precede each other."""
    assert len(critical_path([Span("a", 1, 0), Span("b", 1, 0)])) == 1


def test_no_step_makes_no_path() -> None:
    """A stage that ended before its first step has an empty path and still has a table and a picture."""
    assert critical_path([]) == []
    assert table([])[-1] == "* critical path: no step ran"
    assert "critical path: no step ran" in texts(svg([], "nothing"))


@given(spans)
def test_steps_of_a_path_follow_one_another(stage: list[Span]) -> None:
    """A path ends with the step that ended last, and each step starts when the one before has ended, save rounding."""
    path = critical_path(stage)
    assert {span.end for span in path[-1:]} == {max((span.end for span in stage), default=0.0) for _ in stage}
    assert all(after.start >= before.end - 0.05 for before, after in itertools.pairwise(path))


@given(spans, st.randoms())
def test_the_order_of_the_spans_does_not_matter(stage: list[Span], random: object) -> None:
    """Path, table and picture are the same for every order in which the steps were recorded."""
    shuffled = stage.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert critical_path(shuffled) == critical_path(stage)
    assert table(shuffled) == table(stage)
    assert svg(shuffled, "a stage") == svg(stage, "a stage")


@given(spans)
def test_a_picture_of_any_steps_is_well_formed(stage: list[Span]) -> None:
    """Whatever the names and times, the picture is XML with a bar for each step, all inside its edges."""
    picture = ET.fromstring(svg(stage, "<&\x00>"))  # noqa: S314 - our own
    bars = [element for element in picture.iter("{http://www.w3.org/2000/svg}rect") if len(element)]
    assert len(bars) == len(stage)
    edges = [float(bar.attrib["x"]) + float(bar.attrib["width"]) for bar in bars]
    assert all(0 <= edge <= int(picture.attrib["width"]) for edge in edges)


@pytest.mark.parametrize("last", [0.01, 0.9, 17.0, 98.0, 620.0, 9_999.0])
def test_the_axis_has_a_readable_number_of_ticks(last: float) -> None:
    """The axis starts at zero and has at most eleven numbers, whatever the length of the stage."""
    numbers = [text for text in texts(svg([Span("", 0, last)], "")) if text.endswith(" s")][:-1]
    assert numbers[0] == "0 s"
    assert 2 <= len(numbers) <= 11


def test_the_critical_path_is_marked_by_more_than_a_colour() -> None:
    """Names on the path have an arrow, the legend explains it, and a line of text names the whole path."""
    shown = texts(svg(STAGE, "A stage of 16.5 s"))
    assert [text for text in shown if text.startswith("▸ ")] == [
        "▸ on the critical path, with a border",
        *("▸ test", "▸ push", "▸ deploy"),
    ]
    assert "critical path: test → push → deploy (16.4 s of 16.5 s)" in shown
    assert shown[0] == "A stage of 16.5 s"


def test_a_picture_refers_to_nothing_outside_of_it() -> None:
    """The picture has no script, no font and no address but that of the SVG namespace."""
    picture = svg(STAGE, "a stage").replace("http://www.w3.org/2000/svg", "")
    assert "http" not in picture
    assert "<script" not in picture
    assert "url(" not in picture


def test_a_long_name_is_shortened_beside_its_bar() -> None:
    """A name that is too long for its column ends with an ellipsis; the tooltip of the bar has all of it."""
    name = "the upload of the image to the registry"
    picture = svg([Span(name, 0, 1), Span("next", 1, 1)], "a stage")
    assert "▸ the upload of the ima…" in texts(picture)
    assert f"<title>{name}</title>" in picture


def test_a_long_path_is_wrapped() -> None:
    """A path of many steps takes several lines below the axis, none wider than the picture."""
    steps = [Span(f"step number {number}", number, 1) for number in range(20)]
    shown = texts(svg(steps, "a stage"))
    notes = list(itertools.dropwhile(lambda text: not text.startswith("critical path: step number 0 →"), shown))
    assert len(notes) > 1
    assert " ".join(notes).endswith("→ step number 19 (20.0 s of 20.0 s)")
    assert all(len(note) < 120 for note in notes)


def test_a_table_lists_the_steps_by_their_start() -> None:
    """Each step has a line with its start and its seconds; a star marks the critical path, named in the last line."""
    assert table([PUSH, TEST, BUILD]) == [
        "   start  seconds  step",
        "    0.02     7.10    build",
        "    0.05    13.40  * test",
        "   13.44     2.40  * push",
        "* critical path: test → push (15.8 s of 15.8 s)",
    ]


def test_a_span_is_read_from_the_json_that_it_writes() -> None:
    """Times are written to the hundredth of a second and read back."""
    text = json.dumps(Span("lint", 0.3149, 4.2).json())
    assert text == '{"step": "lint", "start": 0.31, "seconds": 4.2}'
    assert Span.read(json.loads(text)) == Span("lint", 0.31, 4.2)
