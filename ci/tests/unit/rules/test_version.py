"""Version lines, versions and the next number of a line."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stage_ci.errors import InvalidVersion
from stage_ci.rules.version import Version, VersionLine, counted, next_version, strays

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
def test_a_line_that_is_not_two_numbers_is_rejected(text: str) -> None:
    """Parsing a line fails, and quotes the text, unless the text is a `v` and two plain numbers."""
    with pytest.raises(InvalidVersion) as rejected:
        VersionLine.parse(text)
    assert rejected.value.cause == f"invalid version line {text!r}: expected vMAJOR.MINOR"


@given(numbers, numbers, numbers)
def test_a_version_names_its_line(major: int, minor: int, number: int) -> None:
    """The line of a version's text is the line that the version was made from."""
    line = VersionLine(major, minor)
    assert VersionLine.of(str(line.version(number))) == line.version(number).line == line


@pytest.mark.parametrize("text", [text for text in FOREIGN if text not in {"v2.0.0", "v1.1.3", "v11.0.3"}])
def test_a_text_that_is_not_a_version_has_no_line(text: str) -> None:
    """Tags such as `latest`, `v1.0.007` or `v1.0.3-rc1` belong to no line."""
    assert VersionLine.of(text) is None


@given(numbers, numbers, numbers)
def test_lines_and_versions_survive_a_round_trip_through_text(major: int, minor: int, number: int) -> None:
    """Parsing the text of a line or a version gives an equal line or version."""
    line = VersionLine(major, minor)
    assert VersionLine.parse(str(line)) == line
    assert line.parse_version(str(line.version(number))) == line.version(number)


@given(st.tuples(numbers, numbers, numbers), st.tuples(numbers, numbers, numbers))
def test_versions_order_by_number(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    """Versions compare as their three numbers do, so v1.0.10 follows v1.0.9."""
    first, second = (VersionLine(major, minor).version(number) for major, minor, number in (one, other))
    assert (first < second) == (one < other)
    assert (first == second) == (one == other)


@pytest.mark.fault(4)
@pytest.mark.parametrize("text", FOREIGN)
def test_a_foreign_tag_is_rejected_as_a_version(text: str) -> None:
    """The error quotes at most 128 characters of the text and shows the form that the line expects."""
    with pytest.raises(InvalidVersion) as rejected:
        LINE.parse_version(text)
    assert rejected.value.cause == f"invalid version {text[:128]!r}: expected v1.0.N"


@pytest.mark.fault(4)
def test_foreign_tags_are_ignored() -> None:
    """Only the tags of the form v1.0.N are selected for the line v1.0."""
    assert [str(version) for version in LINE.select([*FOREIGN, "v1.0.3", "v1.0.0"])] == ["v1.0.0", "v1.0.3"]


@given(st.lists(texts))
def test_a_selection_holds_the_tags_that_parse_in_order(tags: list[str]) -> None:
    """`select` returns exactly the tags that `parse_version` accepts, each once, in order."""

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
    """The version after v1.0.9 and v1.0.10 is v1.0.11, because versions are compared by number."""
    assert str(next_version(LINE, ["v1.0.9", "v1.0.10"], [])) == "v1.0.11"


@pytest.mark.fault(5)
@pytest.mark.parametrize("tags", [[], ["latest"], ["v1.0.0"], ["v2.0.5"]])
def test_the_first_version_is_number_one(tags: list[str]) -> None:
    """A registry without a version of the line, or with the placeholder v1.0.0 only, leads to v1.0.1."""
    assert str(next_version(LINE, tags, [])) == "v1.0.1"


def test_a_claim_counts_like_a_tag() -> None:
    """The next version follows the higher of the highest tag and the highest claim."""
    assert str(next_version(LINE, ["v1.0.3"], [LINE.version(7)])) == "v1.0.8"
    assert str(next_version(LINE, ["v1.0.9"], [LINE.version(7)])) == "v1.0.10"


def test_a_claim_of_another_line_does_not_count() -> None:
    """A claim on v2.0.7 does not change the next version of the line v1.0."""
    assert str(next_version(LINE, [], [VersionLine(2, 0).version(7)])) == "v1.0.1"


@given(st.lists(texts), st.lists(numbers.map(LINE.version)))
def test_the_next_version_is_new(tags: list[str], claims: list[Version]) -> None:
    """The next version is greater than every claimed version and every tag that counts, and no tag has it."""
    taken = [*counted(LINE, tags, claims), *claims]
    assume(LINE.version(999_999_999) not in taken)
    following = next_version(LINE, tags, claims)
    assert all(version < following for version in taken)
    assert following not in LINE.select(tags)


@pytest.mark.fault(52)
@pytest.mark.parametrize(
    ("tags", "claimed", "following", "far"),
    [
        (["v1.0.999999999"], [], 1, ["v1.0.999999999"]),
        (["v1.0.3", "v1.0.1004", "v1.0.999999999"], [], 4, ["v1.0.1004", "v1.0.999999999"]),
        (["v1.0.3", "v1.0.1003"], [], 1004, []),
        (["v1.0.1002", "v1.0.2002"], [2], 2003, []),
        (["v1.0.3", "v1.0.5000"], [4999], 5001, []),
        ([f"v1.0.{number}" for number in range(1, 5000, 900)], [], 4502, []),
    ],
)
def test_a_tag_far_above_the_others_does_not_count(
    tags: list[str], claimed: list[int], following: int, far: list[str]
) -> None:
    """A tag that leaves out more than a thousand numbers is a stray, so that nobody can use up the line with one."""
    claims = [LINE.version(number) for number in claimed]
    assert next_version(LINE, tags, claims) == LINE.version(following)
    assert [str(version) for version in strays(LINE, tags, claims)] == far


@pytest.mark.parametrize("number", [-1, 1_000_000_000])
def test_a_line_has_a_last_version(number: int) -> None:
    """A number below 0 or above 999,999,999 is out of range."""
    with pytest.raises(InvalidVersion, match=rf"^input: version number {number} of line v1\.0 is out of range"):
        LINE.version(number)


def test_a_used_up_line_has_no_next_version() -> None:
    """After v1.0.999999999 the error advises to start another line instead of reusing a number."""
    with pytest.raises(InvalidVersion, match="start another version line"):
        next_version(LINE, [], [LINE.version(999_999_999)])
