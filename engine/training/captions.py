"""What is said about each picture of a step: one of its captions, or nothing."""

from __future__ import annotations

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import CLIPTokenizer

from engine.training.diffusion import tokens_of


class Captions:
    """All captions' tokens on one device, so that choosing among them waits for nothing."""

    def __init__(self, tokenizer: CLIPTokenizer, captions: list[list[str]], device: torch.device) -> None:
        self._tokens = pad_sequence([tokens_of(tokenizer, each) for each in captions], batch_first=True).to(device)
        self._counts = torch.tensor([len(each) for each in captions], device=device)
        self._empty = tokens_of(tokenizer, [""]).to(device)

    def choose(self, rows: torch.Tensor, generator: torch.Generator, *, without: float) -> torch.Tensor:
        """[rows, words]; the share `without` of them is empty."""
        dropped, choices = torch.rand(2, len(rows), generator=generator, device=generator.device)
        counts = self._counts[rows]
        chosen = self._tokens[rows, torch.minimum((choices * counts).long(), counts - 1)]
        return torch.where(dropped[:, None] < without, self._empty, chosen)
