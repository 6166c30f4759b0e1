"""Runs the linters and formatters; rules/checks.py interprets their exit codes."""

from typing import Final

import dagger

from stage_ci.adapters import toolchain
from stage_ci.adapters.commands import as_nobody, run, step
from stage_ci.adapters.gather import gather_all
from stage_ci.adapters.source import Source
from stage_ci.rules.checks import LintReport, ToolRun
from stage_ci.rules.flake8_config import CONFIG_FILES, flake8_config
from stage_ci.rules.linted import count_linted, patterns_not_linted

_FLAKE8: Final = "/settings/flake8.ini"
_LINTERS: Final = {
    "black": ["black", "--check", "--diff", "--quiet", "."],
    "flake8": ["flake8", f"--append-config={_FLAKE8}", "."],
    "isort": ["isort", "--check-only", "--diff", "--profile=black", "."],
}


@step("lint")
async def lint(source: Source) -> LintReport:
    """Run black, flake8 and isort on ``source``, all three in any case, and return their report."""
    paths = await source.paths()
    container = _linters(source.directory, patterns_not_linted(paths))
    config = flake8_config(await source.texts([name for name in CONFIG_FILES if name in paths]))
    # Evaluated once for the three commands, whose requests are short then.
    container = await container.with_new_file(_FLAKE8, config).sync()
    ended = await gather_all(run(container, command) for command in _LINTERS.values())
    runs = [ToolRun(result.status, result.stdout, result.stderr) for result in ended]
    return LintReport(files=count_linted(paths), runs=dict(zip(_LINTERS, runs, strict=True)))


@step("format")
async def format_source(source: dagger.Directory) -> dagger.Changeset:
    """Return the changes that isort and black make to ``source``."""
    isort, black = ["isort", "--quiet", "--profile=black", "."], ["black", "--quiet", "."]
    formatted = _linters(source, []).with_exec(isort).with_exec(black).directory(toolchain.WORKDIR)
    return (await formatted.sync()).changes(source)


def _linters(source: dagger.Directory, exclude: list[str]) -> dagger.Container:
    return toolchain.with_source(as_nobody(toolchain.with_linters()), source, exclude)
