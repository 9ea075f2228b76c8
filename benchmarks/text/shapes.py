"""Models of well-known shapes whose weights are random numbers made on the device: a speed test needs no others.

What they write means nothing and costs what it would cost: every id of the vocabulary has a text of its own.
"""

from __future__ import annotations

import random
import string
from copy import deepcopy
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoModelForCausalLM

from engine.architectures import check_config, context_length
from engine.config import EngineConfig
from engine.device import pick_device, pick_dtype
from engine.text.families import family_of
from engine.text.linears import laid_out
from engine.text.loader import LoadedModel, skeleton

COMMON = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "rms_norm_eps": 1e-5,
    "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
LLAMA_3 = COMMON | {
    "vocab_size": 128256, "max_position_embeddings": 131072, "num_attention_heads": 32, "num_key_value_heads": 8,
    "rope_theta": 500000.0,
}  # fmt: skip
SHAPES: dict[str, dict[str, Any]] = {
    "llama-8b": LLAMA_3 | {
        "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "head_dim": 128,
        "tie_word_embeddings": False,
    },
    "llama-1b": LLAMA_3 | {
        "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "head_dim": 64,
        "tie_word_embeddings": True,
    },
    "smollm2": COMMON | {
        "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "head_dim": 64,
        "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152, "max_position_embeddings": 8192,
        "rope_theta": 100000.0, "tie_word_embeddings": True,
    },
    "small": COMMON | {
        "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 4, "head_dim": 64,
        "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 2048, "max_position_embeddings": 4096,
        "rope_theta": 10000.0, "tie_word_embeddings": False,
    },
}  # fmt: skip
"""As their config.json has them. `small` is for comparing results, and for trying things out."""
SPREAD = 0.02
"""Standard deviation of the weights."""


class RandomModel:
    """One model for the engine and for transformers: the big tensors are there once."""

    def __init__(self, shape: str, config: EngineConfig, seed: int = 0) -> None:
        self._settings, self._config = SHAPES[shape], config
        self.device = pick_device(config)
        self.dtype = pick_dtype(config, self.device)
        self._module = skeleton(self._settings, self.dtype, self.device)
        generator = torch.Generator(self.device).manual_seed(seed)
        for name, parameter in list(self._module.named_parameters()):
            made = torch.ones(parameter.shape, dtype=self.dtype, device=self.device)
            if parameter.dim() > 1:  # else it is a norm's
                made.normal_(0, SPREAD, generator=generator)
            _put(self._module, name, torch.nn.Parameter(made, requires_grad=False))
        self._module.tie_weights()  # type: ignore[operator]

    def theirs(self, attention: str) -> Any:
        """transformers' own model. Call it before `ours`, which may lay the weights out anew."""
        config: Any = deepcopy(self._module.config)
        with torch.device("meta"):
            peer = AutoModelForCausalLM.from_config(config, dtype=self.dtype, attn_implementation=attention)
        with torch.device("cpu"):  # as in `skeleton`
            peer.model.rotary_emb = type(peer.model.rotary_emb)(config=peer.config).to(self.device)
        for name, parameter in self._module.named_parameters():
            _put(peer, name, parameter)
        peer.tie_weights()
        peer.generation_config.eos_token_id = None
        return peer.eval().requires_grad_(False)

    def ours(self) -> LoadedModel:
        """As the loader returns it."""
        family = family_of(check_config(self._settings))
        family.adapt(self._module)
        list(laid_out(self._module, "full", self.dtype, self.device))
        return LoadedModel(
            module=self._module,
            tokenizer=tokenizer_of(self._settings["vocab_size"]),
            eos_ids=frozenset({self._settings["eos_token_id"]}),
            context_length=min(context_length(self._settings), self._config.max_context),
            vocabulary=self._settings["vocab_size"],
            shape=family.cache_shape(self._settings, self.dtype, self.device),
            dtype=self.dtype,
            device=self.device,
        )


def tokenizer_of(vocabulary: int) -> Tokenizer:
    """All single bytes, then made-up words, half of them behind a space."""
    generator = random.Random(0)
    words = dict.fromkeys(sorted(ByteLevel.alphabet()))
    while len(words) < vocabulary:
        word = "".join(generator.choices(string.ascii_lowercase, k=generator.randint(2, 9)))
        words[("Ġ" if generator.random() < 0.5 else "") + word] = None
    tokenizer = Tokenizer(models.BPE(vocab={word: number for number, word in enumerate(words)}, merges=[]))
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _put(module: torch.nn.Module, name: str, parameter: torch.nn.Parameter) -> None:
    path, _, leaf = name.rpartition(".")
    setattr(module.get_submodule(path), leaf, parameter)
