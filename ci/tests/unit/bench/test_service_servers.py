"""How servers are started and ended, and when one counts as ready."""

import sys
from pathlib import Path

import httpx
import pytest
from bench.service.errors import ServerFailed
from bench.service.servers import Setting, command_for, image_command, running

ROOT = Path(__file__).parents[4]
# Takes the options that every server gets: --host=… --port=….
ANSWERS = """
import sys
from http.server import HTTPServer, SimpleHTTPRequestHandler
port = int(sys.argv[2].removeprefix("--port="))
HTTPServer(("127.0.0.1", port), SimpleHTTPRequestHandler).serve_forever()
"""


def setting(folder: Path, program: str) -> Setting:
    """Return how to start a small Python program."""
    return Setting([sys.executable, "-c", program], {"PATH": "/usr/bin:/bin"}, folder, core=0)


def test_the_image_s_own_command_is_what_is_measured() -> None:
    """Options that the Dockerfile gains are measured with it."""
    command = image_command((ROOT / "Dockerfile").read_text())
    assert command[0] == "uvicorn"


def test_the_original_is_started_with_the_same_options() -> None:
    """Only the application is another."""
    command = ["uvicorn", "--factory", "callcenterai_svm.service.app:create_app", "--no-access-log"]
    assert command_for("other:create", command) == ["uvicorn", "--factory", "other:create", "--no-access-log"]


@pytest.mark.parametrize("dockerfile", ["FROM x\n", 'CMD ["sleep", "1"]\n', "CMD uvicorn app\n"])
def test_a_dockerfile_that_starts_something_else_is_refused(dockerfile: str) -> None:
    """Its figures would not be the service's."""
    with pytest.raises(ServerFailed, match="no CMD in exec form"):
        image_command(dockerfile)


def test_a_server_is_waited_for_and_ended(tmp_path: Path) -> None:
    """The first 200 counts, and nothing is left running."""
    with httpx.Client(trust_env=False) as client, running(setting(tmp_path, ANSWERS)) as server:
        assert 0 < server.seconds_until_answered(client, "/") < 60
    assert server.process.returncode is not None


def test_a_server_that_ends_is_not_waited_for(tmp_path: Path) -> None:
    """The error says what it said last."""
    with (
        httpx.Client(trust_env=False) as client,
        running(setting(tmp_path, "raise SystemExit('no model here')")) as server,
        pytest.raises(ServerFailed, match="no model here"),
    ):
        server.seconds_until_answered(client, "/ready")
