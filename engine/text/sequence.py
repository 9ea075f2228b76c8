"""A request inside the scheduler: its tokens and how far they are in the cache. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Sequence:
    """Prompt and completion of one request. Compared by identity."""

    id: str
    tokens: list[int]
    """Prompt and completion so far; the last completion token is not in the cache yet."""
    prompt_tokens: int = field(init=False)
    cached: int = 0
    """How many of `tokens`, from the first on, have their keys and values in the cache."""
    slot: int | None = None
    """Row of the cache, while running."""

    def __post_init__(self) -> None:
        self.prompt_tokens = len(self.tokens)

    @property
    def completion_tokens(self) -> int:
        return len(self.tokens) - self.prompt_tokens

    @property
    def decoding(self) -> bool:
        """Its prompt is read: each further step makes one token."""
        return self.completion_tokens > 0
