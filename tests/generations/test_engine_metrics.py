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
    assert "atrium_engine_running 0.0" in told
    assert 'atrium_engine_models{attention="' in told
