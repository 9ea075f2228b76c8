"""/metrics for Prometheus: what this process counted, and what the database knows of jobs and workers."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from django.conf import settings
from django.db.models import Count, Min
from django.db.models.functions import Extract, Now
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from apps.generations.models import TERMINAL, GenerationJob, State
from apps.generations.presence import alive_workers
from apps.quotas.metrics import Usage

RECENT_JOBS = 1000
"""The histograms show the latest jobs only: counting all of them at each scrape would get slower every day."""
SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
TOKENS = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not may_read(request):
        sentence = "Metrics are for this machine itself, or for whoever sends METRICS_TOKEN as a bearer token.\n"
        return HttpResponse(sentence, status=403, content_type="text/plain")
    found = generate_latest(REGISTRY) + generate_latest(_of_the_database())
    return HttpResponse(found, content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    """With the token; without one configured, from this machine, and not through a proxy on it."""
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return constant_time_compare(given, settings.METRICS_TOKEN)
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _of_the_database() -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Jobs())
    registry.register(Usage())
    return registry


class Jobs(Collector):
    """Reads PostgreSQL at each scrape, so that any web process tells the same."""

    def collect(self) -> Iterable[Metric]:
        yield self._states()
        yield from self._queues()
        yield self._workers()
        yield from self._latest()

    def _states(self) -> Metric:
        family = GaugeMetricFamily("atrium_jobs", "Jobs by state", labels=["state"])
        counts = dict(GenerationJob.objects.order_by().values_list("state").annotate(Count("pk")))
        for state in State.values:
            family.add_metric([state], counts.get(state, 0))
        return family

    def _queues(self) -> Iterable[Metric]:
        depth = GaugeMetricFamily("atrium_queue_depth", "Jobs waiting, by model", labels=["model"])
        oldest = GaugeMetricFamily("atrium_queue_oldest_seconds", "Age of the job that waits longest", labels=["model"])
        waiting = GenerationJob.objects.filter(state=State.QUEUED).order_by()
        age = Extract(Now() - Min("created_at"), "epoch")
        rows = waiting.values_list("model_version__hosted_model").annotate(Count("pk"), age=age)
        for model, count, seconds in rows:
            depth.add_metric([model], count)
            oldest.add_metric([model], float(seconds))
        return depth, oldest

    def _workers(self) -> Metric:
        family = GaugeMetricFamily("atrium_workers", "Live workers, by model", labels=["model"])
        serves = [model for served in alive_workers().values_list("serves", flat=True) for model in served]
        for model in sorted(set(serves)):
            family.add_metric([model], serves.count(model))
        return family

    def _latest(self) -> Iterable[Metric]:
        ended = GenerationJob.objects.filter(state__in=TERMINAL).order_by("-created_at")
        rows = list(ended.values_list("queue_ms", "ttft_ms", "decode_ms", "completion_tokens")[:RECENT_JOBS])
        about = f"of the latest {RECENT_JOBS} ended jobs"
        yield histogram("atrium_latest_queue_seconds", f"From submit to claim, {about}", _seconds(rows, 0), SECONDS)
        yield histogram("atrium_latest_ttft_seconds", f"To the first token, {about}", _seconds(rows, 1), SECONDS)
        yield histogram("atrium_latest_decode_seconds", f"First token to last, {about}", _seconds(rows, 2), SECONDS)
        tokens = [float(row[3]) for row in rows]
        yield histogram("atrium_latest_completion_tokens", f"Tokens written, {about}", tokens, TOKENS)


def _seconds(rows: list[tuple[float | None, float | None, float | None, int]], column: int) -> list[float]:
    return [milliseconds / 1000 for row in rows if (milliseconds := row[column]) is not None]


def histogram(name: str, about: str, values: list[float], bounds: tuple[float, ...]) -> Metric:
    buckets = [(str(bound), float(sum(value <= bound for value in values))) for bound in bounds]
    return HistogramMetricFamily(name, about, buckets=[*buckets, ("+Inf", float(len(values)))], sum_value=sum(values))
