"""Perplexity on a fixed text, and whether the same token would come next, with full and with rounded weights.

Both go through the engine's own forward pass, on the processor.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch

from engine.config import EngineConfig
from engine.loaded import at_once
from engine.quality.process import Quality
from engine.text.attention.choice import choose
from engine.text.attention.shape import BLOCK_SIZE
from engine.text.loader import LoadedModel, load_model
from engine.text.runner import Runner
from engine.text.scheduler import Chunk, Step
from engine.text.sequence import Sequence
from engine.weights import Weights

TEXT = Path(__file__).with_name("text.txt")
MOST_CONTEXT = 4096
WRITTEN = 32
"""Tokens that full weights write after each prompt."""
ROWS = 256
"""Rows of logits at once: those of a large vocabulary take much memory."""
PROMPTS = (
    "The capital of France is",
    "Water boils when it is heated because",
    "Dear neighbour, I am writing to you because",
    "def largest(numbers):\n    ",
    "Once upon a time there was a miller who had",
    "The three most important things to know about bread are",
    "Frage: Wie viele Tage hat ein Jahr? Antwort:",
    "To be more productive at work, first of all",
)


def compare(folder: Path, weights: Weights) -> Quality:
    """Needs memory for one model at a time. Raises LoadFailed."""
    full = Scorer(folder, "full")
    text, prompts = full.tokens(TEXT.read_text(encoding="utf-8")), [full.tokens(prompt) for prompt in PROMPTS]
    written = [full.written(prompt) for prompt in prompts]
    full_loss = full.loss(text)
    del full
    other = Scorer(folder, weights)
    loss = other.loss(text)
    same = sum(other.foreseen(prompt, tokens) for prompt, tokens in zip(prompts, written, strict=True))
    return Quality(
        perplexity=math.exp(loss),
        full_perplexity=math.exp(full_loss),
        text_tokens=len(text) - 1,
        same_tokens=same,
        compared_tokens=sum(map(len, written)),
    )


class Scorer:
    """One model with a cache for one sequence."""

    def __init__(self, folder: Path, weights: Weights) -> None:
        self._model = _loaded(folder, weights)
        blocks = -(-self._model.context_length // BLOCK_SIZE)
        self._blocks = list(range(blocks))
        self._runner = Runner(self._model, choose(self._model.shape, "auto")(self._model.shape, blocks))

    def tokens(self, text: str) -> list[int]:
        """As many as fit into the context."""
        ids: list[int] = self._model.tokenizer.encode(text).ids
        return ids[: self._model.context_length]

    def loss(self, tokens: list[int]) -> float:
        """Mean of −log p of each token after all before it, the first one left out."""
        total = 0.0
        for start in range(0, len(tokens) - 1, ROWS):
            after = tokens[start + 1 : start + ROWS + 1]
            logits = self._after(tokens[: start + ROWS], start)[: len(after)]
            chosen = logits.gather(1, torch.tensor(after)[:, None])[:, 0]
            total += float((logits.logsumexp(-1) - chosen).double().sum())
        return total / (len(tokens) - 1)

    def written(self, prompt: list[int]) -> list[int]:
        """Greedily; end tokens don't end it."""
        tokens, start = list(prompt), 0
        while len(tokens) < min(len(prompt) + WRITTEN, self._model.context_length):
            logits = self._after(tokens, start)
            start = len(tokens)
            tokens.append(int(logits[-1].argmax()))
        return tokens[len(prompt) :]

    def foreseen(self, prompt: list[int], written: list[int]) -> int:
        """How many of these tokens it would have chosen itself, each after the ones before it."""
        best = self._after(prompt + written[:-1], 0)[len(prompt) - 1 :].argmax(-1).tolist()
        return sum(mine == theirs for mine, theirs in zip(best, written, strict=True))

    def _after(self, tokens: list[int], start: int) -> torch.Tensor:
        """Logits after each token from `start` on, those before it being in the cache."""
        sequence = Sequence("text", tokens[: start + 1], blocks=self._blocks)
        return self._runner.run(Step(decodes=[Chunk(sequence, start, 1, tuple(tokens[start + 1 :]))]), [None])


def _loaded(folder: Path, weights: Weights) -> LoadedModel:
    return at_once(load_model(folder, EngineConfig(device="cpu", max_context=MOST_CONTEXT), weights))
