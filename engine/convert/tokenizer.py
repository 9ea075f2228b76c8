"""tokenizer.json from GGUF's lists of tokens and merges (byte-level BPE)."""

from __future__ import annotations

from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from engine.convert.gguf_file import GgufFile
from engine.convert.process import ConversionError

CONTROL, USER_DEFINED = 3, 4  # llama.cpp's token types
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")


def make_tokenizer(gguf: GgufFile) -> Tokenizer:
    """Raises ConversionError for a kind of tokenizer that this can't rebuild exactly."""
    if gguf.text("tokenizer.ggml.model") != "gpt2":
        raise ConversionError("its tokenizer is not a byte-level BPE; install the original safetensors.")
    tokens = gguf.need("tokenizer.ggml.tokens", list)
    merges = [tuple(merge.split(" ", 1)) for merge in gguf.need("tokenizer.ggml.merges", list)]
    kind = str(gguf.value("tokenizer.ggml.pre", "default"))
    model = models.BPE({token: index for index, token in enumerate(tokens)}, merges, ignore_merges=kind == "llama-bpe")
    made = Tokenizer(model)
    made.pre_tokenizer = _pre_tokenizer(kind)
    made.decoder = decoders.ByteLevel()
    if kind == "qwen2":
        made.normalizer = normalizers.NFC()
    types = gguf.need("tokenizer.ggml.token_type", list)
    for token, type_ in zip(tokens, types, strict=True):
        if type_ in (CONTROL, USER_DEFINED):
            made.add_tokens([AddedToken(token, special=type_ == CONTROL, normalized=False)])
    return made


def tokenizer_config(gguf: GgufFile) -> dict[str, Any]:
    tokens = gguf.need("tokenizer.ggml.tokens", list)
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": gguf.number("{arch}.context_length"),
        "clean_up_tokenization_spaces": False,
        "add_prefix_space": False,
    }
    for name, key in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding")):
        index = gguf.value(f"tokenizer.ggml.{key}_token_id")
        if isinstance(index, int) and 0 <= index < len(tokens):
            config[f"{name}_token"] = tokens[index]
    return config


def _pre_tokenizer(kind: str) -> pre_tokenizers.PreTokenizer:
    """As the models' own tokenizer.json have it; `kind` is llama.cpp's name."""
    if kind == "smollm":
        digits = pre_tokenizers.Digits(individual_digits=True)
        return pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    if kind in {"qwen2", "llama-bpe"}:
        split = pre_tokenizers.Split(Regex(QWEN2 if kind == "qwen2" else LLAMA3), "isolated")
        return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    raise ConversionError(f"its tokenizer's kind ({kind}) isn't known; install the original safetensors.")
