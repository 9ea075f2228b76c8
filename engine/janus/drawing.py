"""One picture in the making: a token at a time, chosen with the prompt's row led away from the row without it.

The tokens are those of transformers' `generate(…, generation_mode="image")`. Every picture has keys and values of its
own and is computed alone, so it is the same whatever else is being drawn. At every quarter of its tokens it is taken up
anew from these alone, as after a checkpoint: a picture that another worker goes on with takes the very same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from engine.image.orders import NonFinite
from engine.janus.model import LoadedJanus
from engine.janus.prompts import without_prompt
from engine.text.draw import Draw, drawn
from engine.types import ImageParams

QUARTERS = 4


class Drawing:
    """Call from the engine thread, in inference mode."""

    def __init__(self, model: LoadedJanus, prompt: Sequence[int], params: ImageParams, tokens: Sequence[int]) -> None:
        """prompt: as `engine.janus.prompts` makes it. tokens: of the picture, so far."""
        self.tokens, self.steps = list(tokens), model.facts.steps
        self._model, self._guidance = model, params.guidance
        self._prompt = [list(prompt)]
        if model.facts.rows(params.guidance) == 2:  # transformers fails where there is none to lead away from
            self._prompt.append(without_prompt(prompt, model.marks))
        generator = torch.Generator().manual_seed(params.seed)
        self._uniform: list[float] = torch.rand(self.steps, dtype=torch.float64, generator=generator).tolist()
        """One number for each token, so that it doesn't matter where one begins."""
        self._cache: Any = None
        """Keys and values of the prompt and of all tokens but the newest; None where they have to be found again."""

    @property
    def over(self) -> bool:
        return len(self.tokens) >= self.steps

    @property
    def at_quarter(self) -> bool:
        """Whether the next token is found from the tokens so far alone."""
        return len(self.tokens) == self._quarter()

    def step(self) -> None:
        """One token more. After an exception it can be called again. Raises NonFinite."""
        cache, self._cache = self._cache, None  # while it is changed it isn't to be trusted
        logits, cache = self._next(cache)
        if not bool(torch.isfinite(logits).all()):
            raise NonFinite
        uniform = [self._uniform[len(self.tokens)]]
        self.tokens += drawn(logits, Draw.of([self._model.sampling], uniform, logits.device))
        self._cache = cache

    def _quarter(self) -> int:
        """Of the tokens so far, those up to the last quarter."""
        each = max(1, -(-self.steps // QUARTERS))
        return len(self.tokens) // each * each

    def _next(self, cache: Any) -> tuple[torch.Tensor, Any]:
        """`[1, image tokens]`, float32, of the next token, and the cache with all before it."""
        if cache is None or self.at_quarter:
            cache, read = None, self._quarter()
            inputs = [self._begun(read), *map(self._picture_tokens, ([token] for token in self.tokens[read:]))]
        else:
            inputs = [self._picture_tokens(self.tokens[-1:])]
        for embedded in inputs:
            output = self._model.language(inputs_embeds=embedded, past_key_values=cache, use_cache=True)
            cache = output.past_key_values
        return self._guided(self._model.janus.generation_head(output.last_hidden_state[:, -1]).float()), cache

    def _begun(self, read: int) -> torch.Tensor:
        """The prompt, and so many of the picture's tokens."""
        prompt = torch.tensor(self._prompt, device=self._model.device)
        embedded: torch.Tensor = self._model.module.get_input_embeddings()(prompt)
        return torch.cat([embedded, self._picture_tokens(self.tokens[:read])], dim=1) if read else embedded

    def _picture_tokens(self, tokens: list[int]) -> torch.Tensor:
        """`[rows, tokens, hidden]`"""
        ids = torch.tensor([tokens], device=self._model.device)
        embedded: torch.Tensor = self._model.module.prepare_embeddings_for_image_generation(ids)
        return embedded.expand(len(self._prompt), -1, -1)

    def _guided(self, rows: torch.Tensor) -> torch.Tensor:
        if len(rows) == 1:
            return rows
        with_prompt, without = rows[:1], rows[1:]
        return without + self._guidance * (with_prompt - without)
