"""W2: requests that come while others run; times as `vllm bench serve` defines them."""

from __future__ import annotations

import statistics
import threading
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from benchmarks.text.work import Arrival, Request, online
from engine.config import EngineConfig
from engine.service import EngineThread, FolderSource
from engine.types import Event, FinishEvent, GenerationRequest, SamplingParams, TextEvent

LONG_PROMPT = 1500
"""Tokens of the prompt that is read while others write."""


class Watched:
    """One request and when its tokens came."""

    def __init__(self, engine: EngineThread, name: str, request: Request) -> None:
        self.sent, self.times = monotonic(), list[float]()
        self.done = threading.Event()
        params = SamplingParams(temperature=0, max_tokens=request.tokens, ignore_eos=True)
        engine.submit(GenerationRequest(name, "model", tuple(request.prompt), params, tenant="bench"), self._take)

    def _take(self, event: Event) -> None:
        if isinstance(event, TextEvent):
            self.times.append(monotonic())
        elif isinstance(event, FinishEvent):
            self.done.set()

    @property
    def ttft(self) -> float:
        return self.times[0] - self.sent

    def gaps(self, begin: float, end: float) -> list[float]:
        """Between tokens (ITL), of those that came in this time."""
        pairs = zip(self.times, self.times[1:], strict=False)
        return [later - earlier for earlier, later in pairs if begin <= later <= end]


def started(folder: Path, config: EngineConfig) -> EngineThread:
    engine = EngineThread(FolderSource(model=folder), config)
    engine.start()
    Watched(engine, "warm up", Request([20] * 40, 8)).done.wait()
    return engine


def shared_prefix(folder: Path, vocabulary: int, settings: dict[str, Any], *, requests: int, rate: float) -> float:
    """Median TTFT in seconds of the requests whose beginning was seen before."""
    engine = started(folder, EngineConfig(**settings))
    watched = _run(engine, online(requests, vocabulary, rate=rate))
    engine.stop(drain_seconds=0)
    return statistics.median(one.ttft for arrival, one in watched[2:] if arrival.shares_prefix)


def beside_a_long_prompt(folder: Path, vocabulary: int, settings: dict[str, Any], *, writing: int) -> dict[str, float]:
    """p99 of the time between tokens of `writing` completions, without and with a long prompt being read, in ms."""
    engine = started(folder, EngineConfig(**settings))
    texts = [[(7 * number + place) % vocabulary for place in range(24)] for number in range(writing)]
    others = [Watched(engine, f"{number}", Request(text, 1600)) for number, text in enumerate(texts)]
    while any(len(one.times) < 60 for one in others):
        sleep(0.05)
    quiet = (max(one.times[20] for one in others), monotonic())
    long = Watched(engine, "long", Request([(11 * place) % vocabulary for place in range(LONG_PROMPT)], 1))
    long.done.wait()
    busy = (long.sent, monotonic())
    alone, beside = (
        sorted(gap for one in others for gap in one.gaps(*span)) for span in (quiet, busy)
    )  # fmt: skip
    for number in range(writing):
        engine.cancel(f"{number}")
    engine.stop(drain_seconds=5)
    return {
        "p99_itl_ms": round(_quantile(alone, 0.99) * 1e3, 1),
        "p99_itl_beside_ms": round(_quantile(beside, 0.99) * 1e3, 1),
        "ratio": round(_quantile(beside, 0.99) / _quantile(alone, 0.99), 2),
        "long_prompt_seconds": round(busy[1] - busy[0], 2),
    }


def _run(engine: EngineThread, arrivals: list[Arrival]) -> list[tuple[Arrival, Watched]]:
    began, watched = monotonic(), []
    for number, arrival in enumerate(arrivals):
        sleep(max(0.0, began + arrival.at - monotonic()))
        watched.append((arrival, Watched(engine, f"request {number}", arrival.request)))
    for _, one in watched:
        one.done.wait()
    return watched


def _quantile(values: list[float], part: float) -> float:
    return values[min(len(values) - 1, int(part * len(values)))]
