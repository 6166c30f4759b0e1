"""Prometheus metrics of the service.

Every label has few values: all unknown paths share one route and all unknown methods one
method, so clients cannot create time series without bound.
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
"""Upper bounds in seconds: one ticket takes less than a millisecond, the largest batch
about a second."""

# The creation time of each counter is not used, and would double the output.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class ServiceMetrics:
    """The metrics of one service, in a registry of its own.

    Args:
        loader: Holds the model that the metrics report.
    """

    def __init__(self, loader: ModelLoader) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_ModelCollector(loader))
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "callcenterai_http_requests",
            "Number of requests.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._durations = Histogram(
            "callcenterai_http_request_duration_seconds",
            "Time from the headers of a request to the end of its response.",
            ("route",),
            registry=self._registry,
            buckets=BUCKETS,
        )
        predictions = Counter(
            "callcenterai_predictions",
            "Number of tickets by predicted topic.",
            ("topic",),
            registry=self._registry,
        )
        self._predictions = {topic: predictions.labels(topic) for topic in TOPICS}
        # Cached, because looking up the child of some labels takes longer than counting.
        self._children: dict[
            tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]
        ] = {}

    def observe_request(
        self, method: str, route: str, status: int, seconds: float
    ) -> None:
        """Counts a request and its duration; ``route`` is a template, such as /predict."""
        labels = (method, route, status)
        children = self._children.get(labels)
        if not children:
            counter = self._requests.labels(*labels)
            children = counter.inc, self._durations.labels(route).observe
            self._children[labels] = children
        count, observe = children
        count()
        observe(seconds)

    def count_predictions(self, topics: Sequence[Topic]) -> None:
        """Counts the predicted topics."""
        for topic, count in Tally(topics).items():
            self._predictions[topic].inc(count)

    def exposition(self) -> bytes:
        """Returns all metrics in the Prometheus text format."""
        return generate_latest(self._registry)


class _ModelCollector(Collector):
    """Reports at each scrape whether there is a model, and which."""

    def __init__(self, loader: ModelLoader) -> None:
        self._loader = loader

    def collect(self) -> Iterable[Metric]:
        return self._gauges()

    def _gauges(self) -> Iterator[Metric]:
        model = self._loader.model
        yield GaugeMetricFamily(
            "callcenterai_ready",
            "1 if the model is loaded, else 0.",
            value=float(model is not None),
        )
        info = GaugeMetricFamily(
            "callcenterai_model_info",
            "Always 1; the labels identify the loaded model.",
            labels=("version", "source"),
        )
        if model:
            info.add_metric((model.version, self._loader.source), 1)
        yield info
