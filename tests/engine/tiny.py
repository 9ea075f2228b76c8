"""Tiny random checkpoints, made on the spot: a few hundred KiB, loaded in milliseconds, exact in float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

CORPUS = [
    "The quick brown fox jumps over the lazy dog. Pack my box with five dozen liquor jugs.",
    "def step(self): schedule, run, sample, deliver. 0123456789 {}[]() <b>bold</b>",
    "日本語の文章と、中文句子，以及 한국어 문장. ภาษาไทยไม่มีช่องว่าง 👩‍👩‍👧‍👦 🎉 naïve café Ærø",
]
CHAT = "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}<|assistant|>"
SHAPE = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.5,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "Llama": {},
    "Mistral": {"sliding_window": 8},
    "Qwen2": {"tie_word_embeddings": True},
    "Qwen3": {"head_dim": 8},
    "DeepseekV3": {
        "moe_intermediate_size": 16, "n_routed_experts": 4, "n_group": 2, "topk_group": 1, "num_experts_per_tok": 2,
        "first_k_dense_replace": 1, "kv_lora_rank": 16, "q_lora_rank": 16, "qk_rope_head_dim": 8,
        "qk_nope_head_dim": 8, "v_head_dim": 8, "num_key_value_heads": 4, "num_mtp_layers": 0,
    },
    "GptOss": {
        "intermediate_size": 32, "head_dim": 8, "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 8,
        "rope_parameters": {"rope_type": "default", "rope_theta": 150000.0},
    },
}  # fmt: skip
OTHERS: dict[str, dict[str, Any]] = {
    "Gemma2": {"head_dim": 8, "sliding_window": 8, "query_pre_attn_scalar": 8},
    "GPT2LMHead": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512},
    "Phi3": {},
    "Mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "Falcon": {"alibi": True, "new_decoder_architecture": False, "num_ln_in_parallel_attn": None},
    "Qwen3Next": {
        "head_dim": 8, "num_hidden_layers": 4, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
        "linear_key_head_dim": 8, "linear_value_head_dim": 8, "num_experts": 4, "num_experts_per_tok": 2,
        "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16,
    },
}  # fmt: skip
"""Architectures of the compatible lane: windows and softcaps, learned places, fused projections, experts, ALiBi, and
layers with a state in place of keys and values."""
SPECIAL = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]


def make_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|pad|>")
    wrapped.chat_template = CHAT
    return wrapped


def make_checkpoint(folder: Path, family: str, *, seed: int = 0, **changes: Any) -> Path:
    """A random `<family>ForCausalLM` (or `…LMHeadModel`) with its tokenizer in `folder`."""
    tokenizer = make_tokenizer()
    torch.manual_seed(seed)
    settings = (
        SHAPE
        | (FAMILIES | OTHERS)[family]
        | {"eos_token_id": 1, "pad_token_id": 0, "vocab_size": len(tokenizer)}
        | changes
    )
    name = f"{family}Model" if family.endswith("LMHead") else f"{family}ForCausalLM"
    kind = getattr(transformers, name)
    model = kind(kind.config_class(**settings)).eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
