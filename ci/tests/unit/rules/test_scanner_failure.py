"""Why the scanner failed, by its output."""

import pytest

from stage_ci.rules.verdict import scanner_cause, scanner_failure


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    ("output", "cause"),
    [
        ("Killed\n", "Killed"),
        (
            "2026-05-04\tINFO\tDownloading\n2026-05-04T12:00:01Z\tFATAL\tFatal error\trun error: init error: x\n",
            "init error: x",
        ),
        ("2026-05-04T12:00:01Z\tERROR\tdatabase is corrupt", "database is corrupt"),
        (
            "2026-05-04T12:00:01Z\tFATAL\tFatal error\trun error: 1 error:\n\t* GET http://registry: 429\n\n\n",
            "GET http://registry: 429",
        ),
        (f"2026-05-04T12:00:01Z\tFATAL\t{'x' * 600}", "x" * 500),
    ],
)
def test_the_cause_is_the_last_line_of_the_output(output: str, cause: str) -> None:
    """The cause is the last line without time, level and bullet, cut at 500 characters."""
    assert scanner_cause(output) == cause


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    "message",
    [
        "post analysis error: Unable to initialize the Java DB: Java DB update failed: OCI artifact error: {last}",
        "unable to initialize the Java DB: failed to download Java DB: 2 errors:\n\t* GET https://a: 403\n\t* {last}",
    ],
)
def test_a_missing_java_database_is_named(message: str) -> None:
    """If Trivy needs its Java database and cannot get it, the cause and the remedy name that database."""
    output = f"2026-05-04T12:00:01Z\tFATAL\tFatal error\trun error: {message.format(last='GET https://b: 429')}\n"
    cause, remedy = scanner_failure(output)
    assert cause.startswith("no Java database: ")
    assert cause.endswith("GET https://b: 429")
    assert remedy == "the image contains Java archives: give a reachable Java database with --trivy-java-db"


def test_a_missing_vulnerability_database_has_the_usual_remedy() -> None:
    """A failure that does not concern the Java database has the remedy of every failure of the scanner."""
    output = "2026-05-04T12:00:00Z\tINFO\t[javadb] Java DB is cached\n2026-05-04T12:00:01Z\tFATAL\tinit error: x\n"
    assert scanner_failure(output) == ("init error: x", None)


def test_a_vex_document_that_trivy_does_not_read_is_named() -> None:
    """Trivy reads more fields of the document than the pipeline checks, such as its dates."""
    reason = 'parsing time "today" as "2006-01-02T15:04:05Z07:00"'
    message = f"filter error: VEX error: unable to load VEX: unable to load VEX from file: 1 error:\n\t* {reason}"
    output = f"2026-05-04T12:00:01Z\tFATAL\tFatal error\trun error: {message}\n"
    assert scanner_failure(output) == (f"it does not read .openvex.json: {reason}", "correct .openvex.json")
