"""What a requirement file names, and what it takes to install it."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci import pins
from stage_ci.errors import InvalidInput
from stage_ci.rules.requirement_file import PYTHON, RequirementFile, read_requirements, uv_options

PATHS = (
    "app.whl",
    "common/base.txt",
    "common/shared.txt",
    "lib/pyproject.toml",
    "lib/src/lib.py",
    "lib@2/pyproject.toml",
    "requirements",
    "requirements.dev",
    "requirements/base.txt",
    "requirements/vendor/a.whl",
    "setup.py",
    "wheels/a-1-py3-none-any.whl",
    "with blank/base.txt",
)


def read(text: str, path: str = "requirements") -> RequirementFile:
    """Return what the file with this text needs."""
    return RequirementFile.parse(path, text, PATHS)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", []),
        ("numpy", ["numpy"]),
        ("numpy==2.4.0\r\nscipy>=1,<2\r\n", ["numpy==2.4.0", "scipy<2,>=1"]),
        ("numpy==2.4.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\nscipy\n", ["numpy==2.4.0", "scipy"]),
        ("numpy==2.4.0 \\\r\n    --hash=sha256:00\r\n", ["numpy==2.4.0"]),
        ("# numpy\n  # scipy\npandas  # joblib\n\n", ["pandas"]),
        (
            'colorama==0.4.6 ; sys_platform == "win32" \\\n    --hash=sha256:00\n',
            ['colorama==0.4.6; sys_platform == "win32"'],
        ),
        ("deep_translator[ai]==1.8.5", ["deep_translator[ai]==1.8.5"]),
        ("tool @ https://example.com/tool.whl#sha256=00", ["tool @ https://example.com/tool.whl#sha256=00"]),
        ("-r base\n--index-url https://example.com\n-e .\n./wheel.whl\nhttps://example.com/tool.whl\n", []),
    ],
)
def test_requirements_are_read_from_a_file(text: str, read: list[str]) -> None:
    """Comments, options, hashes, inclusions, paths and bare URLs are not requirements."""
    assert [str(requirement) for requirement in read_requirements(text)] == read


def test_a_plain_file_needs_nothing_else() -> None:
    """Packages from the index, URLs of servers, hashes and markers need neither files nor git."""
    text = (
        "--index-url https://host/simple\n--extra-index-url https://other/simple\n--find-links https://host/wheels\n"
        "--pre\nsix==1.17.0 --hash=sha256:00\nattrs[dev]>=1; python_version > '3'\nx @ https://host/x.whl\n"
        "https://host/y.whl\n--requirement https://host/base.txt\n--constraint https://host/constraints.txt\n"
    )
    assert read(text) == RequirementFile(text, (), (), uses_git=False)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("# comment\n\nsix # seven\n", "six\n"),
        ("six==\\\n1.17 \\\n  --hash=sha256:00\n", "six==1.17   --hash=sha256:00\n"),
        ("-e.\n-rcommon/base.txt\n", "--editable .\n--requirement common/base.txt\n"),
        ("-r 'with blank/base.txt'\n", "--requirement 'with blank/base.txt'\n"),
        (
            "-i https://a/ --extra-index-url https://b/ --pre\n",
            "--index-url https://a/\n--extra-index-url https://b/\n--pre\n",
        ),
        ("--trusted-host a --trusted-host=b --pre\n", "--trusted-host a\n--trusted-host=b\n--pre\n"),
        ("-e ./lib ; python_version < '3'\n", "--editable ./lib\n"),
        ("-e lib --config-settings k=v -r missing\n", "--editable lib --config-settings k=v\n"),
        ("-r common/base.txt -c missing --pre -i https://a/\n", "--requirement common/base.txt\n"),
        ("-c common/base.txt -c missing\n", "--constraint common/base.txt\n"),
        ("-e git+https://host/x.git#egg=x\n", "git+https://host/x.git#egg=x\n"),
        ("--editable=git+https://host/x@v1\n", "git+https://host/x@v1\n"),
        ("-f ./wheels/\n", "--find-links wheels\n"),
        ("--no-binary a,b --only-binary=c\n", "--no-binary a\n--no-binary b\n--only-binary=c\n"),
    ],
)
def test_a_file_is_written_as_uv_reads_it(text: str, written: str) -> None:
    """The text has one option in a line, behind a blank, no editable clone, and no words that pip ignores."""
    assert read(text).text == written


def test_a_folder_of_wheels_is_written_relative_to_the_file() -> None:
    """Unlike pip, uv looks for --find-links beside the file only."""
    assert read("-f wheels\n", "requirements/base.txt").text == "--find-links ../wheels\n"


@pytest.mark.parametrize(
    ("file", "line", "included"),
    [
        ("requirements", "-r requirements.dev", "requirements.dev"),
        ("requirements", "-rcommon/base.txt", "common/base.txt"),
        ("requirements", "--requirement=./common/base.txt # shared", "common/base.txt"),
        ("requirements", "--requirement   common/base.txt", "common/base.txt"),
        ("requirements", "-c common/base.txt", "common/base.txt"),
        ("requirements", "--constraint=common/base.txt", "common/base.txt"),
        ("requirements", "-r 'with blank/base.txt'", "with blank/base.txt"),
        ("requirements", "-r with\\ blank/base.txt", "with blank/base.txt"),
        ("requirements", "-r \\\n  common/base.txt", "common/base.txt"),
        ("common/base.txt", "-r shared.txt", "common/shared.txt"),
        ("common/base.txt", "-r ../requirements.dev", "requirements.dev"),
        ("requirements/base.txt", "-c ../common/shared.txt", "common/shared.txt"),
    ],
)
def test_an_included_file_is_found_relative_to_the_including_one(file: str, line: str, included: str) -> None:
    """-r and -c are read in each spelling that pip takes."""
    assert read(f"six\n{line}\n", file).includes == (included,)


@pytest.mark.parametrize(
    ("line", "local"),
    [
        ("-e .", "."),
        ("-e.", "."),
        ("--editable=.[dev,test]", "."),
        ("-e ./lib", "lib"),
        ("-e lib", "lib"),
        ("-e file:lib#egg=lib", "lib"),
        (".", "."),
        (".[test]", "."),
        ("./lib", "lib"),
        ("lib/", "lib"),
        ("./lib@2", "lib@2"),
        ("-e ./lib@2[test]", "lib@2"),
        ("x @ file:lib@2", "lib@2"),
        ("./lib[extra] ; python_version >= '3.9'", "lib"),
        ("file:./lib", "lib"),
        ("file:lib/", "lib"),
        ("file://./lib", "lib"),
        ("file:with%20blank", "with blank"),
        ("lib @ file:./lib", "lib"),
        ("lib[x]@ file:lib ; python_version >= '3.9'", "lib"),
        ("app.whl", "app.whl"),
        ("app.whl[extra]", "app.whl"),
        ("app.whl[extra]; python_version > '3'", "app.whl"),
        ("./wheels/a-1-py3-none-any.whl --hash=sha256:00", "wheels/a-1-py3-none-any.whl"),
        ("a @ file:wheels/a-1-py3-none-any.whl#sha256=00", "wheels/a-1-py3-none-any.whl"),
        ("--find-links wheels", "wheels"),
        ("-f ./wheels", "wheels"),
        ("--find-links=file:wheels", "wheels"),
        ("--no-index --find-links wheels/", "wheels"),
    ],
)
def test_what_lies_in_the_source_is_needed(line: str, local: str) -> None:
    """Folders, wheels and folders of wheels are recognized by path and by file URL."""
    assert read(f"six\n{line}\n").local == (local,)


def test_a_package_is_found_relative_to_the_root() -> None:
    """Like pip, which takes the path of a package from where it runs, not from the file that names it."""
    assert read("./lib\n", "common/base.txt").local == ("lib",)


@pytest.mark.parametrize(("folder", "local"), [("vendor", "requirements/vendor"), ("wheels", "wheels")])
def test_a_folder_of_wheels_is_looked_for_beside_the_file_first(folder: str, local: str) -> None:
    """--find-links is relative to the file if there is such a folder, and to the root if not."""
    assert read(f"--find-links {folder}\n", "requirements/base.txt").local == (local,)


@pytest.mark.parametrize(
    "line",
    [
        "x @ git+https://host/x.git@v1",
        "git+https://host/x.git#egg=x&subdirectory=y",
        "-e git+https://user:token@host/x.git#egg=x",
        "git+http://host/x",
        "x@git+git://host/x ; python_version > '3'",
    ],
)
def test_a_clone_needs_git(line: str) -> None:
    """A requirement that git clones is recognized in each spelling."""
    assert read(line).uses_git
    assert not read(line).local


@pytest.mark.parametrize(
    "line",
    [
        "x @ git+ssh://git@host/x ; sys_platform == 'win32'",
        "x @ file:///C:/x.whl ; sys_platform == 'win32'",
        "./missing ; python_version < '3'",
    ],
)
def test_a_requirement_for_another_platform_needs_nothing(line: str) -> None:
    """A marker that is false in the container leaves its requirement out."""
    assert read(line) == RequirementFile(f"{line}\n", (), (), uses_git=False)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("-r base.txt", "includes base.txt, which is not in the source; check the path"),
        ("-c nowhere/c.txt", "includes nowhere/c.txt, which is not in the source"),
        ("-r ../base.txt", "needs ../base.txt, which is not inside the source; install it from an index"),
        ("-r /srv/base.txt", "needs /srv/base.txt, which is not inside the source"),
        ("-e ../lib", "needs ../lib, which is not inside the source"),
        ("./nowhere", "needs ./nowhere, which is not in the source"),
        ("b-1-py3-none-any.whl", "needs b-1-py3-none-any.whl, which is not in the source"),
        ("numpy @ file:///croot/numpy/work", "needs file:///croot/numpy/work, which is not inside the source"),
        ("x @ file://localhost/srv/x", "needs file://localhost/srv/x, which is not inside the source"),
        ("/home/ann/x.whl", "needs /home/ann/x.whl, which is not inside the source"),
        ("--find-links /srv/wheels", "needs /srv/wheels, which is not inside the source"),
        ("--index-url index.example/simple", "needs index.example/simple, which is not in the source"),
        ("x @ git+ssh://git@host/x.git", "clones by ssh, for which the container has no key; write it as git+https"),
        ("git+file:///srv/x", "clones by file, for which"),
        ("git+git@host:ann/x.git", "clones by ***@host, for which the container has no key; write it as git+https"),
        ("-e GIT+SSH://git@host/x#egg=x", "clones by ssh, for which"),
        ("x @ hg+https://host/x", "needs hg, which the container does not have; install it by git+https"),
        ("-e svn+https://host/x#egg=x", "needs svn, which the container does not have"),
        (
            "-i https://${TOKEN}@host/",
            "needs the variable ${TOKEN}, which the container does not have; write the value",
        ),
    ],
)
def test_what_cannot_be_installed_is_refused_by_name(line: str, reason: str) -> None:
    """The error names the line of the file and what it needs, before anything is installed."""
    with pytest.raises(InvalidInput, match=rf"^source: line 3 of requirements {re.escape(reason)}"):
        read(f"# packages\nsix\n{line}\n")


FRAGMENTS = r"""
six == 1 ; # \ -r -c -e -f -i --pre --hash=sha256:00 --editable= . ./lib ../x /x lib/ file: file://[ file:///x @ [a] '
git+https://h/x hg+http://h/x " ${X} x@y https://u:p@h/?q --in --e --requirement base.txt requirements python_version
>= '3' < extra
"""
WORDS = st.sampled_from([*FRAGMENTS.split(), "\n"])


@given(st.lists(WORDS | st.text(max_size=3), max_size=12), st.sampled_from(["", " "]))
def test_any_text_has_needs_or_an_error(words: list[str], separator: str) -> None:
    """No text of a file ends in a traceback."""
    with contextlib.suppress(InvalidInput):
        assert set(read(separator.join(words)).includes) <= set(PATHS)


def test_a_password_in_a_refused_address_is_not_shown() -> None:
    """An address without a scheme is taken for a path, and the error quotes it."""
    with pytest.raises(InvalidInput, match=r"needs \*\*\*@host/simple, which is not in the source"):
        read("--index-url ./ann:canary@host/simple")


def test_uv_gets_the_options_that_it_does_not_read_in_a_file() -> None:
    """The indexes are equal; --pre and --trusted-host of any file become options."""
    assert uv_options([read("six")]) == ["--index-strategy=unsafe-best-match"]
    files = [read("--pre\n--trusted-host=a:8443"), read("--trusted-host b --pre\n--trusted-host a:8443")]
    expected = ["--prerelease=allow", "--allow-insecure-host=a:8443", "--allow-insecure-host=b"]
    assert uv_options(files)[1:] == expected


def test_an_option_that_cannot_be_read_is_left_to_the_installer() -> None:
    """A file with a broken line has no needs; uv names the line."""
    for line in ("-r", "-r 'base", "--unknown x", "--hash"):
        assert read(line) == RequirementFile(f"{line}\n", (), (), uses_git=False)


def test_markers_are_evaluated_for_the_python_of_the_containers() -> None:
    """The version is that of the image."""
    assert pins.PYTHON.startswith(f"python:{PYTHON['python_version']}-slim@")
    assert PYTHON["python_full_version"].startswith(PYTHON["python_version"])
