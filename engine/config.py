"""How an engine is set up. Plain data: imports neither torch nor transformers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DType = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """One engine on one device. Raises ValueError where a value makes no sense."""

    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, …"""
    dtype: DType = "auto"
    """`auto`: bfloat16 where the device computes in it, float32 elsewhere (the exact and, there, the faster one)."""
    max_sequences: int = 8
    """How many completions of one model are made at once."""
    max_context: int = 2048
    """Tokens of prompt and completion together; a model's own smaller limit counts."""
    prefill_tokens: int = 256
    """At most so many prompt tokens are read in one step, so that running completions don't stall."""
    max_resident: int = 2
    """How many models are kept loaded."""
    threads: int | None = None
    """CPU threads of one operation; None leaves the choice to torch."""
    seed: int | None = None
    """Where requests without a seed take theirs from; None: from the operating system."""
    residency_patience_seconds: float = 10.0
    """How long a model may wait while all loaded ones are busy, before one of them is asked to make room."""

    def __post_init__(self) -> None:
        for name in ("max_sequences", "prefill_tokens", "max_resident"):
            if getattr(self, name) < 1:
                raise ValueError(f"EngineConfig.{name} must be at least 1, it is {getattr(self, name)}.")
        if self.max_context < 2:
            raise ValueError(f"EngineConfig.max_context must be at least 2 tokens, it is {self.max_context}.")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"EngineConfig.threads must be at least 1 or None, it is {self.threads}.")
        if self.dtype not in ("auto", "float32", "bfloat16", "float16"):
            raise ValueError(f"EngineConfig.dtype must be auto, float32, bfloat16 or float16, it is {self.dtype!r}.")
