"""What Prometheus is told about the service: requests, their time, the queue and the model, with bounded labels."""

from __future__ import annotations

from time import perf_counter, time
from typing import TYPE_CHECKING

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

# the very function that the router matches with
from starlette._utils import get_route_path

from breastseg.inference.report import ModelReport
from breastseg.serving.paths import METRICS, is_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.metrics_core import Metric
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from breastseg.monitoring.monitor import Status
    from breastseg.monitoring.prediction_log import PredictionLog
    from breastseg.serving.service import Service

# else each series has a second one with the time of its making
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call] # the library has no types for it

ROUTES = frozenset(
    {
        "/v1/segment",
        "/v1/segment/batch",
        "/v1/model",
        "/v1/drift",
        "/admin/reload",
        "/health/live",
        "/health/ready",
        METRICS,
    }
)
"""Values of the label `route`, beside `page` and `other`: paths that clients make up get no series of their own."""

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class RequestCounts:
    """How many requests there were, and how long they took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "breastseg_requests",
            "Requests that have ended, by route and HTTP status; 499: the client left first",
            ["route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "breastseg_request_seconds",
            "Seconds from a request's headers to the end of its answer",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )

    def count(self, route: str, status: int | None, seconds: float) -> None:
        """Count a request that has ended."""
        self._requests.labels(route, "none" if status is None else str(status)).inc()
        self._seconds.labels(route).observe(seconds)


class Metrics:
    """The numbers of one application, in a registry of their own.

    Args:
        service: Whose queue and model are told.

    Attributes:
        requests: Where requests are counted.
    """

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(_OfService(service))
        self.requests = RequestCounts(self._registry)

    def text(self) -> bytes:
        """Return all numbers in Prometheus' text format."""
        return prometheus_client.generate_latest(self._registry)


class _OfService(Collector):
    """Looks at the service when it is asked, so that a request pays nothing for it."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        service = self._service
        model = ModelReport.of(service.contract).model_dump()
        yield InfoMetricFamily("breastseg_model", "The model that answers", value=model)
        # once: a reload in between may take it away
        monitor = service.monitor
        yield from _of_windows(monitor.status(time()) if monitor else {})
        yield from _of_prediction_log(service.prediction_log)
        for name, what, value in (
            ("breastseg_model_loaded_timestamp_seconds", "When the model that answers was loaded", service.loaded_at),
            ("breastseg_ready", "1 once an image has gone through the model", float(service.ready)),
            ("breastseg_images_in_work", "Images that are decoded or computed now", float(service.in_work)),
            ("breastseg_images_waiting", "Images that wait for a thread", float(service.waiting)),
        ):
            yield GaugeMetricFamily(name, what, value=value)


def _of_windows(statuses: Mapping[str, Status]) -> Iterator[Metric]:
    """Tell each window; figures that there are none of yet are left out."""
    images = GaugeMetricFamily("breastseg_window_images", "Images in the window", labels=["window"])
    out = GaugeMetricFamily(
        "breastseg_window_out_of_distribution_share", "Share of them that is out of distribution", labels=["window"]
    )
    dice = GaugeMetricFamily("breastseg_window_expected_dice", "Mean expected Dice", labels=["window"])
    empty = GaugeMetricFamily("breastseg_window_empty_share", "Share of answers without a lesion", labels=["window"])
    limit = GaugeMetricFamily(
        "breastseg_window_empty_share_limit", "Control limits of that share", labels=["window", "side"]
    )
    alarm = GaugeMetricFamily("breastseg_drift_alarm", "1 while the window's alarm is raised", labels=["window"])
    psi = GaugeMetricFamily(
        "breastseg_drift_psi", "Population stability index of a feature", labels=["window", "feature"]
    )
    p_value = GaugeMetricFamily(
        "breastseg_drift_p_value", "Adjusted p-value of a feature", labels=["window", "feature"]
    )
    for name, status in statuses.items():
        images.add_metric([name], status.drift.images)
        alarm.add_metric([name], float(status.alarm))
        if status.drift.out_of_distribution_share is not None:
            out.add_metric([name], status.drift.out_of_distribution_share)
        # of answers with a lesion: a model that has gone blind has none
        if status.drift.expected_dice is not None:
            dice.add_metric([name], status.drift.expected_dice)
        if (rate := status.drift.empty_rate) is not None:
            empty.add_metric([name], rate.share)
            limit.add_metric([name, "lower"], rate.lower)
            limit.add_metric([name, "upper"], rate.upper)
        for feature, found in status.drift.features.items():
            p_value.add_metric([name, feature], found.p_value)
            if found.psi is not None:
                psi.add_metric([name, feature], found.psi)
    yield from (images, out, dice, empty, limit, alarm, psi, p_value)


def _of_prediction_log(log: PredictionLog | None) -> Iterator[Metric]:
    """Tell both counts, 0 without a log, so that an alert sees the first line that is lost."""
    for name, what, value in (
        ("breastseg_prediction_log_lines", "Lines that were appended to the prediction log", log.written if log else 0),
        ("breastseg_prediction_log_lost", "Lines that could not be appended", log.lost if log else 0),
    ):
        yield CounterMetricFamily(name, what, value=value)


class RequestMetrics:
    """ASGI layer that counts each request at its end, refused and failed ones too."""

    def __init__(self, app: ASGIApp, counts: RequestCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = perf_counter(), None

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        route = _route(scope)
        try:
            await self._app(scope, receive, noted)
        finally:
            self._counts.count(route, status, perf_counter() - started)


def _route(scope: Scope) -> str:
    path = get_route_path(scope)
    if path in ROUTES:
        return path
    return "page" if is_page(scope) else "other"
