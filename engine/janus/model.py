"""A Janus in memory, ready to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL.Image import Image

from engine.chat import ChatFormat
from engine.janus.prompts import Marks
from engine.text.loader import LoadedModel
from engine.types import ImageFacts, SamplingParams


@dataclass(frozen=True, slots=True)
class LoadedJanus:
    text: LoadedModel
    """What the text engine has to know of it; its module is the whole model."""
    facts: ImageFacts
    sampling: SamplingParams
    chat: ChatFormat
    marks: Marks
    processor: Any
    """Makes of a picture what the model sees of it."""

    @property
    def module(self) -> Any:
        return self.text.module

    @property
    def janus(self) -> Any:
        """The parts below the output layer."""
        return self.module.model

    @property
    def language(self) -> Any:
        return self.janus.language_model

    @property
    def device(self) -> torch.device:
        return self.text.device

    @property
    def picture_tokens(self) -> int:
        """How many different ones there are."""
        return int(self.janus.generation_embeddings.num_embeddings)

    @property
    def dtype(self) -> torch.dtype:
        return self.text.dtype

    def see(self, pictures: Sequence[Image]) -> torch.Tensor:
        """`[tokens of all pictures, hidden]`, in place of their placeholders. pictures: RGB."""
        pixels = self.processor(images=list(pictures), return_tensors="pt").pixel_values
        seen = self.janus.vision_model(pixels.to(self.device, self.dtype)).last_hidden_state
        found: torch.Tensor = self.janus.aligner(seen).flatten(0, 1)
        return found

    def pixels(self, tokens: Sequence[int]) -> torch.Tensor:
        """(1, 3, height, width), about −1 … 1, float32, of all tokens of a picture."""
        ids = torch.tensor([list(tokens)], device=self.device)
        found: torch.Tensor = self.janus.vqmodel.decode(ids)
        return found.float()
