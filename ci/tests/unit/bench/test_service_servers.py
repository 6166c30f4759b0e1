"""Starting, waiting for and stopping servers."""

import sys
from pathlib import Path

import httpx
import pytest
from bench.service.errors import ServerFailed
from bench.service.servers import Setting, command_for, image_command, running

ROOT = Path(__file__).parents[4]
# A server that accepts the options that each server gets: --host=… --port=….
ANSWERS = """
import sys
from http.server import HTTPServer, SimpleHTTPRequestHandler
port = int(sys.argv[2].removeprefix("--port="))
HTTPServer(("127.0.0.1", port), SimpleHTTPRequestHandler).serve_forever()
"""


def setting(folder: Path, program: str) -> Setting:
    """Return the setting of a small Python program."""
    return Setting([sys.executable, "-c", program], {"PATH": "/usr/bin:/bin"}, folder, core=0)


def test_the_measured_command_is_that_of_the_image() -> None:
    """The command comes from the Dockerfile, so that new options there are measured as well."""
    command = image_command((ROOT / "Dockerfile").read_text())
    assert command[0] == "uvicorn"


def test_the_original_is_started_with_the_same_options() -> None:
    """The original's command differs from that of the image only in the application."""
    command = ["uvicorn", "--factory", "callcenterai_svm.service.app:create_app", "--no-access-log"]
    assert command_for("other:create", command) == ["uvicorn", "--factory", "other:create", "--no-access-log"]


@pytest.mark.parametrize("dockerfile", ["FROM x\n", 'CMD ["sleep", "1"]\n', "CMD uvicorn app\n"])
def test_a_dockerfile_that_starts_another_program_is_rejected(dockerfile: str) -> None:
    """A Dockerfile whose CMD is missing, not in exec form or of another program is an error."""
    with pytest.raises(ServerFailed, match="no CMD in exec form"):
        image_command(dockerfile)


def test_a_server_is_awaited_and_stopped(tmp_path: Path) -> None:
    """The time until the first 200 is measured, and the process is stopped at the end."""
    with httpx.Client(trust_env=False) as client, running(setting(tmp_path, ANSWERS)) as server:
        assert 0 < server.seconds_until_answered(client, "/") < 60
    assert server.process.returncode is not None


def test_a_server_that_exits_is_not_awaited(tmp_path: Path) -> None:
    """The error for a server that exits has the last line of its log."""
    with (
        httpx.Client(trust_env=False) as client,
        running(setting(tmp_path, "raise SystemExit('no model here')")) as server,
        pytest.raises(ServerFailed, match="no model here"),
    ):
        server.seconds_until_answered(client, "/ready")
