"""What a device can do, measured in the run whose numbers stand beside it, and the least time for given work on it.

t ≥ max(2 · P · T / F, bytes / B) for every step of a schedule like the engine's: P weights that each of T tokens is
multiplied with, F the rate of a large matrix product in the model's number format, bytes those of all weights as they
are kept and of the keys and values that the step's tokens see, B the highest rate at which this device read or copied
memory. The operations of attention, norms and sampling, and what is written, are left out: they would only raise it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch

from benchmarks.text.work import Request
from engine.device import finish
from engine.text.linears import LAID_OUT
from engine.text.loader import LoadedModel

LARGE, SIDE = {"cpu": 2**27, "accelerator": 2**32}, {"cpu": 1024, "accelerator": 8192}
"""Bytes to read, and the side of the matrices."""
IN_A_ROW, TRIES = 8, 4


@dataclass(frozen=True, slots=True)
class Rates:
    """Bytes and operations a second."""

    read: float
    copy: float
    product: float

    @property
    def memory(self) -> float:
        return max(self.read, self.copy)

    def told(self) -> dict[str, float]:
        return {
            "read_gb_per_second": round(self.read / 1e9, 1),
            "copy_gb_per_second": round(self.copy / 1e9, 1),
            "product_tflop_per_second": round(self.product / 1e12, 2),
        }


def rates(device: torch.device, dtype: torch.dtype) -> Rates:
    kind = "cpu" if device.type == "cpu" else "accelerator"
    numbers = torch.ones(LARGE[kind] // 4, device=device)
    few = numbers.view(torch.int32)
    target = torch.empty_like(numbers)
    read = min(_seconds(run, device) for run in (numbers.sum, numbers.amax, few.amax))
    copied = _seconds(lambda: target.copy_(numbers), device)
    left, right = (torch.randn(SIDE[kind], SIDE[kind], device=device).to(dtype) for _ in range(2))
    product = _seconds(lambda: left @ right, device)
    return Rates(numbers.nbytes / read, 2 * numbers.nbytes / copied, 2 * SIDE[kind] ** 3 / product)


class Roofline:
    def __init__(self, model: LoadedModel, rates: Rates) -> None:
        linears: dict[str, Any] = {
            name: one for name, one in model.module.named_modules() if hasattr(one, "in_features")
        }
        sizes: dict[str, int] = {name: one.in_features * one.out_features for name, one in linears.items()}
        self._output = sizes.pop("lm_head")
        self._layers = sum(sizes.values())
        self._rates, self._token = rates, model.shape.bytes_per_token
        self.weight_bytes: int = sum(
            one.nbytes if isinstance(one, LAID_OUT) else one.weight.nbytes for one in linears.values()
        )
        """As they are kept: half of what is computed with, where bfloat16 loses nothing."""

    def decode_bytes(self, context: float) -> float:
        """That one token of one sequence has to read."""
        return self.weight_bytes + context * self._token

    def step(self, tokens: int, sampled: int, seen: int) -> float:
        """seen: tokens whose keys and values are read."""
        operations = 2 * (self._layers * tokens + self._output * sampled)
        return max(operations / self._rates.product, self.decode_bytes(seen) / self._rates.memory)

    def seconds(self, work: list[Request], batch: int, prompt_tokens: int) -> float:
        """At most `batch` sequences at once, and so many tokens of prompts a step."""
        waiting, running, total = list(work)[::-1], list[_Running](), 0.0
        while waiting or running:
            while waiting and len(running) < batch:
                request = waiting.pop()
                running.append(_Running(len(request.prompt), request.tokens))
            tokens, sampled, seen, budget = 0, 0, 0, prompt_tokens
            for one in running:
                count = 1 if not one.unread else min(budget, one.unread)
                if one.unread:
                    budget -= count
                if count:
                    tokens, seen = tokens + count, seen + one.known + count
                    sampled += one.take(count)
            running = [one for one in running if one.left]
            total += self.step(tokens, sampled, seen)
        return total


@dataclass(slots=True)
class _Running:
    unread: int
    left: int
    known: int = 0

    def take(self, count: int) -> bool:
        """So many of its tokens were computed. Whether that makes it a new one."""
        self.known += count
        self.unread = max(0, self.unread - count)
        self.left -= not self.unread
        return not self.unread


def _seconds(run: Callable[[], object], device: torch.device) -> float:
    """Of one call, when some follow one another: the best of some tries."""
    best = float("inf")
    for _ in range(TRIES):
        finish(device)
        began = perf_counter()
        for _ in range(IN_A_ROW):
            run()
        finish(device)
        best = min(best, (perf_counter() - began) / IN_A_ROW)
    return best
