"""Counters of one engine, written by its thread and read by any. Imports neither torch nor transformers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Only ever grow. Every field is written by the engine thread alone, so reading needs no lock."""

    steps: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    busy_seconds: float = 0.0
    """Spent in steps: reading prompts and making tokens, loading excluded."""
    loads: int = 0
    load_seconds: float = 0.0
    load_failures: int = 0
    evictions: int = 0
    adapter_loads: int = 0
    adapter_evictions: int = 0
    preemptions: int = 0
    """Sequences that gave their place in the cache back, to be computed again later."""
    prefix_hit_tokens: int = 0
    """Prompt tokens that were found in the cache instead of being computed."""
    drafted_tokens: int = 0
    """Guessed and computed together with a known token."""
    accepted_tokens: int = 0
    """Of those, the ones that the model chose too."""
    isolated_steps: int = 0
    """Steps that raised and were run again one sequence at a time."""
    out_of_memory: int = 0
    """Loads and steps for which the memory didn't suffice; most go well after idle models have made room."""
    refused: int = 0
    """Requests that would have waited for too long."""
    graphs_built: int = 0
    """Compiled at a load: never afterwards."""
    graphs_reused: int = 0
    """Found compiled, by an earlier load or an earlier process."""
    compile_seconds: float = 0.0
    """Of loads, for both."""
    compile_failures: int = 0
    """Models that were to be compiled and run without."""
    compiled_steps: int = 0
    """Of the steps, those that ran through compiled, fused or packed layers."""


@dataclass(frozen=True, slots=True)
class EngineMetrics:
    """A snapshot of the counters and of what is going on."""

    steps: int
    prompt_tokens: int
    completion_tokens: int
    busy_seconds: float
    loads: int
    load_seconds: float
    load_failures: int
    evictions: int
    adapter_loads: int
    adapter_evictions: int
    preemptions: int
    prefix_hit_tokens: int
    drafted_tokens: int
    accepted_tokens: int
    isolated_steps: int
    out_of_memory: int
    refused: int
    graphs_built: int
    graphs_reused: int
    compile_seconds: float
    compile_failures: int
    compiled_steps: int
    running: int
    """Sequences that hold a slot."""
    waiting: int
    """Accepted requests without one, those whose model is still loading included."""
    loaded: tuple[str, ...]
    attention: tuple[str, ...]
    """The chosen way of each loaded model, in the same order."""
    adapters: tuple[str, ...]
    """The loaded ones, of all models."""
    loading: str | None
    memory_budget: int
    """Bytes that weights and caches of all models may take."""
    weight_bytes: int
    cache_bytes: int
    """What the loaded ones take."""
    predicted_wait: float
    """Seconds that a new request would wait, for the loaded model where it is longest; 0 where nothing was measured."""
