"""The steps of a stage's containers, recognised by their commands."""

import pytest
from bench.sources import EDITED
from bench.steps import MAY_RUN, needless, step

# The commands of the containers of a stage, as its log shows them.
COMMANDS = {
    "StageCi.stage": "module",
    "Query.stageCi": "module",
    "registry serve /etc/distribution/config.yml": "remotes",
    "sh /git_server.sh MLOps-CallcenterAI/Infrastructure-Configuration.git": "remotes",
    "sh -c apt-get update -qq && apt-get install -y -qq --no-install-recommends git lighttpd": "install",
    "python3 -m pip install --quiet --root-user-action=ignore --requirement /locks/uv": "install",
    "uv venv --quiet /venv": "install",
    "uv pip install --quiet --requirement requirements --requirement requirements.dev": "install",
    "RUN uv pip install --require-hashes --requirement /tmp/requirements.train": "install",
    "RUN /venv/bin/python -m callcenterai_svm.train --data data/tickets.csv --output /model": "train",
    "RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app && find /app -exec touch {} +": "bytecode",
    "black --check --diff --quiet .": "lint",
    "flake8 --max-line-length=110 --extend-ignore=E203 .": "lint",
    "isort --check-only --diff --profile=black .": "lint",
    "python /programs/run_tests.py 900 /reports test.txt tests/unit/": "test",
    "python /programs/run_tests.py 900 /reports test-service.txt tests/unit/service/": "test-service",
    "tar --create --file=/tmp/source.tar --sort=name --mtime=@946684800 .": "pack",
    "tar --extract --preserve-permissions --file=/tmp/source.tar": "unpack",
    "sh -c \nset -eu\nfind . -type f -o -type l | LC_ALL=C sort | while IFS= read -r file; do": "inputs",
    "python3 /normalize_archive.py /image.tar /tmp/image.tar": "archive",
    "trivy image --quiet --input /image.tar --scanners secret --format json --output /tmp/secrets.json": "secrets",
    "trivy image --quiet --input /image.tar --format cyclonedx --output /tmp/sbom.cdx.json": "scan",
    "trivy image --quiet --download-db-only --db-repository registry:5000/aquasec/trivy-db:2 --insecure": "scan",
    "trivy convert --quiet --show-suppressed --format table --output /scan/scan.txt /scan/scan.json": "scan",
    "uvicorn --factory callcenterai_svm.service.app:create_app --host 0.0.0.0 --port 8000": "smoke",
    "python3 /probe.py http://service:8000 30 'my laptop screen stays black' Hardware": "smoke",
    "sh /copy_image.sh push registry:5000 medhedimaaroufi/callcenterai-svm@sha256:0 true 900": "push",
    "sleep 5": "other",
}


@pytest.mark.parametrize(("command", "name"), COMMANDS.items())
def test_a_step_is_recognised_by_the_command(command: str, name: str) -> None:
    """Each command of a stage belongs to one step, and an unknown one to the step `other`."""
    assert step(command) == name


def test_every_kind_of_edit_has_its_steps() -> None:
    """Every kind of edit, and no edit at all, says which steps it may cause; a container of no step never may."""
    assert set(MAY_RUN) == {"none", *EDITED}
    assert not any("other" in names for names in MAY_RUN.values())
    assert set().union(*MAY_RUN.values()) <= set(COMMANDS.values())


def test_a_container_without_a_reason_is_found() -> None:
    """An edit of the tests lints and tests, and neither installs nor builds anything."""
    ran = ["StageCi.stage", "black .", "python /programs/run_tests.py", "uv pip install x", "sleep 5"]
    assert needless("tests", ran) == ["uv pip install x", "sleep 5"]
