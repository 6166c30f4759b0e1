"""The requirement files of a source, installed in the containers of the tests."""

import zipfile
from pathlib import Path
from typing import Final

import pytest
from cli import dagger

PACKAGE: Final = (
    '[project]\nname = "{name}"\nversion = "1"\nreadme = "README.md"\n'
    '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
)
USING_TEST: Final = '''"""A test of what the requirements install."""

import beside
import vendored


def test_everything_is_there() -> None:
    """Both packages are installed."""
    assert beside.VALUE == vendored.VALUE
'''


def vendor(folder: Path) -> None:
    """Write a wheel with one module."""
    folder.mkdir()
    with zipfile.ZipFile(folder / "vendored-1-py3-none-any.whl", "w") as packed:
        packed.writestr("vendored.py", "VALUE = 1\n")
        packed.writestr("vendored-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: vendored\nVersion: 1\n")
        packed.writestr("vendored-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr("vendored-1.dist-info/RECORD", "")


def test_requirements_are_installed_from_the_source(source: Path) -> None:
    """UTF-16, Latin-1, nested files, packages of the source and a wheel are installed, and pytest is added to them."""
    (source / "requirements.dev").write_bytes("-r deep/base.txt\r\n-e .\r\n".encode("utf-16"))
    (source / "deep").mkdir()
    text = "-r ../requirements\n./beside  # für alle\n--find-links wheels\nvendored\n"
    (source / "deep" / "base.txt").write_bytes(text.encode("latin-1"))
    vendor(source / "wheels")
    (source / "pyproject.toml").write_text(PACKAGE.format(name="service"))
    (source / "beside").mkdir()
    (source / "beside" / "pyproject.toml").write_text(PACKAGE.format(name="beside"))
    (source / "beside" / "beside.py").write_text("VALUE = 1\n")
    (source / "tests" / "unit" / "test_installed.py").write_text(USING_TEST)
    call = dagger("test", f"--source={source}")
    assert call.status == 0, call.stderr
    assert "2 passed" in call.stdout


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (
            "numpy @ file:///croot/numpy/work",
            "source: line 2 of requirements.dev needs file:///croot/numpy/work, which is not inside the source",
        ),
        ("h11==0.14.0", "correct requirements or requirements.dev"),
    ],
    ids=["refused", "unsolvable"],
)
def test_requirements_that_cannot_be_installed_are_named(source: Path, line: str, error: str) -> None:
    """`test` names the line or the file to correct, and does not tell to run again."""
    (source / "requirements.dev").write_text(f"-r requirements\n{line}\n")
    call = dagger("test", f"--source={source}")
    assert call.status != 0
    assert error in call.error


def test_credentials_of_an_index_are_not_shown(source: Path) -> None:
    """Neither the error nor the log of a failed installation has the user and the password of the index."""
    (source / "requirements.dev").write_text(
        "--index-url https://canary-user:canary-password@localhost:1/simple\nh11==0.16.0\n"
    )
    call = dagger("test", f"--source={source}")
    assert call.status != 0
    assert "localhost:1" in call.error
    assert "canary" not in call.stdout + call.stderr
