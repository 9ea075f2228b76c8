"""What this machine can do, measured in the run whose numbers stand beside it, and how near the engine comes."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from time import perf_counter
from typing import Any

import torch

from benchmarks.text.work import Request
from engine.text.loader import LoadedModel

ROWS = 512


def rates(model: LoadedModel) -> dict[str, Any]:
    """Memory read rate, and matrix rate with this model's own weights and number format."""
    numbers = torch.ones(2**26)
    linear = max(_linears(model), key=lambda one: min(one.in_features, one.out_features))
    rows = torch.ones(1, ROWS, linear.in_features, dtype=model.dtype)
    operations = 2 * ROWS * linear.in_features * linear.out_features
    return {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "read_gb_per_second": round(numbers.nbytes / _best(numbers.sum) / 1e9, 1),
        "gflop_per_second": round(operations / _best(lambda: linear(rows)) / 1e9),
    }


def best(measured: list[dict[str, Any]]) -> dict[str, Any]:
    """Of rates measured again and again, since other work takes from them for minutes: what the machine can do."""
    told = measured[0] | {
        name: max(one[name] for one in measured) for name in ("read_gb_per_second", "gflop_per_second")
    }
    return told | {"lowest_gflop_per_second": min(one["gflop_per_second"] for one in measured)}


def roofline_seconds(model: LoadedModel, work: list[Request], batch: int, machine: dict[str, Any]) -> float:
    """The least time this work can take: t ≥ max(2 · P · T / F, bytes read / bandwidth), of reading all prompts and of
    `batch` completions at a time."""
    weights = _weights(model)
    flops, bandwidth = machine["gflop_per_second"] * 1e9, machine["read_gb_per_second"] * 1e9
    prompts, made = sum(len(one.prompt) for one in work), sum(one.tokens for one in work)
    reading = 2 * weights * prompts / flops
    kept = statistics.mean(len(one.prompt) + one.tokens / 2 for one in work) * model.shape.bytes_per_token
    step = max(2 * weights * batch / flops, (weights * model.dtype.itemsize + batch * kept) / bandwidth)
    return float(reading + made / batch * step)


def _weights(model: LoadedModel) -> int:
    """Numbers that every token is multiplied with: all but the embedding, the output layer included."""
    return sum(one.in_features * one.out_features for one in _linears(model))


def _linears(model: LoadedModel) -> list[Any]:
    """Of torch, or what stands in their place."""
    return [one for one in model.module.modules() if hasattr(one, "in_features")]


def _best(run: Callable[[], object]) -> float:
    times = []
    for _ in range(12):
        began = perf_counter()
        run()
        times.append(perf_counter() - began)
    return min(times)
