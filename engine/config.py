"""How an engine is set up. Plain data: imports neither torch nor transformers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

DType = Literal["auto", "float32", "bfloat16", "float16"]
Attention = Literal["auto", "reference", "gathered", "native", "triton"]
Compile = Literal["auto", "on", "off"]


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """One engine on one device. Raises ValueError where a value makes no sense."""

    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, …"""
    dtype: DType = "auto"
    """`auto`: bfloat16 where the device computes in it, float32 elsewhere (the exact and, there, the faster one)."""
    max_sequences: int = 8
    """How many completions of one model are made at once."""
    max_pictures: int = 8
    """How many pictures of one model are drawn at once."""
    max_context: int = 2048
    """Tokens of prompt and completion together; a model's own smaller limit counts."""
    prefill_tokens: int = 256
    """At most so many prompt tokens are read in one step, so that running completions don't stall."""
    stall_factor: float = 1.75
    """While completions are running, so few prompt tokens are read in a step that it takes at most this many times as
    long as without any (as far as earlier steps tell), which keeps the slowest in a hundred within twice; infinite:
    always `prefill_tokens`."""
    memory_mb: int | None = None
    """Memory for weights and caches of all loaded models, in MiB; None: 80 % of what is free when the engine is made
    (90 % on an accelerator)."""
    cache_mb: int | None = None
    """Memory for the keys and values of one model, in MiB; None: for `max_sequences` of full length, at most a quarter
    of the memory for all models."""
    prefix_cache: bool = True
    """Keep the keys and values of what was read, so that an equal beginning isn't computed again."""
    share_prefixes: bool = False
    """Share them between tenants too. The time to the first token then tells one tenant what another one asked."""
    speculate: bool = True
    """Compute guesses of the next tokens together with the next one while few sequences run; what is written stays the
    same."""
    tell_seconds: float | None = None
    """What is written is told in pieces of so many seconds; 0: token by token. None: token by token on a processor, 20
    ms on an accelerator, whose steps are so short that telling them would take longer."""
    attention: Attention = "auto"
    """`auto`: the fastest that works on the device, tried at load."""
    compile: Compile = "off"
    """Of text models, on processors, the layers, at their first load: `on`; or `auto`, beside the work, and used where
    they are faster. On a GPU both mean fused layers and recorded steps. What can't be compiled runs without. Of
    pictures, the networks: `on`, at the price of minutes when a shape is met for the first time; `auto`: where it was
    measured to pay, which is nowhere so far."""
    checkpoint_seconds: float = 3.0
    """Between two checkpoints of a picture: so much work is lost at most with a worker. 0: one with every step."""
    max_resident: int | None = None
    """How many models are kept loaded; None: as many as their memory holds."""
    max_adapters: int = 8
    """How many LoRA adapters are kept loaded beside each model."""
    threads: int | None = None
    """CPU threads of one operation; None leaves the choice to torch."""
    seed: int | None = None
    """Where requests without a seed take theirs from; None: from the operating system."""
    residency_patience_seconds: float = 10.0
    """How long a model, or an adapter, may wait while all loaded ones are busy, before one is asked to make room."""
    max_wait_seconds: float | None = None
    """A request that would wait longer than this is refused at once; None: requests wait as long as they must."""

    def __post_init__(self) -> None:
        for name in ("max_sequences", "max_pictures", "prefill_tokens", "max_adapters"):
            if getattr(self, name) < 1:
                raise ValueError(f"EngineConfig.{name} must be at least 1, it is {getattr(self, name)}.")
        for name in ("threads", "cache_mb", "memory_mb", "max_resident"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"EngineConfig.{name} must be at least 1 or None, it is {value}.")
        if self.max_context < 2:
            raise ValueError(f"EngineConfig.max_context must be at least 2 tokens, it is {self.max_context}.")
        if not self.checkpoint_seconds >= 0:
            raise ValueError(f"EngineConfig.checkpoint_seconds must be at least 0, it is {self.checkpoint_seconds}.")
        if self.tell_seconds is not None and not self.tell_seconds >= 0:
            raise ValueError(f"EngineConfig.tell_seconds must be at least 0 or None, it is {self.tell_seconds}.")
        if not self.stall_factor >= 1:
            raise ValueError(f"EngineConfig.stall_factor must be at least 1, it is {self.stall_factor}.")
        if self.max_wait_seconds is not None and not self.max_wait_seconds > 0:
            raise ValueError(f"EngineConfig.max_wait_seconds must be more than 0, it is {self.max_wait_seconds}.")
        if self.attention not in get_args(Attention):
            raise ValueError(f"EngineConfig.attention must be one of {get_args(Attention)}, it is {self.attention!r}.")
        if self.compile not in get_args(Compile):
            raise ValueError(f"EngineConfig.compile must be one of {get_args(Compile)}, it is {self.compile!r}.")
        if self.dtype not in ("auto", "float32", "bfloat16", "float16"):
            raise ValueError(f"EngineConfig.dtype must be auto, float32, bfloat16 or float16, it is {self.dtype!r}.")
