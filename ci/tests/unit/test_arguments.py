"""What the command line says of every function and argument, read from what Dagger has registered of them."""

import re
from typing import Any, Final

import pytest

from stage_ci.main import StageCi

# The module as the engine asks it: every object with its functions, their texts, parameters and cache policies.
MODULE: Final = getattr(StageCi, "__dagger_module__")  # noqa: B009 - not declared for a type checker
FUNCTIONS: Final[dict[str, Any]] = {
    f"{name}.{function}": definition
    for name in ("StageCi", "Rehearsal")
    for function, definition in MODULE.get_object(name).functions.items()
}
PARAMETERS: Final = [
    pytest.param(definition.parameters[name], id=f"{function}({name})")
    for function, definition in FUNCTIONS.items()
    for name in definition.parameters
]
SENTENCE: Final = re.compile(r"[A-Z`].*\.", re.DOTALL)

# Whatever looks at or changes the outside: a result of yesterday would be wrong, or an effect would be left out.
NEVER_CACHED: Final = {
    "StageCi.deploy",
    "StageCi.latest_version",
    "StageCi.next_version",
    "StageCi.plan",
    "StageCi.publish",
    "StageCi.smoke",
    "StageCi.stage",
    "StageCi.train",
    "Rehearsal.infrastructure",
    "Rehearsal.log",
    "Rehearsal.manifest",
    "Rehearsal.registry",
    "Rehearsal.reset",
    "Rehearsal.tags",
}
# What looks at the source and nothing else, or only passes its arguments on.
CACHED: Final = {
    "StageCi.build",
    "StageCi.format",
    "StageCi.lint",
    "StageCi.rehearsal",
    "StageCi.test",
    "StageCi.update_manifest",
}
# The verdict of a scan is that of the database of the moment.
SCANS: Final = {"StageCi.reports", "StageCi.scan"}

# What the seed's own workflow says; a sibling service gives arguments instead.
DEFAULTS: Final = {
    "image": "medhedimaaroufi/callcenterai-svm",
    "version_line": "v1.0",
    "infra_repo": "MLOps-CallcenterAI/Infrastructure-Configuration",
    "infra_branch": "main",
    "filename": "manifests/default/svm.yaml",
    "allow_downgrade": False,
    "port": 8000,
    "smoke_request": "Hardware=my laptop screen stays black and the docking station does not power on",
    "package": "callcenterai_svm",
    "format": "text",
}


def cached(policy: str | None) -> set[str]:
    """Return the functions with a cache policy."""
    return {name for name, definition in FUNCTIONS.items() if definition.cache_policy == policy}


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_parameter_says_what_it_is_in_a_sentence(parameter: Any) -> None:  # noqa: ANN401 - Dagger's own type
    """Whoever reads `--help` knows what to give."""
    assert parameter.doc
    assert SENTENCE.fullmatch(parameter.doc)
    assert "\n" not in parameter.doc


def test_a_parameter_means_the_same_everywhere() -> None:
    """One name, one text, one default, except where a function says that it reads it otherwise."""
    texts: dict[str, set[str]] = {}
    for function, definition in FUNCTIONS.items():
        for name, parameter in definition.parameters.items():
            if function.startswith("StageCi.") and name != "rehearsal":
                texts.setdefault(name, set()).add(f"{parameter.doc} {parameter.signature.default}")
    assert {name: said for name, said in texts.items() if len(said) > 1} == {}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_says_what_it_does_in_its_first_line(function: Any) -> None:  # noqa: ANN401 - Dagger's own type
    """A full sentence that fits into a list of functions."""
    first = function.doc.splitlines()[0]
    assert SENTENCE.fullmatch(first)
    assert len(first) < 120


def test_what_looks_at_or_changes_the_outside_is_never_cached() -> None:
    """Dagger keeps a function's result for seven days otherwise."""
    assert cached("never") - SCANS == NEVER_CACHED


@pytest.mark.fault(37)
def test_a_scan_asks_for_the_database_of_today() -> None:
    """A pass out of the cache may be a week older than the vulnerability."""
    assert cached("never") >= SCANS


def test_every_function_is_known_to_be_cached_or_not() -> None:
    """A new function is put into one of the tables above."""
    assert {name for policy in ("never", None) for name in cached(policy)} == NEVER_CACHED | CACHED | SCANS


@pytest.mark.parametrize(("name", "value"), DEFAULTS.items())
def test_the_defaults_are_those_of_the_seed(name: str, value: object) -> None:
    """In every function that takes the argument."""
    found = [f.parameters[name].signature.default for f in FUNCTIONS.values() if name in f.parameters]
    assert found
    assert set(found) == {value}


@pytest.mark.parametrize(
    "name",
    ["docker_username", "docker_password", "token", "registry_service", "infra_service", "tracking_service", "data"],
)
def test_credentials_and_services_are_optional(name: str) -> None:
    """Without them a release is a rehearsal, and a training is logged nowhere."""
    found = [f.parameters[name] for f in FUNCTIONS.values() if name in f.parameters]
    assert {(parameter.is_optional, parameter.signature.default) for parameter in found} == {(True, None)}


@pytest.mark.fault(34)
@pytest.mark.parametrize("name", [".*", "*.pem", "*.key", "id_rsa*"])
def test_credentials_in_the_source_are_not_uploaded(name: str) -> None:
    """At any depth, for every function that takes the source."""
    for function in FUNCTIONS.values():
        if "source" in function.parameters:
            assert f"**/{name}" in function.parameters["source"].ignore


@pytest.mark.fault(38)
@pytest.mark.parametrize("name", [".trivyignore", ".trivyignore.y*ml", ".openvex.json"])
def test_what_the_source_says_of_findings_is_uploaded(name: str) -> None:
    """Hidden files, and read by the scan; at the root alone."""
    for function in FUNCTIONS.values():
        if "source" in function.parameters:
            assert f"!{name}" in function.parameters["source"].ignore


def test_both_checks_are_found_by_dagger_check() -> None:
    """`dagger check` runs the linters and the tests."""
    assert {name for name, function in FUNCTIONS.items() if function.check} == {"StageCi.lint", "StageCi.test"}
