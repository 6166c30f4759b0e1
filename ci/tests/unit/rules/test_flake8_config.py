"""The configuration of flake8, which extends that of the source."""

import pytest

from stage_ci.rules.flake8_config import flake8_config


def configured(**texts: str) -> dict[str, str]:
    """Return the settings that are appended to the configurations with these texts."""
    named = {name.replace("flake8", ".flake8").replace("_", "."): text for name, text in texts.items()}
    head, *lines = flake8_config(named).splitlines()
    assert head == "[flake8]"
    return dict(line.split(" = ", 1) for line in lines)


def test_a_source_without_settings_gets_those_of_the_pipeline() -> None:
    """Lines of 110 characters, and E203 beside the codes that flake8 ignores by default."""
    expected = {"max-line-length": "110", "extend-ignore": "E203"}
    assert configured() == expected
    assert configured(setup_cfg="[isort]\nprofile = black\n", tox_ini="", pyproject_toml="[tool.black]\n") == expected


@pytest.mark.parametrize(
    "text",
    [
        "[flake8]\nextend-ignore = E701,E741\n",
        "[flake8]\nextend_ignore = E701 E741\n",
        "[flake8]\nextend-ignore: E701, E741,\n",
        "[flake8]\nextend-ignore =\n    E701\n    # comment\n    E741\n",
        "[metadata]\nname = x\n\n[flake8]\nEXTEND-IGNORE=E701,E741\n",
    ],
)
@pytest.mark.parametrize("name", ["setup_cfg", "tox_ini", "flake8"])
def test_a_list_of_the_source_is_extended(name: str, text: str) -> None:
    """The codes of the source stay, however the list is written, and in whichever file."""
    assert configured(**{name: text})["extend-ignore"] == "E701,E741,E203"


def test_a_code_is_in_the_list_once() -> None:
    """A source that ignores E203 itself keeps its own list."""
    assert configured(setup_cfg="[flake8]\nextend-ignore = E203,E701\n")["extend-ignore"] == "E203,E701"


@pytest.mark.parametrize("text", ["max-line-length = 88", "max_line_length=120"])
def test_the_length_of_lines_is_the_pipelines(text: str) -> None:
    """A length in the source's configuration does not count: it is a rule for all services."""
    assert configured(tox_ini=f"[flake8]\n{text}\n")["max-line-length"] == "110"


def test_other_settings_are_left_to_the_file_of_the_source() -> None:
    """flake8 reads ignore and per-file-ignores there; the appended file would replace them."""
    text = "[flake8]\nignore = E501\nper-file-ignores = __init__.py:F401\n"
    assert configured(flake8=text) == {"max-line-length": "110", "extend-ignore": "E203"}


def test_the_file_that_flake8_chooses_counts() -> None:
    """The first file with a section counts, without one that cannot be parsed; one that only sets plugins has none."""
    first, second = "[flake8]\nextend-ignore = E1\n", "[flake8]\nextend-ignore = E2\n"
    assert configured(setup_cfg=first, flake8=second)["extend-ignore"] == "E1,E203"
    assert configured(setup_cfg="[broken\n", flake8=second)["extend-ignore"] == "E2,E203"
    plugins = "[flake8:local-plugins]\nextension =\n"
    assert configured(setup_cfg=plugins, flake8=second)["extend-ignore"] == "E203"


def test_settings_in_pyproject_are_written_out() -> None:
    """As with Flake8-pyproject, the table counts instead of other files, with lists, numbers and booleans."""
    text = (
        '[tool.flake8]\nignore = ["E501", "W503"]\nextend-ignore = ["E701"]\nmax_line_length = 100\ndoctests = true\n'
        'per-file-ignores = [\n  "__init__.py:F401",\n  "tests/*:D100,D101",\n]\nexclude = """\n  a,\n  b"""\n'
    )
    assert configured(pyproject_toml=text, setup_cfg="[flake8]\nextend-ignore = E2\n") == {
        "ignore": "E501,W503",
        "extend-ignore": "E701,E203",
        "max-line-length": "110",
        "doctests": "True",
        "per-file-ignores": "__init__.py:F401,tests/*:D100,D101",
        "exclude": "a, b",
    }


@pytest.mark.parametrize("text", ["[tool", "tool = 1\n", "[tool]\nflake8 = 1\n"])
def test_an_invalid_pyproject_has_no_settings(text: str) -> None:
    """Settings of another file count then."""
    assert configured(pyproject_toml=text, flake8="[flake8]\nextend-ignore = E2\n")["extend-ignore"] == "E2,E203"
