"""A second engine from the programs of ci/engine, in a network namespace of its own, reached over TCP.

For Dagger's network, the namespace is a machine of its own: the second engine has its own bridge, with the same name
and addresses as that of the first. A pair of virtual interfaces joins the namespace to this machine, which forwards its
packets. Root is needed, as for the first engine.
"""

import ipaddress
import json
import os
import secrets
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli import REPOSITORY, Process, start_in

ENGINE: Final = REPOSITORY / "ci" / "engine"
RUNNER_HOST: Final = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
PORT: Final = 1234  # as in the examples of Dagger's Helm chart; nothing else listens in the namespace
LIMIT: Final = 300  # seconds for each command that prepares the engine or removes its gigabytes
# Where the namespaces may get their addresses, in networks of two hosts: https://www.rfc-editor.org/rfc/rfc1918
ADDRESSES: Final = ipaddress.IPv4Network("10.211.0.0/16")
# Runs "$@" with the /sys of its network namespace. Dagger reads the traffic of its containers from /sys/class/net, and
# 0.19.10 crashes if it does not find their interfaces. The cgroups are mounted again because runc needs them.
OWN_SYS: Final = """
mount --rbind /sys/fs/cgroup /mnt
mount -t sysfs sysfs /sys
mount --rbind /mnt /sys/fs/cgroup
umount --lazy /mnt
exec "$@"
"""
# Starts a registry and an engine with links to what the state folder $1 holds; $0 is ci/engine.
START: Final = """
source "$0/settings.sh"
for part in network registry engine; do source "$0/parts/$part.sh"; done
lock_state
ln -s "$1"/libexec/* "$STATE/libexec"
ln -s "$1/content" "$STATE/content"
ln -s "$1"/images/sdk-*.digest "$STATE/images"
ln -s "$1/registry" "$STATE/registry"
start_registry
start_engine
"""


@dataclass(frozen=True)
class Network:
    """A network namespace that is joined to this machine.

    Attributes:
        name: The name of the namespace.
        host: The address of this machine in the network of the two.
        address: The address of the namespace.
    """

    name: str
    host: str
    address: str

    def command(self, *words: str) -> list[str]:
        """Return the command that runs ``words`` in the namespace."""
        mounts = ["unshare", "--mount", "--propagation", "private", "bash", "-ec", OWN_SYS, "bash"]
        return ["nsenter", f"--net=/run/netns/{self.name}", *mounts, *words]


@dataclass(frozen=True)
class RemoteEngine:
    """A running engine.

    Attributes:
        url: Its address for the variable `_EXPERIMENTAL_DAGGER_RUNNER_HOST`.
        state: Its state folder.
    """

    url: str
    state: Path


@dataclass(frozen=True)
class Runner:
    """A CI runner that starts with nothing: a new clone of this repository, and a home folder without any cache.

    Attributes:
        clone: The folder of the clone.
        home: The home folder.
    """

    clone: Path
    home: Path

    def start(self, engine: RemoteEngine, *words: str, **variables: str) -> Process:
        """Start `dagger WORDS` in the clone on a remote engine, with more environment variables."""
        folders = {f"XDG_{kind}_HOME": str(self.home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
        return start_in(
            self.clone, *words, variables={"HOME": str(self.home), **folders, RUNNER_HOST: engine.url, **variables}
        )


def create_runner(folder: Path) -> Runner:
    """Return a new runner in ``folder``, with a clone of the commit that is checked out in this repository."""
    runner = Runner(folder / "clone", folder / "home")
    runner.home.mkdir(parents=True)
    run("git", "clone", "--quiet", str(REPOSITORY), str(runner.clone))
    return runner


@contextmanager
def remote_engine(programs: Path) -> Iterator[RemoteEngine]:
    """Start an engine with an empty cache, and remove all of it in the end.

    Args:
        programs: The state folder of the engine of ci/engine, from which programs and images are used.
    """
    with ExitStack() as stack:
        network = stack.enter_context(join_network())
        # Not tmp_path, which pytest keeps: the cache has gigabytes, and the path of the engine's socket must be short.
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stage-engine-"))) / "state"
        url = f"tcp://{network.address}:{PORT}"
        variables = [f"STAGE_ENGINE_STATE={state}", f"STAGE_ENGINE_LISTEN={url}"]
        stack.callback(run, *network.command("env", *variables, str(ENGINE / "clean")))
        run(*network.command("env", *variables, "bash", "-c", START, str(ENGINE), str(programs)))
        yield RemoteEngine(url, state)


@contextmanager
def observe_containers(engine: RemoteEngine) -> Iterator[set[str]]:
    """Collect the commands of all containers that run meanwhile, also of services and of the module itself."""
    commands: set[str] = set()
    ended = threading.Event()

    def watch() -> None:
        # runc reads each container's configuration from a folder that exists as long as the container does.
        while not ended.wait(0.02):
            for path in (engine.state / "cache" / "worker" / "executor").glob("*/config.json"):
                with suppress(OSError, ValueError):  # removed, or not written completely yet
                    commands.add(" ".join(json.loads(path.read_text())["process"]["args"]))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield commands
    finally:
        ended.set()
        thread.join()


@contextmanager
def join_network() -> Iterator[Network]:
    """Create a network namespace that reaches what this machine reaches, and remove it in the end."""
    suffix = secrets.token_hex(4)
    name, outside, inside = f"stage-{suffix}", f"stage{suffix}o", f"stage{suffix}i"  # an interface's name: at most 15
    subnet = free_subnet()
    host, address = (str(found) for found in subnet.hosts())
    with ExitStack() as stack:
        run("ip", "netns", "add", name)
        stack.callback(run, "ip", "netns", "delete", name)
        run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name)
        stack.callback(run, "ip", "link", "delete", outside)
        for options, interface, own in ([], outside, host), (["-n", name], inside, address):
            run("ip", *options, "address", "add", f"{own}/{subnet.prefixlen}", "dev", interface)
            run("ip", *options, "link", "set", interface, "mtu", str(smallest_mtu()), "up")
        run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", name, "route", "add", "default", "via", host)
        for rule in (
            ["nat", "POSTROUTING", "--source", str(subnet), "!", "--out-interface", outside, "--jump", "MASQUERADE"],
            ["filter", "FORWARD", "--in-interface", outside, "--jump", "ACCEPT"],
            ["filter", "FORWARD", "--out-interface", outside, "--jump", "ACCEPT"],
        ):
            stack.callback(insert_rule(*rule))
        yield Network(name, host, address)


def insert_rule(table: str, chain: str, *rule: str) -> Callable[[], str]:
    """Insert a firewall rule; return what removes it."""
    run("iptables", "--wait", "--table", table, "--insert", chain, *rule)
    return lambda: run("iptables", "--wait", "--table", table, "--delete", chain, *rule)


def free_subnet() -> ipaddress.IPv4Network:
    """Return a network of two hosts that no route of this machine leads to."""
    routes = json.loads(run("ip", "-json", "-4", "route", "show", "table", "all"))
    used = [ipaddress.IPv4Network(route["dst"]) for route in routes if route["dst"] != "default"]
    return next(
        subnet for subnet in ADDRESSES.subnets(new_prefix=30) if not any(subnet.overlaps(network) for network in used)
    )


def smallest_mtu() -> int:
    """Return the smallest MTU of this machine's interfaces, so that no packet is too large on its way."""
    return min(int(path.read_text()) for path in Path("/sys/class/net").glob("*/mtu"))


def state_folder() -> Path | None:
    """Return the state folder of the engine that the environment selects; None if it is not one of ci/engine."""
    address = os.environ.get(RUNNER_HOST, "")
    return Path(address.removeprefix("unix://")).parents[1] if address.startswith("unix://") else None


def run(*command: str) -> str:
    """Run a command that must succeed; return its output."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout
