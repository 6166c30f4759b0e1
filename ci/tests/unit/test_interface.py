"""The functions and arguments of the module, as Dagger registers them and `--help` shows them."""

import ast
import re
from pathlib import Path
from typing import Any, Final

import pytest
from tests.interface import CONSTRUCTOR, FUNCTIONS, RECORDED, describe

from stage_ci.rules.infrastructure import DEFAULT_COMMITTER, DEFAULT_USER

PACKAGE: Final = Path(__file__).resolve().parents[2] / "src/stage_ci"
MAIN: Final = PACKAGE / "main.py"
PARAMETERS: Final = [
    pytest.param(parameter, id=f"{name}({parameter.name})")
    for name, function in FUNCTIONS.items()
    for parameter in function.parameters.values()
]
SENTENCE: Final = re.compile(r"[A-Z`].*\.", re.DOTALL)

# Functions that read or change something outside the engine: a cached result would be out of date, or the change would
# not happen.
NEVER_CACHED: Final = {
    "StageCi.deploy",
    "StageCi.latest_version",
    "StageCi.next_version",
    "StageCi.plan",
    "StageCi.publish",
    "StageCi.rescan",
    "StageCi.smoke",
    "StageCi.stage",
    "StageCi.train",
    "StageCi.verify",
    "Rehearsal.infrastructure",
    "Rehearsal.log",
    "Rehearsal.manifest",
    "Rehearsal.registry",
    "Rehearsal.reset",
    "Rehearsal.tags",
}
# Functions that return text, which depends on their arguments only. `StageCi` is the constructor.
CACHED: Final = {"StageCi", "StageCi.lint", "StageCi.test"}
# Functions that return an object of the engine. It keeps the object as what it was made from, and that may be a folder
# of another client with the same files, which is gone a week later.
CACHED_IN_SESSION: Final = {"StageCi.build", "StageCi.format", "StageCi.rehearsal", "StageCi.update_manifest"}
# Functions whose result also depends on the day: the vulnerability database changes every few hours, and waivers end.
SCANS: Final = {"StageCi.reports", "StageCi.scan", "StageCi.secrets"}

# The service of the repository that this module was written for. Another service gives its own values.
DEFAULTS: Final = {
    "image": "medhedimaaroufi/callcenterai-svm",
    "version_line": "v1.0",
    "infra_repo": "MLOps-CallcenterAI/Infrastructure-Configuration",
    "infra_branch": "main",
    "infra_user": DEFAULT_USER,
    "infra_committer": str(DEFAULT_COMMITTER),
    "filename": "manifests/default/svm.yaml",
    "allow_downgrade": False,
    "service_port": 8000,
    "smoke_request": "Hardware=my laptop screen stays black and the docking station does not power on",
    "package": "callcenterai_svm",
    "format": "text",
}
WITHOUT_DEFAULT: Final = {
    "docker_username",
    "docker_password",
    "infra_token",
    "registry_service",
    "infra_service",
    "databricks_host",
    "databricks_token",
    "model_uri",
    "experiment_name",
    "trivy_db",
    "trivy_java_db",
    "signing_key",
    "signing_password",
    "public_key",
    "identity_token",
    "sigstore_trust_config",
}


def named(name: str) -> list[Any]:
    """Return the parameter of a name in each function that has it, and in the constructor."""
    return [function.parameters[name] for function in FUNCTIONS.values() if name in function.parameters]


def with_cache(policy: str | None) -> set[str]:
    """Return the functions with a cache policy."""
    return {name for name, function in FUNCTIONS.items() if function.cache_policy == policy}


def decorated(path: Path, *decorators: str) -> set[str]:
    """Return the methods in a file that have one of the decorators, found by reading it without running it."""
    return {
        f"{owner.name}.{method.name}"
        for owner in ast.walk(ast.parse(path.read_text()))
        if isinstance(owner, ast.ClassDef)
        for method in owner.body
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
        and {ast.unparse(decorator) for decorator in method.decorator_list} & set(decorators)
    }


def test_the_interface_is_as_recorded() -> None:
    """Functions, arguments, types, defaults, cache policies and checks equal those in testdata/interface.txt."""
    assert describe() == RECORDED.read_text(), (
        "the interface is not the recorded one: if the change is intended, run `make interface` and commit its result"
    )


def test_the_module_has_at_most_69_parameters() -> None:
    """The constructor and all functions of all objects have at most 69 parameters in total."""
    assert len(PARAMETERS) <= 69


def test_every_function_but_three_has_arguments() -> None:
    """The constructor's arguments are all that `latest-version`, `next-version` and `rehearsal` take."""
    names = {name for name, function in FUNCTIONS.items() if name.startswith("StageCi.") and not function.parameters}
    assert names == {"StageCi.latest_version", "StageCi.next_version", "StageCi.rehearsal"}


def test_the_main_file_has_at_most_221_lines() -> None:
    """The file that holds the functions of the command line has at most 221 lines."""
    assert len(MAIN.read_text().splitlines()) <= 221


def test_the_main_file_imports_under_original_names() -> None:
    """The file that holds the functions of the command line imports nothing `as` another name."""
    imports = [node for node in ast.walk(ast.parse(MAIN.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in imports if any(alias.asname for alias in node.names)] == []


def test_functions_can_be_found_by_reading_the_source() -> None:
    """Every function is decorated with `@dagger.function` itself, with the cache policy as a literal.

    The client libraries 0.20.7 and 0.21.0 read the source without running it and know no other decorator:
    https://github.com/dagger/dagger/issues/13097.
    """
    files = [MAIN, PACKAGE / "rehearsal.py"]
    never, session = "dagger.function(cache='never')", "dagger.function(cache='session')"
    names = set().union(*(decorated(path, "dagger.function", never, session) for path in files))
    assert names == FUNCTIONS.keys() - {"StageCi"}
    assert set().union(*(decorated(path, never) for path in files)) == with_cache("never")
    assert set().union(*(decorated(path, session) for path in files)) == with_cache("session")


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_parameter_is_described_by_a_sentence(parameter: Any) -> None:  # noqa: ANN401 - Dagger's own type
    """`--help` describes each argument in one line of full sentences."""
    assert parameter.doc
    assert SENTENCE.fullmatch(parameter.doc)
    assert "\n" not in parameter.doc


def test_a_parameter_means_the_same_everywhere() -> None:
    """Parameters of one name have one description and one default in all functions and the constructor."""
    texts: dict[str, set[str]] = {}
    for function in FUNCTIONS.values():
        for name, parameter in function.parameters.items():
            texts.setdefault(name, set()).add(f"{parameter.doc} {parameter.signature.default}")
    assert {name: different for name, different in texts.items() if len(different) > 1} == {}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_is_described_by_its_first_line(function: Any) -> None:  # noqa: ANN401 - Dagger's own type
    """The first line of a function's description is a full sentence that fits in a list of functions."""
    first = function.doc.splitlines()[0]
    assert SENTENCE.fullmatch(first)
    assert len(first) < 120


def test_functions_that_read_or_change_the_outside_are_never_cached() -> None:
    """Functions that reach a registry, a repository or a server opt out of Dagger's cache, which keeps a week."""
    assert with_cache("never") - SCANS == NEVER_CACHED


@pytest.mark.fault(37)
def test_a_scan_is_never_cached() -> None:
    """A scan is never answered from the cache, whose result may be a week older than a vulnerability or a waiver."""
    assert with_cache("never") >= SCANS


def test_an_object_is_cached_in_its_session_only() -> None:
    """A function that returns an object of the engine is called again by the next client."""
    assert with_cache("session") == CACHED_IN_SESSION
    texts = {name for name, function in FUNCTIONS.items() if function.return_type is str}
    assert with_cache(None) - {"StageCi"} <= texts


def test_the_cache_policy_of_every_function_is_listed() -> None:
    """Every function is in exactly one table of this file: never cached, cached, in its session only, or a scan."""
    tables = (NEVER_CACHED, CACHED, CACHED_IN_SESSION, SCANS)
    assert sum(map(len, tables)) == len(FUNCTIONS)
    assert set().union(*tables) == FUNCTIONS.keys()
    assert with_cache(None) == CACHED


@pytest.mark.parametrize(("name", "value"), DEFAULTS.items())
def test_the_defaults_release_the_original_service(name: str, value: object) -> None:
    """Without arguments, the module releases the service that it was written for."""
    assert {parameter.signature.default for parameter in named(name)} == {value}


def test_nullable_arguments_of_the_constructor_are_optional_without_a_default() -> None:
    """Secrets, services, files and lists of the constructor may be left out, but have no default.

    The engine takes a default of None as a value that the caller gave, and does not look into the `.env`.
    """
    optional = {
        name: (parameter.is_optional, parameter.has_default, parameter.default_value)
        for name, parameter in CONSTRUCTOR.parameters.items()
        if parameter.is_nullable
    }
    assert optional == dict.fromkeys(WITHOUT_DEFAULT, (True, False, None))


@pytest.mark.parametrize("name", ["tracking_service", "data"])
def test_a_service_or_file_of_a_function_is_optional(name: str) -> None:
    """A training needs neither an MLflow server nor a file of tickets."""
    assert {(parameter.is_optional, parameter.signature.default) for parameter in named(name)} == {(True, None)}


@pytest.mark.fault(34)
@pytest.mark.parametrize("pattern", [".*", "*.pem", "*.key", "id_rsa*"])
def test_credentials_in_the_source_are_not_uploaded(pattern: str) -> None:
    """Hidden files and private keys stay on the caller's machine, at any depth, in every function with a source."""
    assert {f"**/{pattern}" in parameter.ignore for parameter in named("source")} == {True}


@pytest.mark.fault(38)
@pytest.mark.parametrize("name", [".trivyignore", ".trivyignore.y*ml", ".openvex.json"])
def test_waivers_in_the_source_are_uploaded(name: str) -> None:
    """The scanner's hidden files at the root of the source are uploaded, in every function with a source."""
    assert {f"!{name}" in parameter.ignore for parameter in named("source")} == {True}


def test_dagger_check_finds_the_checks() -> None:
    """`dagger check` runs the linters, the tests and the search for secrets."""
    checks = {"StageCi.lint", "StageCi.secrets", "StageCi.test"}
    assert {name for name, function in FUNCTIONS.items() if function.check} == checks
