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
    "drafted_tokens": "Tokens guessed from what the text said before, and computed with the next one",
    "accepted_tokens": "Guessed tokens that were right",
    "preemptions": "Sequences that gave their place in the cache back",
    "busy_seconds": "Spent in forward passes",
    "loads": "Models loaded",
    "load_seconds": "Spent from asking for a model until it was loaded, waiting for room left out",
    "load_failures": "Models that could not be loaded",
    "evictions": "Models that made room for others",
    "adapter_loads": "LoRA adapters loaded",
    "adapter_evictions": "LoRA adapters that made room for others",
    "out_of_memory": "Loads and steps for which the memory didn't suffice at first",
    "refused": "Requests that would have waited for too long",
    "isolated_steps": "Steps that failed and were run again one sequence at a time",
    "graphs_built": "Kinds of layers compiled, at loads and never later",
    "graphs_reused": "Kinds of layers that were found compiled",
    "compile_seconds": "Of load_seconds, those for compiled layers",
    "compile_failures": "Models that were to be compiled and run without",
    "compiled_steps": "Forward passes through compiled or fused layers",
}
GAUGES = {
    "running": "Sequences being computed",
    "waiting": "Requests that wait",
    "predicted_wait": "Seconds that a new request would wait, for the loaded model where it is longest",
}


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
        yield from _memory(now)
        ways = GaugeMetricFamily("atrium_engine_models", "Loaded models by the attention chosen", labels=["attention"])
        for way in sorted(set(now.attention)):
            ways.add_metric([way], now.attention.count(way))
        yield ways


def _memory(now: EngineMetrics) -> Iterator[Metric]:
    yield GaugeMetricFamily("atrium_engine_loaded_models", "Models in memory", value=len(now.loaded))
    yield GaugeMetricFamily("atrium_engine_loading", "Whether a model is being loaded", value=now.loading is not None)
    yield GaugeMetricFamily(
        "atrium_engine_memory_budget_bytes", "What weights and caches of all models may take", value=now.memory_budget
    )
    taken = GaugeMetricFamily("atrium_engine_memory_bytes", "What the loaded models take", labels=["part"])
    taken.add_metric(["weights"], now.weight_bytes)
    taken.add_metric(["cache"], now.cache_bytes)
    yield taken
