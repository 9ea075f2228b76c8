"""What the engine of this worker counts, for Prometheus: read when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.metrics import EngineMetrics

COUNTERS = {
    "steps": "Forward passes",
    "prompt_tokens": "Prompt tokens computed",
    "prefix_hit_tokens": "Prompt tokens found in the cache instead",
    "completion_tokens": "Tokens made",
    "preemptions": "Sequences that gave their place in the cache back",
    "busy_seconds": "Spent in forward passes",
    "loads": "Models loaded",
    "load_failures": "Models that could not be loaded",
    "evictions": "Models that made room for others",
    "adapter_loads": "LoRA adapters loaded",
    "adapter_evictions": "LoRA adapters that made room for others",
    "isolated_steps": "Steps that failed and were run again one sequence at a time",
}
GAUGES = {"running": "Sequences being computed", "waiting": "Requests that wait"}


class EngineCollector(Collector):
    def __init__(self, metrics: Callable[[], EngineMetrics]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        now = self._metrics()
        for name, words in COUNTERS.items():
            yield CounterMetricFamily(f"atrium_engine_{name}", words, value=getattr(now, name))
        for name, words in GAUGES.items():
            yield GaugeMetricFamily(f"atrium_engine_{name}", words, value=getattr(now, name))
        yield GaugeMetricFamily("atrium_engine_adapters", "LoRA adapters in memory", value=len(now.adapters))
        ways = GaugeMetricFamily("atrium_engine_models", "Loaded models by the attention chosen", labels=["attention"])
        for way in sorted(set(now.attention)):
            ways.add_metric([way], now.attention.count(way))
        yield ways
