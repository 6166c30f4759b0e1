"""Groups of tests that run apart."""

import pytest

from stage_ci.errors import InvalidInput
from stage_ci.rules.test_groups import TestGroup, groups, is_group_file, selected

FILE = "tests/unit/service/exclusive.txt"
PATHS = [
    "src/svm/model.py",
    "src/svm/service/app.py",
    "tests/unit/test_model.py",
    "tests/unit/service/test_app.py",
    FILE,
]


def test_a_source_without_groups_runs_as_a_whole() -> None:
    """Without a group, all tests run with the whole source, and the reports have their plain names."""
    assert groups({}, PATHS) == [TestGroup(("tests/unit/",), "", ())]


def test_the_other_tests_run_without_what_a_group_names() -> None:
    """The main group has neither the folder of the group nor what only the group needs."""
    main, _ = groups({FILE: "# the service\nsrc/svm/service/  # all of it\n\n"}, PATHS)
    assert main == TestGroup(("tests/unit/",), "", ("tests/unit/service", "src/svm/service"))


def test_a_group_runs_with_all_but_the_other_tests() -> None:
    """A group has the whole source except the test modules of others, and its reports are named after its folder."""
    _, group = groups({FILE: "src/svm/service\n"}, PATHS)
    assert group.paths == ("tests/unit/service/",)
    assert group.suffix == "-service"
    assert group.exclude == ("tests/unit/**/test_*.py", "tests/unit/**/*_test.py", "!tests/unit/service/**")


def test_several_groups_are_sorted() -> None:
    """Each group has a container of its own, and a deeper folder has both names in its reports."""
    other = "tests/unit/a/b/exclusive.txt"
    formed = groups({FILE: "src/svm/service\n", other: "src/svm/model.py\n"}, [*PATHS, other])
    assert [group.suffix for group in formed] == ["", "-a-b", "-service"]
    assert formed[0].exclude == ("tests/unit/a/b", "src/svm/model.py", "tests/unit/service", "src/svm/service")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({FILE: "src/svm/servce\n"}, "exclusive.txt names src/svm/servce, which the source does not have"),
        ({FILE: "src/svm/serv\n"}, "names src/svm/serv, which the source does not have"),
        ({FILE: "../other\n"}, "names ../other, which the source does not have"),
        ({FILE: "/src/svm/service\n"}, "names /src/svm/service, which the source does not have"),
        ({FILE: "src/*\n"}, r"names src/\*, which has a wildcard"),
        ({FILE: "!src/svm/service\n"}, "names !src/svm/service, which has a wildcard"),
        ({"tests/unit/exclusive.txt": "src\n"}, "^test: tests/unit/exclusive.txt is at the root of the tests"),
        (
            {FILE: "src\n", "tests/unit/service/a/exclusive.txt": "src\n"},
            "a/exclusive.txt is .*inside of another group",
        ),
    ],
)
def test_a_group_that_cannot_be_formed_is_rejected(files: dict[str, str], reason: str) -> None:
    """The error names the file and the path, so that a stale file does not leave tests without what they need."""
    with pytest.raises(InvalidInput, match=reason):
        groups(files, PATHS)


@pytest.mark.parametrize(
    ("path", "expected"),
    [(FILE, True), ("exclusive.txt", False), ("tests/exclusive.txt", False), (FILE + ".md", False)],
)
def test_the_file_of_a_group_lies_in_the_tests(path: str, *, expected: bool) -> None:
    """Only files below tests/unit/ with the name form a group."""
    assert is_group_file(path) is expected


def test_selected_tests_run_with_the_whole_source() -> None:
    """--only runs what it names, in one container."""
    assert selected(["tests/unit/test_model.py::test_a"]) == TestGroup(("tests/unit/test_model.py::test_a",))


@pytest.mark.parametrize("path", ["-k x", "--co", "src/test_a.py", "tests/unit/../../x.py", ""])
def test_what_is_no_path_of_a_test_is_rejected(path: str) -> None:
    """--only takes no option of pytest, and no path outside of the tests."""
    with pytest.raises(InvalidInput, match=r"^test: invalid --only="):
        selected([path])
