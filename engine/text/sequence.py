"""A request inside the scheduler: its tokens and how far they are in the cache. Imports no torch."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from engine.text.drafting import Drafter


@dataclass(slots=True, eq=False, weakref_slot=True)
class Sequence:
    """Prompt and completion of one request. Compared by identity."""

    id: str
    tokens: list[int]
    """Prompt and completion so far; the last completion token is not in the cache yet."""
    user: str = ""
    """Whose share of the device it uses."""
    priority: int = 0
    """Higher ones are read first."""
    namespace: str = ""
    """Sequences of one namespace share equal prefixes in the cache."""
    arrived: float = 0.0
    """In seconds, on the scheduler's clock."""
    images: tuple[bytes, ...] = ()
    """Pictures of the prompt, for a model that sees."""
    drafter: Drafter | None = None
    """Guesses its next tokens; None where they may not be computed together."""
    goes_on: bool = False
    """Nothing but logits and the position decides its next tokens, so that the device may choose them."""
    looks: int = 0
    """In so many more steps it can't, for they look at more of its logits than the device does."""
    last_token: int = sys.maxsize
    """It ends when it has so many tokens, the prompt's included."""
    prompt_tokens: int = field(init=False)
    cached: int = 0
    """How many of `tokens`, from the first on, have their keys and values in the cache."""
    blocks: list[int] = field(default_factory=list)
    """Where in the cache: token n lies in block `blocks[n // block_size]`."""
    names: list[bytes] = field(default_factory=list)
    """Of its blocks, full or to be filled, as far as anybody asked (see BlockManager)."""
    chain: list[bytes] = field(default_factory=list)
    """The first of these names: of its full blocks."""
    running: bool = False

    def __post_init__(self) -> None:
        self.prompt_tokens = len(self.tokens)

    @property
    def completion_tokens(self) -> int:
        return len(self.tokens) - self.prompt_tokens

    @property
    def uncached(self) -> int:
        """Tokens to compute before the next one can be chosen; 1 while decoding, more after a preemption."""
        return len(self.tokens) - self.cached
