"""Docker from Debian's packages, which are unpacked and not installed, in namespaces of its own.

Its bridge and firewall rules are in a network namespace, so those of this machine do not change. Its mounts, and a /run
for the sockets of containerd, are in a mount namespace. The daemon and all containers are in a process namespace: the
kernel kills them when the first process in it is killed.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from remote_engine import Network, run, smallest_mtu

PACKAGES: Final = ("containerd", "docker.io")
RUNTIME: Final = Path(__file__).parent / "runtime.py"
# The bit of CAP_SYS_RESOURCE: https://github.com/torvalds/linux/blob/v6.1/include/uapi/linux/capability.h
SYS_RESOURCE: Final = 1 << 24
READY: Final = 60.0  # seconds for the daemon to answer
# tini, because the containers' processes become children of process 1.
START: Final = """
mount -t tmpfs tmpfs /run
exec tini -- dockerd "$@"
"""
# https://docs.docker.com/engine/cli/proxy
PROXIES: Final = {"httpProxy": "HTTP_PROXY", "httpsProxy": "HTTPS_PROXY", "noProxy": "NO_PROXY"}


@dataclass(frozen=True)
class Docker:
    """A running Docker daemon.

    Attributes:
        programs: The folder of its programs, such as `docker`.
        variables: The variables with which `docker` connects to it.
    """

    programs: Path
    variables: dict[str, str]

    def __call__(self, *words: str) -> str:
        """Run `docker WORDS`, which must succeed; return its output."""
        return run(
            "env", *(f"{key}={value}" for key, value in self.variables.items()), f"{self.programs}/docker", *words
        )


@contextlib.contextmanager
def running_docker(folder: Path, network: Network) -> Iterator[Docker]:
    """Start Docker with its files in ``folder``; stop it in the end, and remove what it left elsewhere."""
    socket = f"unix://{folder}/docker.sock"
    client = {"DOCKER_HOST": socket, "DOCKER_CONFIG": str(write_client_settings(folder, network))}
    docker = Docker(unpack(folder / "packages"), client)
    groups = f"/{network.name}"
    options = [
        *(f"--host={socket}", f"--pidfile={folder}/docker.pid", f"--data-root={folder}/data"),
        *(f"--exec-root={folder}/exec", "--storage-driver=overlay2", f"--mtu={smallest_mtu()}"),
        # Not by systemd, which these namespaces hide.
        *("--exec-opt=native.cgroupdriver=cgroupfs", f"--cgroup-parent={groups}"),
        # The default, -500, needs CAP_SYS_RESOURCE.
        "--oom-score-adjust=0",
    ]
    if not has_sys_resource():
        options += [f"--add-runtime=without-sys-resource={RUNTIME}", "--default-runtime=without-sys-resource"]
    namespaces = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-ec", START, "dockerd"]
    # If the tests are killed, the kernel kills the daemon.
    command = ["setpriv", "--pdeathsig=KILL", *network.command(*namespaces, *options)]
    variables = os.environ | {"PATH": f"{docker.programs}:{os.environ['PATH']}"}
    log = folder / "dockerd.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=variables, stdout=output, stderr=output, start_new_session=True)
    try:
        wait_until_ready(process, docker, log)
        yield docker
    finally:
        kill(process)
        remove_groups(groups)


def write_client_settings(folder: Path, network: Network) -> Path:
    """Write the settings with which `docker` gives this machine's proxies to every container; return their folder."""
    proxies = {key: os.environ.get(name, os.environ.get(name.lower(), "")) for key, name in PROXIES.items()}
    if any(proxies.values()):
        proxies["noProxy"] = f"{proxies['noProxy']},{network.address}".strip(",")
    client = folder / "client"
    client.mkdir()
    (client / "config.json").write_text(json.dumps({"proxies": {"default": proxies}}))
    return client


def unpack(folder: Path) -> Path:
    """Download and unpack Docker's packages; return the folder of their programs."""
    folder.mkdir()
    run("apt-get", "update", "-qq")
    run("env", f"--chdir={folder}", "apt-get", "download", "-qq", *PACKAGES)
    for package in folder.glob("*.deb"):
        run("dpkg-deb", "--extract", str(package), str(folder))
    programs = folder / "usr" / "bin"
    shutil.move(folder / "usr" / "sbin" / "dockerd", programs)
    return programs


def has_sys_resource() -> bool:
    """Return whether a process of this machine can have the capability CAP_SYS_RESOURCE."""
    lines = Path("/proc/self/status").read_text().splitlines()
    bounding = next(line.split()[1] for line in lines if line.startswith("CapBnd:"))
    return bool(int(bounding, 16) & SYS_RESOURCE)


def wait_until_ready(process: "subprocess.Popen[bytes]", docker: Docker, log: Path) -> None:
    """Wait until the daemon answers; fail with the end of its output if it ends or takes too long."""
    deadline = time.monotonic() + READY
    while True:
        try:
            docker("version")
        except AssertionError:
            output = log.read_text(errors="replace")[-2000:]
            assert process.poll() is None, output
            assert time.monotonic() < deadline, output
            time.sleep(0.2)
        else:
            return


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill process 1 of the process namespace, the child of ``process``; return when all processes in it have ended."""
    if process.poll() is None:
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
    try:
        process.wait(timeout=60)
    finally:
        process.kill()


def remove_groups(name: str) -> None:
    """Remove the control groups of the containers, below a group ``name`` in each hierarchy, or in the only one."""
    root = Path("/sys/fs/cgroup")
    for group in (root / name.strip("/"), *root.glob(f"*{name}")):
        for folder, _, _ in os.walk(group, topdown=False):
            Path(folder).rmdir()
