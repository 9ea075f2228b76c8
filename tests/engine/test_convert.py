"""GGUF to safetensors: the same numbers, names and tokens."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.convert import ConversionError, convert_gguf
from engine.convert import weights as weights_module
from engine.convert.folder import write_folder
from engine.convert.weights import to_bfloat16
from engine.store import check_folder
from tests.engine.chat_models import CHATML, byte_level

WIDTH, HEADS, KEY_HEADS, LAYERS, INNER = 32, 4, 2, 2, 64


def permuted(values: np.ndarray, heads: int) -> np.ndarray:
    """What llama.cpp's convert_hf_to_gguf.py does to the query and key weights of a Llama."""
    half = values.shape[0] // heads // 2
    return values.reshape(heads, 2, half, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def make_gguf(path: Path, architecture: str = "llama", **changes: Any) -> dict[str, np.ndarray]:
    """A tiny random model in GGUF; the weights under transformers' names, in float32."""
    described = json.loads(byte_level().to_str())
    vocabulary = {
        **described["model"]["vocab"],
        **{token["content"]: token["id"] for token in described["added_tokens"]},
    }
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    control = {token["content"]: 3 if token["special"] else 4 for token in described["added_tokens"]}
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(128)
    writer.add_embedding_length(changes.get("width", WIDTH))
    writer.add_block_count(changes.get("layers", LAYERS))
    writer.add_feed_forward_length(changes.get("inner", INNER))
    writer.add_head_count(changes.get("heads", HEADS))
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_tokenizer_model(changes.get("tokenizer", "gpt2"))
    writer.add_tokenizer_pre(changes.get("pre", "smollm" if architecture == "llama" else "qwen2"))
    writer.add_token_list(tokens)
    writer.add_token_types([control.get(token, 1) for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in described["model"]["merges"]])
    writer.add_eos_token_id(vocabulary["<|im_end|>"])
    writer.add_chat_template(CHATML)
    made = random_weights(len(tokens), biases=architecture == "qwen2")
    for name, values in made.items():
        theirs = gguf_name(name)
        if architecture == "llama" and ("attn_q" in theirs or "attn_k" in theirs):
            values = permuted(values, HEADS if "attn_q" in theirs else KEY_HEADS)
        writer.add_tensor(theirs, changes.get("values", values) if "ffn_up" in theirs else values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return made


def random_weights(vocabulary: int, *, biases: bool) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    keys = WIDTH // HEADS * KEY_HEADS
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (vocabulary, WIDTH),
        "model.norm.weight": (WIDTH,),
    }
    for layer in range(LAYERS):
        inner = {
            "input_layernorm.weight": (WIDTH,),
            "post_attention_layernorm.weight": (WIDTH,),
            "self_attn.q_proj.weight": (WIDTH, WIDTH),
            "self_attn.k_proj.weight": (keys, WIDTH),
            "self_attn.v_proj.weight": (keys, WIDTH),
            "self_attn.o_proj.weight": (WIDTH, WIDTH),
            "mlp.gate_proj.weight": (INNER, WIDTH),
            "mlp.up_proj.weight": (INNER, WIDTH),
            "mlp.down_proj.weight": (WIDTH, INNER),
        }
        if biases:
            inner |= {
                "self_attn.q_proj.bias": (WIDTH,),
                "self_attn.k_proj.bias": (keys,),
                "self_attn.v_proj.bias": (keys,),
            }
        shapes |= {f"model.layers.{layer}.{name}": shape for name, shape in inner.items()}
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def gguf_name(name: str) -> str:
    parts = {
        "model.embed_tokens": "token_embd", "model.norm": "output_norm", "model.layers.": "blk.",
        "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    }  # fmt: skip
    for ours, theirs in parts.items():
        name = name.replace(ours, theirs)
    return name


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_every_weight_comes_through(architecture: str, tmp_path: Path) -> None:
    made = make_gguf(tmp_path / "tiny.gguf", architecture)
    write_folder(tmp_path / "tiny.gguf", tmp_path / "out")
    found = load_file(tmp_path / "out" / "model.safetensors")
    assert found.keys() == made.keys()
    assert all(torch.equal(found[name], torch.from_numpy(made[name]).bfloat16()) for name in made)
    model, told = AutoModelForCausalLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(told.values())
    assert model.config.num_key_value_heads == KEY_HEADS
    assert check_folder(tmp_path / "out").context_length == 128


def test_tokens_come_through(tmp_path: Path) -> None:
    make_gguf(tmp_path / "tiny.gguf", "qwen2")
    write_folder(tmp_path / "tiny.gguf", tmp_path / "out")
    original = byte_level()
    converted = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    for text in ("Hello world", "é漢🙂", "<|im_end|> and <think>", "The quick brown fox"):
        assert converted.decode(converted.encode(text).ids, skip_special_tokens=False) == text
    assert converted.encode("<|im_end|>").ids == original.encode("<|im_end|>").ids
    wrapped = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert wrapped.eos_token == "<|im_end|>"
    assert wrapped.chat_template == CHATML


def test_large_models_are_written_in_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_module, "SHARD", 20_000)
    made = make_gguf(tmp_path / "tiny.gguf")
    write_folder(tmp_path / "tiny.gguf", tmp_path / "out")
    index = json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text())
    assert index["weight_map"].keys() == made.keys()
    assert len(set(index["weight_map"].values())) > 1
    check_folder(tmp_path / "out")
    _, told = AutoModelForCausalLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(told.values())


def test_rounding_is_torch_s() -> None:
    values = np.concatenate([np.random.default_rng(1).standard_normal(100_000), [0.0, -0.0, 1e-40, 3e38]]).astype(
        np.float32
    )
    expected = torch.from_numpy(values).bfloat16().view(torch.int16).numpy().view(np.uint16)
    assert np.array_equal(to_bfloat16(values), expected)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tokenizer": "llama"}, "not a byte-level BPE"),
        ({"pre": "unheard-of"}, r"kind \(unheard-of\) isn't known"),
        ({"values": np.full((INNER, WIDTH), np.nan, dtype=np.float32)}, "no numbers"),
        ({"architecture": "mamba"}, "architecture mamba isn't one of"),
        ({"layers": 2**31}, "no sound “num_hidden_layers”"),
        ({"layers": 999}, r"blk\.2\.attn_q\.weight is missing; its settings ask for 32 × 32"),
        ({"inner": 2**20}, r"blk\.0\.ffn_gate\.weight is 64 × 32; its settings ask for 1048576 × 32"),
        ({"heads": 0}, "damaged or contradicts itself"),
        ({"width": 2**13}, r"token_embd\.weight is \d+ × 32; its settings ask for \d+ × 8192"),
    ],
)
def test_what_cannot_be_converted_faithfully_is_refused(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    make_gguf(tmp_path / "tiny.gguf", **changes)
    with pytest.raises(ConversionError, match=sentence):
        write_folder(tmp_path / "tiny.gguf", tmp_path / "out")


def test_the_process_says_why_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "no.gguf").write_bytes(b"no gguf at all, just text")
    with pytest.raises(ConversionError, match=r"^no\.gguf could not be converted: it is no readable GGUF file"):
        convert_gguf(tmp_path / "no.gguf", tmp_path / "out")


def test_a_list_without_end_does_not_take_the_machine_s_memory(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from engine.convert.__main__ import limit_memory;"
        "limit_memory(Path(sys.argv[1])); print(resource.getrlimit(resource.RLIMIT_DATA)[0]); bytearray(2**36)"
    )
    make_gguf(tmp_path / "tiny.gguf")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "tiny.gguf")], capture_output=True, text=True, check=False
    )
    assert int(done.stdout) < 9 * 1024**3
    assert "MemoryError" in done.stderr


def test_whatever_is_damaged_is_refused_in_words(tmp_path: Path) -> None:
    """Never by another exception: numbers of lists, lengths, types, offsets and letters are changed by chance."""
    make_gguf(tmp_path / "good.gguf")
    good, chance = (tmp_path / "good.gguf").read_bytes(), random.Random(1)
    for _ in range(150):
        bad = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(4, chance.choice([64, 1_200, len(good) - 8]))
            odd = chance.choice([0, 1, 2**31, 2**40, 2**62, 2**64 - 1]).to_bytes(8, "little")
            bad[at : at + 8] = odd if chance.random() < 0.4 else bytes([chance.randrange(256)]) + bad[at + 1 : at + 8]
        (tmp_path / "bad.gguf").write_bytes(bad if chance.random() < 0.8 else bad[: chance.randrange(len(bad))])
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        with contextlib.suppress(ConversionError):
            write_folder(tmp_path / "bad.gguf", tmp_path / "out")
