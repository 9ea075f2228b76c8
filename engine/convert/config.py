"""config.json and generation_config.json from GGUF's key-value pairs."""

from __future__ import annotations

from typing import Any

from engine.convert.gguf_file import GgufFile
from engine.convert.process import ConversionError

ARCHITECTURES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}
UNSUPPORTED = ("expert_count", "rope.scaling.type", "attention.sliding_window")


def model_config(gguf: GgufFile) -> dict[str, Any]:
    """What transformers' AutoConfig reads. Raises ConversionError for a model that can't be described faithfully."""
    architecture = ARCHITECTURES.get(gguf.architecture)
    if architecture is None:
        raise ConversionError(f"its architecture {gguf.architecture} isn't one of {', '.join(ARCHITECTURES)}.")
    for key in UNSUPPORTED:
        if gguf.value(f"{{arch}}.{key}") not in (None, 0, "none"):
            raise ConversionError(f"it uses {key}, which can't be converted; install the original safetensors.")
    heads, width = gguf.number("{arch}.attention.head_count"), gguf.number("{arch}.embedding_length")
    names = gguf.shapes()
    return {
        "architectures": [architecture],
        "model_type": gguf.architecture,
        "vocab_size": len(gguf.need("tokenizer.ggml.tokens", list)),
        "hidden_size": width,
        "intermediate_size": gguf.number("{arch}.feed_forward_length"),
        "num_hidden_layers": gguf.number("{arch}.block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": gguf.value("{arch}.attention.head_count_kv", heads),
        "head_dim": gguf.value("{arch}.attention.key_length", width // heads),
        "max_position_embeddings": gguf.number("{arch}.context_length"),
        "rms_norm_eps": _short(gguf.need("{arch}.attention.layer_norm_rms_epsilon", float)),
        "rope_parameters": {"rope_type": "default", "rope_theta": gguf.value("{arch}.rope.freq_base", 10_000.0)},
        "hidden_act": "silu",
        "attention_bias": gguf.architecture == "llama" and "blk.0.attn_q.bias" in names,
        "tie_word_embeddings": "output.weight" not in names,
        "bos_token_id": gguf.value("tokenizer.ggml.bos_token_id"),
        "eos_token_id": gguf.number("tokenizer.ggml.eos_token_id"),
        "pad_token_id": gguf.value("tokenizer.ggml.padding_token_id"),
        "dtype": "bfloat16",
    }


def generation_config(config: dict[str, Any]) -> dict[str, Any]:
    return {key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id") if config[key] is not None}


def _short(value: float) -> float:
    """A float32's shortest decimal: GGUF's 9.999999747378752e-06 was written as 1e-05."""
    return float(f"{value:.6g}")
