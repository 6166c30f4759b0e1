"""Runs the service's own commands that train its model and log it in MLflow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import dagger

from stage_ci.adapters import packages, toolchain
from stage_ci.adapters.commands import NOBODY, as_nobody, step
from stage_ci.adapters.source import Source
from stage_ci.adapters.tracking import TrackingServer
from stage_ci.errors import TrackingFailed, TrainingFailed
from stage_ci.rules.training import Package, RunMetadata, command_cause

# The labelled tickets in the source, used if the caller gives none.
_DATA: Final = "data/tickets.csv"
# The first of these files in the source is installed.
_REQUIREMENTS: Final = ("requirements.train", "requirements")


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """The inputs of a training.

    Attributes:
        source: The service's source.
        package: The package in src/ whose modules ``train`` and ``tracking`` train the model and log it.
        data: Labelled tickets; None for those in the source.
        options: Further arguments for ``train``.
    """

    source: dagger.Directory
    package: Package
    data: dagger.File | None = None
    options: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """The folder that a training wrote, and its standard output."""

    folder: dagger.Directory
    output: str


@step("train")
async def train(job: TrainingJob) -> TrainedModel:
    """Train a model; the result is cached until the source or the data changes.

    Raises:
        TrainingFailed: if the training rejects the data, fails, or writes nothing.
    """
    container, path = await _trainer(job.source), _DATA
    if job.data:
        # The file keeps its name because errors quote it.
        path = f"/data/{await job.data.name()}"
        container = container.with_mounted_file(path, job.data, owner=NOBODY)
    command = ["python", "-m", f"{job.package}.train", f"--data={path}", f"--output={toolchain.OUTPUT}", *job.options]
    try:
        # Without `expect`, a failed exec is an error, and the engine does not cache errors.
        after = await container.with_exec(command).sync()
    except dagger.ExecError as error:
        raise TrainingFailed(command_cause(error.exit_code, error.stderr)) from error
    folder = after.directory(toolchain.OUTPUT)
    if not await folder.entries():
        raise TrainingFailed("the training succeeded but wrote nothing to the folder in --output")
    return TrainedModel(folder, await after.stdout())


@step("train")
async def log(job: TrainingJob, model: dagger.Directory, server: TrackingServer, metadata: RunMetadata) -> str:
    """Log the folder ``model`` on an MLflow server and return the output of the service's command.

    Raises:
        TrackingFailed: if the server is unreachable, rejects the model, or does not answer in time.
    """
    container = (await _trainer(job.source)).with_directory(toolchain.OUTPUT, model, owner=NOBODY)
    container = await server.configure(container)
    command = ["python", "-m", f"{job.package}.tracking", toolchain.OUTPUT, *metadata.flags()]
    try:
        return await container.with_exec(command).stdout()
    except dagger.ExecError as error:
        raise TrackingFailed(command_cause(error.exit_code, error.stderr)) from error


async def _trainer(source: dagger.Directory) -> dagger.Container:
    files = Source(source)
    wanted = [name for name in _REQUIREMENTS if name in await files.paths()][:1]
    installed = await packages.with_requirements(files, wanted)
    container = installed.with_env_variable("PYTHONPATH", f"{toolchain.WORKDIR}/src")
    # An edit of the tests does not train again.
    return toolchain.with_source(as_nobody(container), source, ["tests"])
