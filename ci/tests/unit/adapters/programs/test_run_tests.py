"""The program that runs the unit tests in their container: `.env`, masking and time limit."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from dotenv import dotenv_values
from hypothesis import example, given
from hypothesis import strategies as st

from stage_ci.adapters.programs import run_tests

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY: Final = "canary/7f3a+é \"quoted\" 'twice' <b>&amp;\\ $HOME #"
KEY: Final = "-----BEGIN KEY-----\ncanaryFirstLine0001\ncanarySecondLine002\n-----END KEY-----\n"
LONG: Final = "canary-" + "0123456789" * 400
AWKWARD: Final = {
    "newline": "one\ntwo\n",
    "carriage return": "one\r\ntwo\rthree",
    "single quotes": "'it''s'",
    "double quotes": '"a" "b"',
    "dollar": "a$b$$c$(date)`date`",
    "braces": "${HOME} ${HOME:-x} ${} $${A}",
    "hash": "a # b #c",
    "backslash": "a\\b\\n\\'c\\\\",
    "leading dash": "-n --help",
    "spaces": "  a  ",
    "non-ASCII": "grüße 日本語 🔑 \u2028",
    "equals": "A=B=C",
    "64 KiB": "0123456789abcde\n" * 4096,
}

# A variable cannot contain NUL, and UTF-8 has no surrogates.
values = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=60)
tricky = st.text(st.sampled_from("a'\"\\$#{}:-\n\r =é"), max_size=20)


def read_back(values: dict[str, str]) -> dict[str, str | None]:
    """Return the values that python-dotenv reads from the `.env`, with translated line ends as in a file."""
    with io.TextIOWrapper(io.BytesIO(run_tests.dotenv(values).encode()), encoding="utf-8") as stream:
        return dict(dotenv_values(stream=stream))


@pytest.mark.fault(35)
@pytest.mark.parametrize("value", AWKWARD.values(), ids=AWKWARD.keys())
def test_a_value_arrives_as_it_was_given(value: str) -> None:
    """python-dotenv reads the value and the one after it from the `.env`, byte for byte."""
    given = {"DATABRICKS_TOKEN": value, "MODEL_URI": "models:/svm/1"}
    assert read_back(given) == given


@pytest.mark.fault(35)
@given(st.dictionaries(st.sampled_from(["A", "B", "C", "D"]), values | tricky))
@example({"A": "ends with a backslash\\", "B": "'", "C": '"'})
def test_any_values_arrive_as_they_were_given(given: dict[str, str]) -> None:
    """python-dotenv reads any number of values from the `.env`, byte for byte."""
    assert read_back(given) == given


@pytest.mark.fault(36)
@pytest.mark.parametrize(
    "value", [CANARY, "models:/svm canary/1", "canary\n<&>\n\t'end'\r\n", 'cana"ry\\n', "canaryé" * 9]
)
@pytest.mark.parametrize(
    "encode",
    [
        pytest.param(str, id="plain"),
        pytest.param(lambda value: repr(value)[1:-1], id="repr"),
        pytest.param(lambda value: ascii(value)[1:-1], id="repr in ASCII"),
        pytest.param(lambda value: repr(value.encode())[2:-1], id="repr of bytes"),
        pytest.param(lambda value: json.dumps(value)[1:-1], id="JSON"),
        pytest.param(lambda value: json.dumps(value, ensure_ascii=False)[1:-1], id="JSON in UTF-8"),
        pytest.param(lambda value: base64.b64encode(value.encode()).decode(), id="base64"),
        pytest.param(lambda value: base64.urlsafe_b64encode(value.encode()).decode(), id="base64 for URLs"),
        pytest.param(lambda value: base64.b64encode(value.encode()).decode().rstrip("="), id="base64 without padding"),
        pytest.param(lambda value: value.encode().hex(), id="hexadecimal"),
        pytest.param(urllib.parse.quote, id="URL's path"),
        pytest.param(lambda value: urllib.parse.quote(value, safe=""), id="URL's part"),
        pytest.param(urllib.parse.quote_plus, id="form"),
    ],
)
def test_a_value_is_masked_in_every_encoding(value: str, encode: Callable[[str], str]) -> None:
    """The whole value is masked, and the text around it stays."""
    shown = f"<before>{encode(value)}<after>".encode()
    assert run_tests.mask(shown, {"DATABRICKS_TOKEN": value}) == b"<before>***<after>"


@pytest.mark.fault(36)
@pytest.mark.parametrize("user", ["", "u", "us", "token"])
def test_a_token_is_masked_in_basic_authentication(user: str) -> None:
    """A token that base64 encodes after a user's name of any length is masked, but for a few characters."""
    shown = base64.b64encode(f"{user}:canary-7f3a-0123456789".encode())
    left = run_tests.mask(b"Authorization: Basic " + shown, {"DATABRICKS_TOKEN": "canary-7f3a-0123456789"})
    assert (
        len(left.replace(b"***", b"")) <= len("Authorization: Basic ") + len(base64.b64encode(f"{user}:".encode())) + 4
    )


@pytest.mark.fault(36)
@pytest.mark.parametrize("values", [["canary", "canary-7f3a"], ["canary-7f3a", "canary"]])
def test_a_value_that_contains_another_is_masked_completely(values: list[str]) -> None:
    """If one value contains the other, the longer one is masked first, so that nothing of it remains."""
    assert run_tests.mask(b"token=canary-7f3a;", dict(zip("AB", values, strict=True))) == b"token=***;"


@pytest.mark.fault(36)
def test_pieces_of_an_experiment_s_name_are_not_masked() -> None:
    """An experiment's name is masked as a whole only, so a path with a piece of it stays readable."""
    values = {"EXPERIMENT_NAME": "/Shared/callcenterai"}
    assert (
        run_tests.mask(b"callcenterai_svm/app.py in /Shared/callcenterai", values) == b"callcenterai_svm/app.py in ***"
    )


@pytest.mark.fault(36)
def test_each_line_of_a_credential_is_masked() -> None:
    """A credential of several lines is masked even if pytest prefixes each line."""
    shown = "".join(f"E     + {line}\n" for line in KEY.splitlines())
    assert b"canary" not in run_tests.mask(shown.encode(), {"DATABRICKS_TOKEN": KEY})


def test_an_empty_value_masks_nothing() -> None:
    """The output stays the same if a value is empty."""
    assert run_tests.mask(b"output", {"A": "", "B": "x"}) == b"output"


def test_the_status_and_the_output_of_a_command_are_returned() -> None:
    """`run` returns the exit status and both streams in order."""
    program = "import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(3)"
    assert run_tests.run([sys.executable, "-c", program], 30) == (3, b"out\nerr\n")


def alive(pid: str) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # ended before it was opened, or before it was read
        return False


@pytest.mark.fault(31)
def test_a_command_that_hangs_is_killed_with_its_children() -> None:
    """At the time limit the command and its child are killed, and the output until then is returned."""
    start = time.monotonic()
    status, output = run_tests.run(["sh", "-c", "sleep 60 & echo $!; wait"], 0.3)
    assert status == run_tests.TIMED_OUT
    while alive(output.decode().strip()):
        assert time.monotonic() - start < 5


@pytest.mark.fault(31)
def test_a_child_in_another_session_does_not_delay_the_end() -> None:
    """The time limit holds even if a child in a session of its own keeps the output open."""
    start = time.monotonic()
    status, _ = run_tests.run(["sh", "-c", "setsid sleep 4 & sleep 60"], 0.3)
    assert (status, time.monotonic() - start < 3) == (run_tests.TIMED_OUT, True)


@pytest.mark.fault(31)
def test_a_child_that_outlives_the_command_does_not_delay_the_end() -> None:
    """`run` returns the status as soon as the command has ended, even if a child still runs."""
    start = time.monotonic()
    status, _ = run_tests.run(["sh", "-c", "sleep 4 & exit 1"], 3)
    assert (status, time.monotonic() - start < 2) == (1, True)


class Container:
    """A folder with the layout of the test container, in which the whole program runs."""

    def __init__(self, root: Path) -> None:
        self._root = root
        for folder in ("secrets", "dotenv", "reports", "src", "tests/unit"):
            (root / folder).mkdir(parents=True)
        (root / ".env").symlink_to("dotenv/.env")
        (root / "src/service.py").write_text("import dotenv\n\nVALUES = dotenv.dotenv_values('.env')\n")

    def run(self, test: str, *options: str, **secrets: str) -> subprocess.CompletedProcess[str]:
        """Run the program over one test file, with these options of pytest and these secrets."""
        for name, value in secrets.items():
            (self._root / "secrets" / name).write_text(value, newline="")
        (self._root / "tests/unit/test_service.py").write_text("import os, service\n" + test)
        program = (
            f"import pathlib, sys\nsys.path.append({str(Path(run_tests.__file__).parent)!r})\nimport run_tests\n"
            "run_tests.SECRETS, run_tests.DOTENV = pathlib.Path('secrets'), pathlib.Path('dotenv/.env')\n"
            "sys.exit(run_tests.main())\n"
        )
        # Loading the plugins of this environment takes longer than the tests.
        plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        environment = plugins | {"PATH": os.environ["PATH"], "PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", program, "60", "reports", "test.txt", "tests/unit/"]
        command += options or ["--junitxml=reports/junit.xml"]
        return subprocess.run(command, cwd=self._root, env=environment, capture_output=True, text=True, check=False)

    def reports(self) -> dict[str, str]:
        """Return the texts of the reports by name."""
        return {path.name: path.read_text() for path in (self._root / "reports").iterdir()}


@pytest.fixture
def container(tmp_path: Path) -> Container:
    """Return a container in which nothing has run yet."""
    return Container(tmp_path)


@pytest.mark.fault(35)
def test_a_run_that_passes_exits_with_0_and_writes_reports(container: Container) -> None:
    """The tests read the secret from the `.env`, and the program prints the time and writes its reports."""
    done = container.run(f"def test_env(): assert service.VALUES == {{'MODEL_URI': {CANARY!r}}}\n", MODEL_URI=CANARY)
    assert done.returncode == 0, done.stdout
    assert re.match(r"unit tests started at 20\S+\+00:00\n", done.stdout)
    reports = container.reports()
    assert sorted(reports) == ["junit.xml", "test.txt"]
    assert 'tests="1"' in reports["junit.xml"]
    assert done.stdout.endswith(reports["test.txt"])


@pytest.mark.fault(36)
def test_a_run_that_fails_exits_with_1_and_discloses_no_secret(container: Container) -> None:
    """Secrets that a test prints or compares are masked in the output and in the reports."""
    test = (
        "import pytest\n@pytest.mark.parametrize('name', sorted(service.VALUES))\n"
        "def test_env(name):\n    print(service.VALUES[name], repr(service.VALUES[name]))\n"
        "    assert service.VALUES[name] == 'expected'\n"
    )
    done = container.run(test, DATABRICKS_HOST=LONG, DATABRICKS_TOKEN=KEY)
    assert done.returncode == 1, done.stdout
    junit = ET.fromstring(container.reports()["junit.xml"])  # noqa: S314 - written by our own pytest
    assert len(list(junit.iter("failure"))) == 2
    left = "".join([done.stdout, done.stderr, *container.reports().values()])
    assert [line for line in left.splitlines() if "canary" in line or "0123456789" in line] == []


@pytest.mark.fault(36)
def test_the_coverage_of_a_run_that_fails_is_written_without_secrets(container: Container) -> None:
    """The file that the options ask for exists although a test fails, and no file has the secret."""
    options = ("-p", "pytest_cov.plugin", "--cov=src", "--cov-report=xml:reports/coverage.xml")
    done = container.run("def test_env(): assert not service.VALUES\n", *options, MODEL_URI=CANARY)
    assert done.returncode == 1, done.stdout
    reports = container.reports()
    assert sorted(reports) == ["coverage.xml", "test.txt"]
    assert 'filename="service.py"' in reports["coverage.xml"]
    assert CANARY not in "".join(reports.values())


def test_a_plain_word_as_a_value_does_not_break_the_reports(container: Container) -> None:
    """If an experiment is called `test`, the names and numbers in the report stay as they are."""
    done = container.run("def test_one(): pass\n", EXPERIMENT_NAME="test", MODEL_URI="1", DATABRICKS_HOST="e")
    assert done.returncode == 0, done.stdout
    suite = ET.fromstring(container.reports()["junit.xml"]).find("testsuite")  # noqa: S314 - written by our own pytest
    assert suite is not None
    assert suite.get("tests") == "1"


@pytest.mark.fault(31)
def test_an_interpreter_that_exits_with_0_exits_with_1(container: Container) -> None:
    """If a test ends the interpreter before pytest writes its report, the program exits with 1."""
    assert container.run("def test_exit(): os._exit(0)\n").returncode == 1
    assert sorted(container.reports()) == ["test.txt"]


@pytest.mark.fault(31)
def test_a_crash_exits_with_128_plus_the_signal(container: Container) -> None:
    """If a signal kills pytest, the program exits with 128 plus the signal's number, as a shell does."""
    assert container.run("def test_crash(): os.kill(os.getpid(), 9)\n").returncode == 137
