"""What the service counts, for Prometheus to fetch.

Every label has few values: unknown paths are one route and unknown methods one method,
so nobody can make the service count without end.
"""

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from ..topics import TOPICS, Topic
from .loading import ModelLoader

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

BUCKETS: Final = (
    *(0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01),
    *(0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
"""Seconds. One ticket takes parts of a millisecond, the largest batch about a second."""

# When a counter was made is nothing anybody asks, and doubles the page.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The numbers of one service, in a registry of their own.

    Args:
        loader: Whose model is told.
    """

    def __init__(self, loader: ModelLoader) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_ModelState(loader))
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "callcenterai_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._durations = Histogram(
            "callcenterai_http_request_duration_seconds",
            "Time from a request's headers to the end of its answer.",
            ("route",),
            registry=self._registry,
            buckets=BUCKETS,
        )
        predictions = Counter(
            "callcenterai_predictions",
            "Tickets by the topic they were given.",
            ("topic",),
            registry=self._registry,
        )
        self._predictions = {topic: predictions.labels(topic) for topic in TOPICS}
        # Finding the counter of some labels takes longer than counting.
        self._found: dict[
            tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]
        ] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request; ``route`` is its template, such as /predict."""
        labels = (method, route, status)
        found = self._found.get(labels)
        if not found:
            counter = self._requests.labels(*labels)
            found = counter.inc, self._durations.labels(route).observe
            self._found[labels] = found
        count, observe = found
        count()
        observe(seconds)

    def predicted(self, topics: Sequence[Topic]) -> None:
        """Counts predictions."""
        for topic, count in Tally(topics).items():
            self._predictions[topic].inc(count)

    def page(self) -> bytes:
        """Returns what Prometheus fetches, in its text format."""
        return generate_latest(self._registry)


class _ModelState(Collector):
    """Whether there is a model, and which; asked anew for each page."""

    def __init__(self, loader: ModelLoader) -> None:
        self._loader = loader

    def collect(self) -> Iterable[Metric]:
        return self._gauges()

    def _gauges(self) -> Iterator[Metric]:
        model = self._loader.model
        yield GaugeMetricFamily(
            "callcenterai_ready",
            "1 if there is a model to predict with, else 0.",
            value=float(model is not None),
        )
        info = GaugeMetricFamily(
            "callcenterai_model_info",
            "Always 1; the labels say which model predicts.",
            labels=("version", "source"),
        )
        if model:
            info.add_metric((model.version, self._loader.source), 1)
        yield info
