"""Loads a pipeline that is called as a whole."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch

from engine.chat.source import chat_template_of, special_tokens_of
from engine.chat.template import ChatTemplate
from engine.config import EngineConfig
from engine.device import pick_device, pick_dtype
from engine.image.compatible.latents import latents_of
from engine.image.parts import failures_told, read_parts
from engine.image.preview import Previewer
from engine.pipeline_kinds import PipelineKind
from engine.pipelines import pixels_per_latent, read_pipeline
from engine.types import ImageFacts


@dataclass(frozen=True, slots=True)
class WholePipeline:
    """What pictures are drawn with."""

    kind: PipelineKind
    facts: ImageFacts
    parts: Mapping[str, Any]
    """Shared by all pictures; each gets a scheduler of its own."""
    settings: Mapping[str, bool]
    previewer: Previewer
    dtype: torch.dtype
    device: torch.device

    def pipeline(self, name: str, scheduler: Any) -> Any:
        """A new one, so that nothing is left in it by a picture that ended half-way. Making it costs no memory. name:
        of a class that is made of these parts."""
        made_of = {**self.kind.made, **self.settings, **self.parts, "scheduler": scheduler}
        return getattr(diffusers, name)(**made_of)


def load_whole(folder: Path, config: EngineConfig) -> Generator[None, None, WholePipeline]:
    """Yields while it reads. Raises LoadFailed."""
    with failures_told():
        read = read_pipeline(folder)
        device = pick_device(config)
        dtype = pick_dtype(config, device)
        if dtype == torch.float16:
            dtype = torch.bfloat16  # T5 and Gemma overflow in float16, and so do some of the VAEs
        parts = yield from read_parts(folder, read, dtype, device)
        if read.kind.chats:
            _limit_template(parts["tokenizer"], folder / "tokenizer")
        yield
        previewer = Previewer(
            lambda pixels, _: latents_of(parts["vae"], pixels), pixels_per_latent(parts["vae"].config)
        )
        return WholePipeline(read.kind, read.facts, parts, read.settings, previewer, dtype, device)


def _limit_template(tokenizer: Any, folder: Path) -> None:
    """Its chat template comes with the model: it is rendered inside the same limits as those of models that write."""
    template = ChatTemplate(chat_template_of(folder), special_tokens_of(folder))

    def apply_chat_template(
        messages: list[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool, enable_thinking: bool
    ) -> str:
        assert not tokenize
        return template.render(messages, add_generation_prompt=add_generation_prompt, thinking=enable_thinking)

    tokenizer.apply_chat_template = apply_chat_template
