"""What the rules write for uv, installed by a real uv as the containers do."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.servers.loopback import Handler, Reply, Server
from tests.unit.adapters.packages import Environment, wheel

from stage_ci.rules.requirement_file import RequirementFile, uv_options
from stage_ci.rules.requirement_indexes import join_indexes
from stage_ci.rules.requirement_text import decode, hide_credentials

BACKEND: Final = """
import pathlib, zipfile
def build_wheel(folder, settings=None, metadata=None):
    with zipfile.ZipFile(pathlib.Path(folder, "lib-1-py3-none-any.whl"), "w") as packed:
        packed.writestr("lib-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: lib\\nVersion: 1\\n")
        packed.writestr("lib-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        packed.writestr("lib-1.dist-info/RECORD", "")
    return "lib-1-py3-none-any.whl"
build_editable = build_wheel
"""
PROJECT: Final = """
[project]
name = "lib"
version = "1"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


class Index(Server):
    """A package index with folders of wheels; it wants a user and a password below /private/."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def handle(self, handler: Handler) -> Reply:
        """Return a page of links or a wheel."""
        request = handler.read()
        private = request.target.startswith("/private/")
        if private and request.authorization != "Basic " + base64.b64encode(b"ann:p@ss").decode():
            return Reply(401, headers={"WWW-Authenticate": "Basic"})
        path = self._root / request.target.partition("?")[0].strip("/").removeprefix("private/")
        if path.is_dir():
            links = "".join(f'<a href="{file.name}">{file.name}</a>' for file in path.iterdir())
            return Reply(body=links.encode(), headers={"Content-Type": "text/html"})
        return Reply(body=path.read_bytes()) if path.is_file() else Reply(404)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """Yield the address of an index in which two folders have versions of a package."""
    wheel(tmp_path / "index/main/a", "a", "2")
    wheel(tmp_path / "index/extra/a", "a", "1")
    wheel(tmp_path / "index/extra/b", "b", "1")
    with Index(tmp_path / "index") as server:
        yield f"127.0.0.1:{server.port}"


def installed(root: Path, files: dict[str, str | bytes]) -> list[str]:
    """Return what is installed from the file ``requirements`` of a source with these files."""
    source, environment = root / "source", Environment(root)
    for name, content in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    paths = [str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()]
    read, pending = dict[str, RequirementFile](), ["requirements"]
    while pending:
        name = pending.pop()
        read[name] = RequirementFile.parse(name, decode(name, (source / name).read_bytes()), paths)
        pending += set(read[name].includes) - read.keys()
    written = join_indexes({name: file.text for name, file in read.items()}, ["requirements"])
    texts, variables = hide_credentials(written)
    for name, text in texts.items():
        (source / name).write_text(text)
    environment.variables |= variables
    done = environment.install(*uv_options(read.values()), "--requirement", "requirements", folder=source)
    assert not done.returncode, done.stderr
    return environment.installed


def test_local_packages_are_installed_from_the_source(tmp_path: Path) -> None:
    """Editable, from a wheel and from a folder of wheels, also through a file that includes the first one again."""
    wheel(tmp_path / "wheels", "a", "1")
    wheel(tmp_path / "made", "c", "1")
    files: dict[str, str | bytes] = {
        "requirements": "-e.\n-rdeep/base.txt\n",
        "deep/base.txt": "-r ../requirements\n./made/c-1-py3-none-any.whl\n--no-index -f vendor\nb==\\\n1 # x\na\n",
        "made/c-1-py3-none-any.whl": (tmp_path / "made/c-1-py3-none-any.whl").read_bytes(),
        "pyproject.toml": PROJECT,
        "backend.py": BACKEND,
    }
    wheel(tmp_path / "made", "b", "1")
    files["vendor/b-1-py3-none-any.whl"] = (tmp_path / "made/b-1-py3-none-any.whl").read_bytes()
    assert installed(tmp_path, files) == ["a==1", "b==1", "c==1", "lib==1"]


def test_files_in_any_encoding_are_installed(tmp_path: Path) -> None:
    """PowerShell writes UTF-16; editors write a mark or Latin-1."""
    encodings = ("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "latin-1")
    files: dict[str, str | bytes] = {"requirements": "".join(f"-r {encoding}.txt\n" for encoding in encodings)}
    for number, encoding in enumerate(encodings):
        wheel(tmp_path / "wheels", f"a{number}", "1")
        files[f"{encoding}.txt"] = f"a{number}==1 # für alle\r\n".encode(encoding)
    assert installed(tmp_path, files) == [f"a{number}==1" for number in range(len(encodings))]


def test_a_version_is_taken_from_any_index(tmp_path: Path, index: str) -> None:
    """Like pip, and unlike uv by default, both indexes are asked for each package, also with two options in a line."""
    text = f"-i http://{index}/main/ --extra-index-url http://{index}/extra/\na==2\nb\n"
    assert installed(tmp_path, {"requirements": text}) == ["a==2", "b==1"]


def test_the_last_index_counts_and_those_of_constraints_too(tmp_path: Path, index: str) -> None:
    """Alone, uv rejects the second --index-url, and does not ask the index that only the constraints name."""
    text = f"-i http://{index}/none/\n-i http://{index}/main/\n-c limits.txt\na\nb\n--no-binary x,y\n"
    limits = f"--extra-index-url http://{index}/extra/\na<3\n"
    assert installed(tmp_path, {"requirements": text, "limits.txt": limits}) == ["a==2", "b==1"]


def test_a_file_may_ask_for_versions_before_a_release(tmp_path: Path) -> None:
    """--pre counts as for pip."""
    for version in ("1", "2a1"):
        wheel(tmp_path / "wheels", "a", version)
    assert installed(tmp_path, {"requirements": "--pre --trusted-host localhost\na\n"}) == ["a==2a1"]


def test_credentials_reach_an_index_and_a_server_by_variables(tmp_path: Path, index: str) -> None:
    """Both accept the user and the password, which are in no file."""
    private = f"http://ann:p%40ss@{index}/private"
    text = f"--index-url {private}/main/\na\nb @ {private}/extra/b/b-1-py3-none-any.whl?key=canary\n"
    assert installed(tmp_path, {"requirements": text}) == ["a==2", "b==1"]
    left = (tmp_path / "source/requirements").read_text()
    assert "p%40ss" not in left
    assert "canary" not in left
