"""The figures from reports of the load generator: medians and ratios."""

import json

import pytest
from bench.service.errors import RequestsFailed
from bench.service.figures import Load, load, median, ratios, rounded


def report(**changed: object) -> str:
    """Return a report of vegeta with some values changed."""
    values = {
        "latencies": {"mean": 2_900_000, "50th": 2_500_000, "90th": 4_000_000, "99th": 8_000_000, "max": 9_000_000},
        "requests": 1200,
        "rate": 401.5,
        "throughput": 400.25,
        "success": 1,
        "status_codes": {"200": 1200},
        "errors": [],
    }
    return json.dumps(values | changed)


def test_a_report_gives_requests_per_second_and_milliseconds() -> None:
    """The latencies of a report, in nanoseconds, become milliseconds."""
    assert load(report()) == Load(requests_per_second=400.25, p50_ms=2.5, p99_ms=8.0)


def test_a_response_other_than_200_ends_the_run() -> None:
    """One response with another status ends the run, because a server that rejects requests is fast."""
    with pytest.raises(RequestsFailed, match=r"'422': 1.*422 Unprocessable"):
        load(report(status_codes={"200": 1199, "422": 1}, errors=["422 Unprocessable Content"]))


def test_a_request_without_a_response_ends_the_run() -> None:
    """A failed connection, which the report counts as status 0, ends the run."""
    with pytest.raises(RequestsFailed, match="connection refused"):
        load(report(status_codes={"0": 1200}, errors=["dial tcp: connection refused"]))


def test_a_report_without_requests_ends_the_run() -> None:
    """A report without any request is an error."""
    with pytest.raises(RequestsFailed, match="no request was sent"):
        load(report(status_codes={}, requests=0))


def test_each_figure_has_its_own_median() -> None:
    """The median is computed for each figure, not for a round as a whole."""
    assert median([Load(100, 3, 9), Load(300, 1, 8), Load(200, 2, 7)]) == Load(200, 2, 8)


def test_ratios_divide_this_service_by_the_original() -> None:
    """A batch counts as a hundred texts, for each of which the original needs a request."""
    found = ratios(original=Load(400, 10, 20), ours=Load(2000, 2, 5), batches=Load(80, 50, 60))
    assert found == {"rps_ratio": 5, "p50_ratio": 0.2, "p99_ratio": 0.25, "batch_ratio": 20}


def test_rounding_reaches_inner_figures_and_leaves_the_rest() -> None:
    """Floats are rounded at any depth; integers and texts are unchanged."""
    assert rounded({"a": {"b": 1.23456}, "bytes": 123456789, "name": "x"}) == {
        "a": {"b": 1.235},
        "bytes": 123456789,
        "name": "x",
    }
