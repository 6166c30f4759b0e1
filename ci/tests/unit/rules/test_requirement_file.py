"""The packages that a requirement file names."""

import pytest

from stage_ci.rules.requirement_file import missing_requirements, read_requirements

TOOLS = ("pytest==9.2.0", "pytest-cov==7.1.0")


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


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", ["pytest==9.2.0", "pytest-cov==7.1.0"]),
        ("numpy==2.4.0\n", ["pytest==9.2.0", "pytest-cov==7.1.0"]),
        ("pytest==8.4.2\n", ["pytest-cov==7.1.0"]),
        ("PyTest_Cov\npytest>=8\n", []),
        ("# pytest\npytest-xdist==3.8.0\n", ["pytest==9.2.0", "pytest-cov==7.1.0"]),
    ],
)
def test_a_package_that_a_file_names_is_not_missing(text: str, missing: list[str]) -> None:
    """A file keeps its own version of a package, however it spells the name; the rest is missing."""
    assert missing_requirements(TOOLS, text) == missing
