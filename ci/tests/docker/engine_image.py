"""A stand-in for the image of the engine that the dagger CLI starts, and for the registries from which it pulls.

No image registry is reached: the stand-in has the programs, the contents of the SDKs and the base system that ci/engine
has built on this machine, in the places that its `distconsts` names, which the CLI uses as well.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from remote_engine import ENGINE, Network, run
from tests.docker.daemon import Docker
from tests.servers.programs import wait_until_answers

PARTS: Final = Path(__file__).parent / "image"
# The name that the CLI looks for: https://github.com/dagger/dagger/blob/v0.19.10/engine/version.go
NAME: Final = "registry.dagger.io/engine"
PROGRAMS: Final = ("dnsname", "engine", "init")
SDKS: Final = ("go", "python")
PORT: Final = 5000  # nothing else listens in the network namespace
READY: Final = 60.0  # seconds for the registry to answer


def setting(name: str) -> str:
    """Return a variable of ci/engine/settings.sh."""
    return run("bash", "-c", 'source "$0/settings.sh" && printf %s "${!1}"', str(ENGINE), name)


@contextlib.contextmanager
def serve_stand_ins(network: Network, log: Path) -> Iterator[str]:
    """Serve the images of ci/engine in a network namespace, as ci/engine/parts/registry.sh does; yield the address."""
    address = f"{network.address}:{PORT}"
    variables = {
        "OTEL_TRACES_EXPORTER": "none",
        "REGISTRY_HTTP_ADDR": address,
        "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": f"{setting('STATE')}/registry",
        "REGISTRY_STORAGE_MAINTENANCE_READONLY": "enabled: true",
    }
    namespace = ["setpriv", "--pdeathsig=KILL", "nsenter", f"--net=/run/netns/{network.name}"]
    command = [*namespace, f"{setting('LIBEXEC')}/registry", "serve", str(ENGINE / "images" / "registry.yml")]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=os.environ | variables, stdout=output, stderr=output)
    try:
        wait_until_answers(process, f"http://{address}/v2/", log, READY)
        yield address
    finally:
        process.kill()
        process.wait()


def build_engine_image(docker: Docker, registry: str, folder: Path) -> None:
    """Build the image under the name that the dagger CLI looks for.

    Args:
        docker: Where to build it.
        registry: The address of the registry from which the engine pulls images.
        folder: A folder for the parts of the image, which is created and removed.
    """
    images, programs = Path(setting("IMAGES")), Path(setting("LIBEXEC"))
    context = Path(shutil.copytree(PARTS, folder))
    shutil.copytree(setting("CONTENT"), context / "content")
    (context / "libexec").mkdir()
    for name in PROGRAMS:
        shutil.copy(programs / name, context / "libexec")
    settings = (ENGINE / "engine.json").read_text().replace("@REGISTRY@", registry)
    (context / "engine.json").write_text(settings)
    arguments = {"ROOT": setting("ROOT")}
    arguments |= {f"{sdk.upper()}_SDK": (images / f"sdk-{sdk}.digest").read_text().strip() for sdk in SDKS}
    options = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    docker("import", f"{images}/debian.tgz", "stand-in/debian")
    docker("build", "--quiet", f"--tag={NAME}:{setting('ENGINE_VERSION')}", *options, str(context))
    shutil.rmtree(context)
