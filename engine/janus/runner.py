"""Reads and writes texts as the compatible lane does, with what was seen in the places of pictures."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import torch

from engine.image.pixels import open_picture
from engine.janus.model import LoadedJanus
from engine.text.compatible.runner import CompatibleRunner
from engine.text.sequence import Sequence


class JanusRunner(CompatibleRunner):
    def __init__(self, model: LoadedJanus, blocks: int) -> None:
        super().__init__(model.text, blocks)
        self._janus = model
        self._seen: WeakKeyDictionary[Sequence, torch.Tensor] = WeakKeyDictionary()
        """What the pictures of a prompt look like to the model."""

    def _inputs(self, sequence: Sequence, begin: int, end: int) -> dict[str, Any]:
        inputs = super()._inputs(sequence, begin, end)
        image, prompt = self._janus.marks.image, sequence.tokens[: sequence.prompt_tokens]
        places = [place for place, token in enumerate(prompt[begin:end]) if token == image]
        if not sequence.images or not places:
            return inputs
        before = prompt[:begin].count(image)
        embedded = self._janus.module.get_input_embeddings()(inputs["input_ids"])
        embedded[0, places] = self._looked_at(sequence)[before : before + len(places)]
        return {"inputs_embeds": embedded}

    def _looked_at(self, sequence: Sequence) -> torch.Tensor:
        if sequence not in self._seen:
            self._seen[sequence] = self._janus.see([open_picture(data, "RGB") for data in sequence.images])
        return self._seen[sequence]
