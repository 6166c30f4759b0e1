"""The program that copies an image, with a program in place of skopeo that records how it is called."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from stage_ci.adapters.programs import program

if TYPE_CHECKING:
    from pathlib import Path

RECORD: Final = '#!/bin/sh\nprintf "%s\\n" "$@" >"$RECORD"\n'
PLACES: Final = {"/run/secrets/": "secrets/", "/run/auth/": "auth/"}


def copy(folder: Path, *arguments: str, **secrets: str) -> list[str]:
    """Run the program with its folders below ``folder`` and with these secrets; return the arguments of skopeo."""
    script = program("copy_image.sh")
    for place, name in PLACES.items():
        (folder / name).mkdir()
        script = script.replace(place, f"{folder}/{name}")
    for name, value in secrets.items():
        (folder / "secrets" / name).write_text(value, newline="")
    (folder / "skopeo").write_text(RECORD)
    (folder / "skopeo").chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "RECORD": str(folder / "record")}
    subprocess.run(["sh", "-c", script, "sh", *arguments], check=True, env=environment)
    return (folder / "record").read_text().splitlines()


@pytest.mark.fault(35)
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r", "\n\n", "\r\n\r\n"])
def test_a_credential_from_a_file_has_no_line_break_at_its_end(tmp_path: Path, end: str) -> None:
    """User and password reach skopeo without line breaks at their ends, and otherwise byte for byte."""
    given = "canary \n'\"$(id)\\ %s é"
    copy(
        tmp_path,
        "push",
        "registry:5000",
        "owner/service@sha256:0",
        "true",
        "9",
        username=f"robot$x{end}",
        password=f"{given}{end}",
    )
    auth = json.loads((tmp_path / "auth/auth.json").read_text())["auths"]["registry:5000"]["auth"]
    assert base64.b64decode(auth).decode() == f"robot$x:{given}"


def test_the_password_is_no_argument(tmp_path: Path) -> None:
    """The login is read from a file; a pull without one has an empty file."""
    arguments = copy(tmp_path, "pull", "registry.example", "owner/service@sha256:0", "false", "9")
    assert json.loads((tmp_path / "auth/auth.json").read_text()) == {}
    assert arguments[-2:] == ["docker://registry.example/owner/service@sha256:0", "docker-archive:/tmp/image.tar"]
    assert "--src-tls-verify=true" in arguments
