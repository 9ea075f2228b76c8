"""Each phase alone: many sequences writing, one sequence writing, prompts being read."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.text import contenders
from benchmarks.text.llama import LlamaCpp, name_of
from benchmarks.text.rounds import over, seconds, spread, tell
from benchmarks.text.work import Request, alike, made
from engine.config import Compile, EngineConfig
from engine.metrics import Counters
from engine.text.engine import TextEngine

Run = Callable[[list[Request]], object]
MANY, WRITTEN, READ = 32, 32, 256
"""Sequences at once; tokens each of them writes; tokens of each prompt."""
BEGINNING = 16
"""Tokens before those that are written."""


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Tokens a second of each contender, and ours over each of the others: of tokens made, or read."""
    kinds = ("full", *options.weights)
    ours = {name: _ours(folder, options, name) for name in kinds}
    if options.compile == "on":
        ours |= {f"{name}, compiled": _ours(folder, options, name, "on") for name in kinds}
    theirs: dict[str, Run] = {}
    for file in options.gguf:
        theirs[name_of(file)] = LlamaCpp(file, sequences=MANY, context=2 * READ, threads=options.threads).run
    work = {
        f"decode of {MANY}": alike(MANY, ours["full"][0], read=BEGINNING, made=WRITTEN),
        "decode of one": alike(1, ours["full"][0], read=BEGINNING, made=WRITTEN),
        "prompts": alike(8, ours["full"][0], read=READ, made=1),
    }
    contestants = {f"ours, {name}": run for name, (_, run) in ours.items()} | theirs
    return {phase: _in_turns(contestants, some, options.rounds, phase) for phase, some in work.items()}


def _ours(folder: Path, options: argparse.Namespace, weights: Any, compile: Compile = "off") -> tuple[int, Run]:
    """The same work comes in every round, so nothing may be found in the cache."""
    config = EngineConfig(
        device="cpu", dtype=options.dtype, max_sequences=MANY, stall_factor=float("inf"), speculate=False,
        compile=compile, prefix_cache=False,
    )  # fmt: skip
    model = contenders.load_ours(folder, config, weights)
    engine = TextEngine(model, config, Counters())
    return model.vocabulary, lambda some: contenders.written(engine, some)


def _in_turns(contestants: dict[str, Run], work: list[Request], rounds: int, phase: str) -> dict[str, Any]:
    amount = sum(len(one.prompt) for one in work) if phase == "prompts" else made(work)
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, run in contestants.items():
            rate = amount / seconds(lambda run=run: run(work))  # type: ignore[misc]
            if turn:  # the first is for whatever is lazy
                rates[name].append(rate)
                tell(f"{phase}, {name}: {rate:.1f} tokens a second")
    return {
        "tokens_per_second": {name: spread(values) for name, values in rates.items()},
        "over": {name: over(rates, name) for name in contestants if name.startswith("ours")},
    }
