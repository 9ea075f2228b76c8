"""Our engine on all of W1, and with one sequence alone, beside the roofline."""

from __future__ import annotations

import argparse
import statistics
from dataclasses import asdict, replace
from time import perf_counter
from typing import Any

import torch

from benchmarks.text import contenders
from benchmarks.text.roofline import Rates, Roofline
from benchmarks.text.rounds import seconds, spread, tell
from benchmarks.text.work import Request, alike, made, offline, renewed
from engine.config import EngineConfig
from engine.memory import MIB
from engine.metrics import Counters
from engine.text.attention.shape import BLOCK_SIZE
from engine.text.engine import TextEngine
from engine.text.loader import LoadedModel

ALONE, BEFORE, TURNS = 256, 16, 3
"""Tokens that one sequence writes, tokens of its prompt, and how often."""


def engine_of(model: LoadedModel, config: EngineConfig, work: list[Request], counters: Counters) -> TextEngine:
    """Its cache holds all of the work."""
    blocks = sum(-(-(len(one.prompt) + one.tokens) // BLOCK_SIZE) + 1 for one in work)
    blocks = max(blocks, -(-model.context_length // BLOCK_SIZE))
    cache = -(-blocks * BLOCK_SIZE * model.shape.bytes_per_token // MIB)
    with torch.inference_mode():
        return TextEngine(model, replace(config, cache_mb=cache), counters)


class Clock:
    """Steps an engine, and adds up the time of those that read prompts and of those that only write."""

    def __init__(self, engine: TextEngine, counters: Counters) -> None:
        self._engine, self._counters = engine, counters
        self._spent = {"reading": [0, 0, 0.0], "writing": [0, 0, 0.0]}

    def step(self) -> None:
        counters = self._counters
        read, passes, began = counters.prompt_tokens, counters.steps, perf_counter()
        self._engine.step()
        spent = self._spent["reading" if counters.prompt_tokens > read else "writing"]
        spent[0] += 1
        spent[1] += counters.steps - passes
        spent[2] += perf_counter() - began

    def told(self) -> dict[str, dict[str, float]]:
        return {
            kind: {"steps": steps, "passes": passes, "seconds": round(seconds, 3)}
            for kind, (steps, passes, seconds) in self._spent.items()
        }


class Measured:
    """W1, then one sequence alone, by one engine that has warmed up."""

    def __init__(self, model: LoadedModel, config: EngineConfig, options: argparse.Namespace, rated: Rates) -> None:
        self._model, self._config, self._options, self._rated = model, config, options, rated
        self._roofline = Roofline(model, rated)
        size = {"shortest": options.shortest, "longest": options.longest}
        self.work = offline(options.sequences, model.vocabulary, **size)
        self.made: contenders.Made = []
        """In the first round."""
        self.rate = 0.0
        """Tokens a second, the median."""

    @torch.inference_mode()
    def results(self) -> dict[str, Any]:
        counters = Counters()
        engine = engine_of(self._model, self._config, self.work, counters)
        tell(f"attention “{engine.attention}”, cache {engine.cache_bytes / 2**30:.1f} GiB; warming up")
        warm = offline(self._options.batch, self._model.vocabulary, shortest=4, longest=64, seed=99)
        tell(f"warm after {seconds(lambda: contenders.written(engine, warm)):.1f} s")
        return {"W1": self._offline(engine, counters), "one_sequence": self._alone(engine)}

    def _offline(self, engine: TextEngine, counters: Counters) -> dict[str, Any]:
        tokens, batch = made(self.work), self._options.batch
        best = tokens / self._roofline.seconds(self.work, batch, self._config.prefill_tokens)
        tell(f"W1: {sum(len(one.prompt) for one in self.work)} tokens to read, {tokens} to make; roofline {best:.0f}/s")
        before, found, clock = replace(counters), [], Clock(engine, counters)
        for turn in range(self._options.rounds):
            work = self.work if turn == 0 else renewed(self.work, self._model.vocabulary, seed=turn)
            written: list[contenders.Made] = []
            found.append(tokens / seconds(lambda: written.append(contenders.written(engine, work, clock.step))))  # noqa: B023
            self.made = self.made or written[0]
            tell(f"W1, round {turn + 1}: {found[-1]:.0f} tokens/s, {found[-1] / best:.1%} of the roofline")
        self.rate = statistics.median(found)
        after = asdict(counters)
        names = ("steps", "compiled_steps", "preemptions", "isolated_steps", "prefix_hit_tokens")
        return {
            "tokens_per_second": spread(found),
            "roofline_tokens_per_second": round(best, 1),
            "roofline_part": round(self.rate / best, 3),
            "in_all_rounds": {name: after[name] - getattr(before, name) for name in names},
            "spent_in_all_rounds": clock.told(),
        }

    def _alone(self, engine: TextEngine) -> dict[str, Any]:
        found = []
        for turn in range(TURNS):
            work = alike(1, self._model.vocabulary, read=BEFORE, made=ALONE, seed=turn)
            found.append(ALONE / seconds(lambda work=work: contenders.written(engine, work)))  # type: ignore[misc]
        part = statistics.median(found) * self._roofline.decode_bytes(BEFORE + ALONE / 2) / self._rated.memory
        tell(f"one sequence: {statistics.median(found):.1f} tokens/s, {part:.1%} of the bandwidth")
        return {"tokens_per_second": spread(found), "bandwidth_part": round(part, 3)}
