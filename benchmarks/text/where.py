"""Where a decode pass' time goes: on the processor by function, on a GPU by kernel."""

from __future__ import annotations

import cProfile
import pstats
import sys
from functools import partial
from operator import itemgetter
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch.autograd import DeviceType  # type: ignore[attr-defined]  # where torch documents it
from torch.profiler import ProfilerActivity, profile

from benchmarks.text.contenders import asked
from benchmarks.text.work import Request, alike
from engine.device import finish
from engine.metrics import Counters
from engine.text.engine import TextEngine
from engine.text.pacing import MOST_PASSES

_show = partial(print, file=sys.stderr, flush=True)

WARM, TIMED, TRACED = 8, 40, 10
"""Passes, at least."""
FUNCTIONS, OWN_TIME, KERNELS = 28, 16, 20
"""Rows of the tables."""


def wanted(vocabulary: int, sequences: int, context: int) -> list[Request]:
    """Enough for all passes, while one may read the prompt of one sequence only."""
    passes = 2 * (WARM + TIMED) + TRACED + 4 * MOST_PASSES
    return alike(sequences, vocabulary, read=context, made=passes + sequences, seed=sequences)


def decode_pass(engine: TextEngine, counters: Counters, work: list[Request], device: torch.device) -> dict[str, Any]:
    """Of all of `work` together. Prints tables; returns milliseconds of a pass, and those of its kernels."""
    writing = asked(engine, work)
    while any(one.completion_tokens < WARM for one in writing):
        engine.step()
    finish(device)
    began = perf_counter()
    passes = _passes(engine, counters, TIMED)
    finish(device)
    whole = (perf_counter() - began) / passes
    _show(f"\n{len(work)} sequences behind {len(work[0].prompt)} tokens: {whole * 1e3:.3f} ms a pass")
    busy = _kernels(engine, counters, device)
    _functions(engine, counters)
    for number in range(len(work)):
        engine.cancel(str(number))
    return {"pass_ms": round(whole * 1e3, 3), "kernels_ms": round(busy * 1e3, 3)}


def _passes(engine: TextEngine, counters: Counters, least: int) -> int:
    """How many were made: a step may make several."""
    before = counters.steps
    while counters.steps < before + least:
        engine.step()
    return counters.steps - before


def _kernels(engine: TextEngine, counters: Counters, device: torch.device) -> float:
    """Seconds of a pass."""
    on_gpu = device.type == "cuda"
    activity, kind = (ProfilerActivity.CUDA, DeviceType.CUDA) if on_gpu else (ProfilerActivity.CPU, DeviceType.CPU)
    with profile(activities=[activity]) as traced:
        passes = _passes(engine, counters, TRACED)
        finish(device)
    rows = [
        (one.self_device_time_total if on_gpu else one.self_cpu_time_total, one.count, one.key)
        for one in traced.key_averages()
        if one.device_type == kind
    ]
    total = sum(spent for spent, _, _ in rows) / passes
    _show(f"kernels: {total / 1e3:.3f} ms a pass\n     µs/pass  calls/pass  kernel")
    for spent, calls, name in sorted(rows, reverse=True)[:KERNELS]:
        _show(f"{spent / passes:12.1f}{calls / passes:12.1f}  {name[:90]}")
    return float(total / 1e6)


def _functions(engine: TextEngine, counters: Counters) -> None:
    """cProfile makes small functions look about twice as long as they are."""
    watched = cProfile.Profile()
    watched.enable()
    passes = _passes(engine, counters, TIMED)
    watched.disable()
    rows = [
        (cumulated, own, calls, f"{_short(file)}:{line} {name}")
        for (file, line, name), (_, calls, own, cumulated, _) in pstats.Stats(watched).stats.items()  # type: ignore[attr-defined]
    ]
    _table(
        "functions of the engine, with what they call",
        [row for row in rows if "engine/" in row[3]],
        passes,
        FUNCTIONS,
        0,
    )
    _table("all functions, alone", rows, passes, OWN_TIME, 1)


def _table(title: str, rows: list[tuple[float, float, int, str]], passes: int, most: int, by: int) -> None:
    """by: the column, whose numbers are seconds."""
    _show(f"{title}\n     ms/pass   own ms/pass  calls/pass")
    for cumulated, own, calls, name in sorted(rows, key=itemgetter(by), reverse=True)[:most]:
        _show(f"{cumulated / passes * 1e3:12.3f}{own / passes * 1e3:12.3f}{calls / passes:12.1f}  {name}")


def _short(file: str) -> str:
    return "/".join(Path(file).parts[-3:])
