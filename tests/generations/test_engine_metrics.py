"""Prometheus reads what the engine counts."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, generate_latest

from apps.generations.engine_metrics import EngineCollector
from engine.service import EngineThread
from tests.engine.conftest import checkpoints, make_engine  # noqa: F401 - fixtures
from tests.engine.recorder import submit

PROMPT = list(range(10, 60))


def test_counters_grow_with_what_the_engine_does(make_engine: Callable[..., EngineThread]) -> None:  # noqa: F811
    engine = make_engine()
    registry = CollectorRegistry()
    registry.register(EngineCollector(engine.metrics))
    for name in ("one", "two"):
        submit(engine, "Llama", PROMPT, request_id=name).finish()
    told = generate_latest(registry).decode()
    assert "atrium_engine_completion_tokens_total 48.0" in told
    assert "atrium_engine_prefix_hit_tokens_total 48.0" in told
    drafted, accepted = (
        registry.get_sample_value(f"atrium_engine_{name}_tokens_total") for name in ("drafted", "accepted")
    )
    assert drafted is not None
    assert accepted is not None
    assert drafted >= accepted >= 0
    assert "atrium_engine_running 0.0" in told
    assert 'atrium_engine_models{attention="' in told


def test_what_models_take_is_told(make_engine: Callable[..., EngineThread]) -> None:  # noqa: F811
    engine = make_engine(max_resident=1, memory_mb=64)
    registry = CollectorRegistry()
    registry.register(EngineCollector(engine.metrics))
    for name in ("Llama", "Qwen2"):
        submit(engine, name, PROMPT, request_id=name).finish()
    now = engine.metrics()
    for part, size in (("weights", now.weight_bytes), ("cache", now.cache_bytes)):
        assert size > 0
        assert registry.get_sample_value("atrium_engine_memory_bytes", {"part": part}) == size
    told = generate_latest(registry).decode()
    assert "atrium_engine_loaded_models 1.0" in told
    assert registry.get_sample_value("atrium_engine_memory_budget_bytes") == 64 * 2**20
    assert "atrium_engine_loads_total 2.0" in told
    assert "atrium_engine_evictions_total 1.0" in told
    assert (registry.get_sample_value("atrium_engine_load_seconds_total") or 0) > 0
