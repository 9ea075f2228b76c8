"""How a Janus wants its conversations, pictures among them. Imports neither torch nor transformers.

As transformers' JanusProcessor makes them: the tokenizer's opening token, the makers' own system prompt where the
folder asks for it, then what the template makes of the messages, with one placeholder for each picture. The engine puts
the picture's tokens in its place (`engine.janus.prompts.with_places`); here they are only counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from engine.architectures import UnsupportedModel, read_object
from engine.chat import ChatError, ChatFormat
from engine.chat.source import chat_template_of, special_tokens_of
from engine.chat.tokens import Tokens
from engine.janus.folder import read_janus
from engine.janus.prompts import picture_length

PROCESSOR = "processor_config.json"
IMAGE_TOKEN = 100581
"""Where config.json leaves it out, as in transformers' JanusConfig."""
MAKERS_PROMPT = (
    "You are a helpful language and vision assistant. "
    "You are able to understand the visual content that the user provides, "
    "and assist the user with a variety of tasks using natural language.\n\n"
)
"""DEFAULT_SYSTEM_PROMPT of transformers' processing_janus.py: before texts, where the folder says
`use_default_system_prompt`."""


class JanusChat(ChatFormat):
    """Immutable and thread-safe, as any ChatFormat."""

    sees = True

    def __init__(
        self,
        tokens: Tokens,
        source: str,
        special_tokens: Mapping[str, str],
        before: str = "",
        *,
        place: int,
        picture: int,
    ) -> None:
        """place: the id of a placeholder. picture: tokens that a picture takes, those around it included."""
        super().__init__(tokens, source, special_tokens, before)
        self._place, self._picture = place, picture
        opening = tokens.control.get(special_tokens.get("bos_token", ""))
        self._opening = [] if opening is None else [opening]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """From a checked model's folder. Raises ChatError."""
        tokens, source, named = Tokens(folder / "tokenizer.json"), chat_template_of(folder), special_tokens_of(folder)
        try:
            read, told = read_janus(folder), _processor(folder)
        except (UnsupportedModel, OSError) as error:
            raise ChatError(str(error)) from error
        before = MAKERS_PROMPT if told.get("use_default_system_prompt") is True else ""
        place = int(read.settings.get("image_token_id", IMAGE_TOKEN))
        return cls(tokens, source, named, before, place=place, picture=picture_length(read.facts.steps))

    def encode(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        add_generation_prompt: bool = True,
        effort: str | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> list[int]:
        """As ChatFormat's. Raises ChatError also where the template has no place for the pictures."""
        ids = super().encode(messages, add_generation_prompt=add_generation_prompt, effort=effort, tools=tools)
        pictures = sum(message.get("pictures", 0) for message in messages)
        if ids.count(self._place) != pictures:
            raise ChatError("The model's chat template has no place for these pictures. Ask without them.")
        return ids if ids[:1] == self._opening else [*self._opening, *ids]

    def length(self, ids: Sequence[int]) -> int:
        return len(ids) + ids.count(self._place) * (self._picture - 1)


def _processor(folder: Path) -> Mapping[str, Any]:
    return read_object(folder, PROCESSOR) if (folder / PROCESSOR).is_file() else {}
