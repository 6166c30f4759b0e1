"""Which tags count as versions of a line, and which number comes next."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stage_ci.errors import InvalidVersion
from stage_ci.rules.version import Version, VersionLine, next_version

LINE = VersionLine.parse("v1.0")
FOREIGN = [
    "",
    "latest",
    "v1.0",
    "v1.0.",
    "v1.0.x",
    "v1.0.007",
    "v1.0.00",
    "v1.0.3-rc1",
    "v1.0.3+build",
    "v1.0.3.4",
    "v1.0.-3",
    "v1.0.+3",
    "v1.0. 3",
    " v1.0.3",
    "v1.0.3\n",
    "v1.0.1_000",
    "v1.0.\u0663",
    "1.0.3",
    "V1.0.3",
    "v1x0.3",
    "v2.0.0",
    "v1.1.3",
    "v11.0.3",
    "sha-1f3c",
    "v1.0." + "9" * 10,
    "v1.0." + "9" * 5_000,
]

numbers = st.integers(0, 999_999_999)
texts = st.one_of(st.text(max_size=12), st.sampled_from(FOREIGN[:-1]), numbers.map("v1.0.{}".format))


@pytest.mark.parametrize(
    "text", ["", "v1", "1.0", "v1.0.0", "v01.0", "v1.00", "v1.0 ", "v1.0\n", "v\u0661.0", "v1." + "9" * 10]
)
def test_a_line_is_two_numbers(text: str) -> None:
    """Anything else is refused by name."""
    with pytest.raises(InvalidVersion, match="is no version line"):
        VersionLine.parse(text)


@given(numbers, numbers, numbers)
def test_lines_and_versions_read_back_what_they_write(major: int, minor: int, number: int) -> None:
    """A version has one spelling."""
    line = VersionLine(major, minor)
    assert VersionLine.parse(str(line)) == line
    assert line.parse_version(str(line.version(number))) == line.version(number)


@given(st.tuples(numbers, numbers, numbers), st.tuples(numbers, numbers, numbers))
def test_versions_order_by_number(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    """v1.0.10 follows v1.0.9, whatever their letters say."""
    first, second = (VersionLine(major, minor).version(number) for major, minor, number in (one, other))
    assert (first < second) == (one < other)
    assert (first == second) == (one == other)


@pytest.mark.fault(4)
@pytest.mark.parametrize("text", FOREIGN)
def test_what_is_no_version_is_refused_by_name(text: str) -> None:
    """The error names the text and the line, and stays readable however long the text is."""
    with pytest.raises(InvalidVersion, match=r"is no version of the line v1\.0") as refused:
        LINE.parse_version(text)
    assert repr(text[:128]) in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.fault(4)
def test_foreign_tags_are_read_over() -> None:
    """Only v1.0.N counts."""
    assert [str(version) for version in LINE.select([*FOREIGN, "v1.0.3", "v1.0.0"])] == ["v1.0.0", "v1.0.3"]


@given(st.lists(texts))
def test_a_selection_is_what_parses_in_order(tags: list[str]) -> None:
    """Selecting and parsing agree on what a version is."""

    def parses(tag: str) -> bool:
        try:
            return str(LINE.parse_version(tag)) == tag
        except InvalidVersion:
            return False

    selected = LINE.select(tags)
    assert {str(version) for version in selected} == set(filter(parses, tags))
    assert selected == sorted(set(selected))


@pytest.mark.fault(3)
def test_the_next_version_follows_the_highest_number() -> None:
    """Ten is higher than nine."""
    assert str(next_version(LINE, ["v1.0.9", "v1.0.10"], [])) == "v1.0.11"


@pytest.mark.fault(5)
@pytest.mark.parametrize("tags", [[], ["latest"], ["v1.0.0"], ["v2.0.5"]])
def test_the_first_version_is_number_one(tags: list[str]) -> None:
    """Nothing released yet, or nothing of this line; a placeholder v1.0.0 changes nothing."""
    assert str(next_version(LINE, tags, [])) == "v1.0.1"


def test_a_claim_counts_as_a_tag_does() -> None:
    """Its run may not have pushed yet."""
    assert str(next_version(LINE, ["v1.0.3"], [LINE.version(7)])) == "v1.0.8"
    assert str(next_version(LINE, ["v1.0.9"], [LINE.version(7)])) == "v1.0.10"


def test_a_claim_of_another_line_does_not_count() -> None:
    """Lines have numbers of their own."""
    assert str(next_version(LINE, [], [VersionLine(2, 0).version(7)])) == "v1.0.1"


@given(st.lists(texts), st.lists(numbers.map(LINE.version)))
def test_the_next_version_is_new(tags: list[str], claims: list[Version]) -> None:
    """Greater than everything released or claimed, so in neither."""
    taken = [*LINE.select(tags), *claims]
    assume(LINE.version(999_999_999) not in taken)
    assert all(version < next_version(LINE, tags, claims) for version in taken)


@pytest.mark.parametrize("number", [-1, 1_000_000_000])
def test_a_line_has_a_last_version(number: int) -> None:
    """Beyond it no tag would be read back."""
    with pytest.raises(InvalidVersion, match=r"v1\.0 has no version"):
        LINE.version(number)


def test_a_line_that_is_used_up_says_so() -> None:
    """Rather than going back to a number that was used."""
    with pytest.raises(InvalidVersion, match="start another version line"):
        next_version(LINE, ["v1.0.999999999"], [])
