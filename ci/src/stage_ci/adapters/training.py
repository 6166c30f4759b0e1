"""Runs a service's own commands that train its model and log it in MLflow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import dagger
from dagger import dag

from stage_ci.adapters import toolchain
from stage_ci.adapters.commands import NOBODY, as_nobody, step
from stage_ci.adapters.tracking import Tracking
from stage_ci.errors import TrackingFailed, TrainingFailed
from stage_ci.rules.training import Package, Record, command_cause

# The tickets of a source that brings its own.
_DATA: Final = "data/tickets.csv"
_MODEL: Final = "/model"
# What training needs, in the order in which it is looked for.
_REQUIREMENTS: Final = ("requirements.train", "requirements")


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be trained.

    Attributes:
        source: The service's source.
        package: The package in src/ whose ``train`` is run, and whose ``tracking`` logs.
        data: Labelled tickets; None for those of the source.
        options: What else ``train`` is told.
    """

    source: dagger.Directory
    package: Package
    data: dagger.File | None = None
    options: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Trained:
    """The folder that a training left, and what it said."""

    folder: dagger.Directory
    said: str


@step("train")
async def train(work: Work) -> Trained:
    """Return what a training makes of its data; from the cache if neither that nor the source has changed.

    Raises:
        TrainingFailed: if it refuses the data, breaks, or leaves nothing.
    """
    container, path = await _trainer(work.source), _DATA
    if work.data:
        # Under its own name, which an error repeats.
        path = f"/data/{await work.data.name()}"
        container = container.with_mounted_file(path, work.data, owner=NOBODY)
    command = ["python", "-m", f"{work.package}.train", f"--data={path}", f"--output={_MODEL}", *work.options]
    try:
        # A failure is an error of the engine's too, so that it is not kept in the cache.
        after = await container.with_exec(command).sync()
    except dagger.ExecError as error:
        raise TrainingFailed(command_cause(error.exit_code, error.stderr)) from error
    folder = after.directory(_MODEL)
    if not await folder.entries():
        raise TrainingFailed("it ended well and left nothing in the folder of --output")
    return Trained(folder, await after.stdout())


@step("train")
async def log(work: Work, model: dagger.Directory, to: Tracking, record: Record) -> str:
    """Return what the service's own command says after it has logged the folder ``model``.

    Raises:
        TrackingFailed: if the server cannot be reached, refuses, or does not answer in time.
    """
    container = await to.within((await _trainer(work.source)).with_directory(_MODEL, model, owner=NOBODY))
    command = ["python", "-m", f"{work.package}.tracking", _MODEL, *record.flags()]
    try:
        return await container.with_exec(command).stdout()
    except dagger.ExecError as error:
        raise TrackingFailed(command_cause(error.exit_code, error.stderr)) from error


async def _trainer(source: dagger.Directory) -> dagger.Container:
    present = await toolchain.requirement_files(source)
    wanted = [name for name in _REQUIREMENTS if name in present][:1]
    container = (
        toolchain.with_requirements(present, wanted)
        .with_env_variable("PYTHONPATH", f"{toolchain.WORKDIR}/src")
        .with_directory(_MODEL, dag.directory(), owner=NOBODY)
        # An edit of the tests trains nothing.
        .with_directory(toolchain.WORKDIR, source, exclude=["tests"], owner=NOBODY)
        .with_workdir(toolchain.WORKDIR)
    )
    return as_nobody(container)
