"""How an engine is set up. Plain data: imports neither torch nor transformers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

DType = Literal["auto", "float32", "bfloat16", "float16"]
Attention = Literal["auto", "reference", "gathered", "native"]


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
    stall_factor: float = 2.0
    """While completions are running, so few prompt tokens are read in a step that it takes at most this many times as
    long as without any (as far as earlier steps tell); infinite: always `prefill_tokens`."""
    cache_mb: int | None = None
    """Memory for the keys and values of one model, in MiB; None: for `max_sequences` of full length, at most a quarter
    of what is free."""
    prefix_cache: bool = True
    """Keep the keys and values of what was read, so that an equal beginning isn't computed again."""
    share_prefixes: bool = False
    """Share them between tenants too. The time to the first token then tells one tenant what another one asked."""
    attention: Attention = "auto"
    """`auto`: the fastest that works on the device, tried at load."""
    max_resident: int = 2
    """How many models are kept loaded."""
    max_adapters: int = 8
    """How many LoRA adapters are kept loaded beside each model."""
    threads: int | None = None
    """CPU threads of one operation; None leaves the choice to torch."""
    seed: int | None = None
    """Where requests without a seed take theirs from; None: from the operating system."""
    residency_patience_seconds: float = 10.0
    """How long a model, or an adapter, may wait while all loaded ones are busy, before one is asked to make room."""

    def __post_init__(self) -> None:
        for name in ("max_sequences", "prefill_tokens", "max_resident", "max_adapters"):
            if getattr(self, name) < 1:
                raise ValueError(f"EngineConfig.{name} must be at least 1, it is {getattr(self, name)}.")
        if self.max_context < 2:
            raise ValueError(f"EngineConfig.max_context must be at least 2 tokens, it is {self.max_context}.")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"EngineConfig.threads must be at least 1 or None, it is {self.threads}.")
        if not self.stall_factor >= 1:
            raise ValueError(f"EngineConfig.stall_factor must be at least 1, it is {self.stall_factor}.")
        if self.cache_mb is not None and self.cache_mb < 1:
            raise ValueError(f"EngineConfig.cache_mb must be at least 1 or None, it is {self.cache_mb}.")
        if self.attention not in get_args(Attention):
            raise ValueError(f"EngineConfig.attention must be one of {get_args(Attention)}, it is {self.attention!r}.")
        if self.dtype not in ("auto", "float32", "bfloat16", "float16"):
            raise ValueError(f"EngineConfig.dtype must be auto, float32, bfloat16 or float16, it is {self.dtype!r}.")
