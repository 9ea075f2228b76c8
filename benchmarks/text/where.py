"""Where a decode step's time goes: on the processor by function, on a GPU by kernel."""

from __future__ import annotations

import cProfile
import pstats
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks.text.contenders import asked
from benchmarks.text.work import Request, alike
from engine.device import finish
from engine.text.engine import TextEngine

WARM, TIMED, TRACED = 8, 40, 10
"""Steps."""
FUNCTIONS, OWN_TIME, KERNELS = 28, 16, 20
"""Rows of the tables."""


def wanted(vocabulary: int, sequences: int, context: int) -> list[Request]:
    """Enough for all steps, while a step may read the prompt of one sequence only."""
    return alike(sequences, vocabulary, read=context, made=2 * (WARM + TIMED) + TRACED + sequences, seed=sequences)


def decode_step(engine: TextEngine, work: list[Request], device: torch.device) -> dict[str, Any]:
    """Of all of `work` together. Prints tables; returns milliseconds of a step, and those of its kernels."""
    writing = asked(engine, work)
    while any(one.completion_tokens < WARM for one in writing):
        engine.step()
    finish(device)
    began = perf_counter()
    _steps(engine, TIMED)
    finish(device)
    whole = (perf_counter() - began) / TIMED
    print(f"\n{len(work)} sequences behind {len(work[0].prompt)} tokens: {whole * 1e3:.3f} ms a step", flush=True)
    busy = _kernels(engine, device)
    _functions(engine)
    for number in range(len(work)):
        engine.cancel(str(number))
    return {"step_ms": round(whole * 1e3, 3), "kernels_ms": round(busy * 1e3, 3)}


def _steps(engine: TextEngine, count: int) -> None:
    for _ in range(count):
        engine.step()


def _kernels(engine: TextEngine, device: torch.device) -> float:
    """Seconds of a step."""
    on_gpu = device.type == "cuda"
    activity, kind = (ProfilerActivity.CUDA, DeviceType.CUDA) if on_gpu else (ProfilerActivity.CPU, DeviceType.CPU)
    with profile(activities=[activity]) as traced:
        _steps(engine, TRACED)
        finish(device)
    rows = [
        (one.self_device_time_total if on_gpu else one.self_cpu_time_total, one.count, one.key)
        for one in traced.key_averages()
        if one.device_type == kind
    ]
    total = sum(spent for spent, _, _ in rows) / TRACED
    print(f"kernels: {total / 1e3:.3f} ms a step\n     µs/step  calls/step  kernel")
    for spent, calls, name in sorted(rows, reverse=True)[:KERNELS]:
        print(f"{spent / TRACED:12.1f}{calls / TRACED:12.1f}  {name[:90]}")
    return total / 1e6


def _functions(engine: TextEngine) -> None:
    """cProfile makes small functions look about twice as long as they are."""
    watched = cProfile.Profile()
    watched.enable()
    _steps(engine, TIMED)
    watched.disable()
    rows = [
        (cumulated, own, calls, f"{_short(file)}:{line} {name}")
        for (file, line, name), (_, calls, own, cumulated, _) in pstats.Stats(watched).stats.items()  # type: ignore[attr-defined]
    ]
    _table("functions of the engine, with what they call", [row for row in rows if "engine/" in row[3]], FUNCTIONS, 0)
    _table("all functions, alone", rows, OWN_TIME, 1)


def _table(title: str, rows: list[tuple[float, float, int, str]], most: int, by: int) -> None:
    print(f"{title}\n     ms/step   own ms/step  calls/step")
    for cumulated, own, calls, name in sorted(rows, key=lambda row: -row[by])[:most]:
        print(f"{cumulated / TIMED * 1e3:12.3f}{own / TIMED * 1e3:12.3f}{calls / TIMED:12.1f}  {name}")


def _short(file: str) -> str:
    return "/".join(Path(file).parts[-3:])
