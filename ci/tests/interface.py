"""The interface of the module, as Dagger's client library registers it with the engine.

`make interface` writes it to unit/testdata/interface.txt, which test_interface.py compares with the code.
"""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from stage_ci import StageCi

RECORDED: Final = Path(__file__).with_name("unit") / "testdata" / "interface.txt"

# The library has no public way to list what it registers; these attributes are what its `_typedefs` reads:
# https://github.com/dagger/dagger/blob/v0.19.10/sdk/python/src/dagger/mod/_module.py
MODULE: Final[Any] = getattr(StageCi, "__dagger_module__")  # noqa: B009 - not declared for a type checker
OBJECTS: Final[dict[str, Any]] = MODULE._objects  # noqa: SLF001 - see above
CONSTRUCTOR: Final[Any] = MODULE.get_object("StageCi").get_constructor()

# Every function by object and name, such as `StageCi.stage`. `StageCi` is the constructor, a function without a name.
FUNCTIONS: Final[dict[str, Any]] = dict(
    sorted(
        (".".join(filter(None, [owner, name])), function)
        for owner, definition in OBJECTS.items()
        for name, function in definition.functions.items()
    )
)


def describe() -> str:
    """Return every function with its arguments, their types and defaults, then fields and ignored files."""
    functions = ["".join(_describe_function(*item)) for item in FUNCTIONS.items()]
    fields = [
        f"{owner}.{name}: {_describe_type(field.return_type)}\n"
        for owner, definition in OBJECTS.items()
        for name, field in definition.fields.items()
    ]
    return "\n".join([*functions, *fields, *_describe_ignored()])


def _describe_function(name: str, function: Any) -> Iterator[str]:  # noqa: ANN401 - a class private to the library
    marks = ["check"] * function.check + [f"cache={function.cache_policy}"] * bool(function.cache_policy)
    yield f"{name} -> {_describe_type(function.return_type)}" + "".join(f" [{mark}]" for mark in marks) + "\n"
    for parameter in function.parameters.values():
        path = f" from {parameter.default_path}" if parameter.default_path else ""
        default = f" = {parameter.default_value}" if parameter.has_default else ""
        yield f"    {parameter.name}: {_describe_type(parameter.resolved_type)}{path}{default}\n"


def _describe_ignored() -> Iterator[str]:
    """Yield each list of ignored files once, below all arguments that have it."""
    arguments: dict[tuple[str, ...], list[str]] = {}
    for name, function in FUNCTIONS.items():
        for parameter in function.parameters.values():
            if parameter.ignore:
                arguments.setdefault(tuple(parameter.ignore), []).append(f"{name}({parameter.name})\n")
    for patterns, names in arguments.items():
        yield "".join([*names, *(f"    ignores {pattern}\n" for pattern in patterns)])


def _describe_type(annotation: object) -> str:
    return re.sub(r"\w+\.", "", inspect.formatannotation(annotation))


if __name__ == "__main__":
    RECORDED.write_text(describe())
