"""Whatever lies in a folder: it is taken or refused in words, never by another exception, and nothing of it reaches a
terminal or the database that couldn't be printed."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from engine.store import StoreError, check_adapter, check_folder
from tests.engine.model_folders import make_folder, safetensors
from tests.engine.pipeline_folders import make_pipeline_folder

CHANGES = 400
SECONDS = 3.0
"""For one folder, on a busy machine; each takes some milliseconds."""
DEEP: list[Any] = []
for _ in range(300):
    DEEP = [DEEP]
ODD = [
    None, True, False, -1, 0, 1, 2.5, 10**9, 2**63, 2**64, 10**400, float("inf"), float("nan"), "", "\ud800", "a\0b",
    "\x1b[2J", "x" * 5_000, [], [[]], [1], ["\ud800"], [None, None], {}, {"a": 1}, {"rope_type": {}},
    {"quant_method": []}, ["diffusers", {}], ["transformers", []], [10**400] * 3, "../../x", DEEP,
]  # fmt: skip
KEYS = [
    "quantization_config", "rope_parameters", "rope_scaling", "max_position_embeddings", "auto_map", "text_config",
    "attn_implementation", "\ud800_implementation", "num_hidden_layers", "rank_pattern", "alpha_pattern", "use_rslora",
    "layers_per_block", "axes_lens", "pos_embed_max_size", "z_dim", "base_dim", "dim_mult", "time_cond_proj_dim",
    "guidance_embeds", "chat_template", "weight_map", "__metadata__",
]  # fmt: skip


def text_model(folder: Path) -> Path:
    make_folder(folder)
    (folder / "model.safetensors.index.json").write_text('{"metadata": {}, "weight_map": {"a": "model.safetensors"}}')
    return folder


def adapter(folder: Path) -> Path:
    """In PEFT's format."""
    folder.mkdir()
    layer = "base_model.model.model.layers.0.self_attn.q_proj"
    (folder / "adapter_model.safetensors").write_bytes(safetensors(pair(f"{layer}.lora_{{}}.weight", "AB")))
    settings = {"peft_type": "LORA", "r": 1, "lora_alpha": 1, "rank_pattern": {}, "base_model_name_or_path": "a/b"}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    return folder


def lora(folder: Path) -> Path:
    """One file, with diffusers' settings inside."""
    folder.mkdir()
    told = json.dumps({"unet.peft_type": "LORA", "unet.r": 1, "unet.lora_alpha": 2})
    tensors = pair("lora_unet_a.lora_{}.weight", ("down", "up")) | {"__metadata__": {"lora_adapter_metadata": told}}
    (folder / "x.safetensors").write_bytes(safetensors(tensors))
    return folder


def pair(name: str, halves: Any) -> dict[str, Any]:
    first, second = (name.format(half) for half in halves)
    return {
        first: {"dtype": "BF16", "shape": [1, 2], "data_offsets": [0, 4]},
        second: {"dtype": "BF16", "shape": [2, 1], "data_offsets": [4, 8]},
    }


FOLDERS: list[tuple[Callable[[Path], Path], Callable[[Path], Any]]] = [
    (text_model, check_folder), (make_pipeline_folder, check_folder), (adapter, check_adapter), (lora, check_adapter),
]  # fmt: skip


@pytest.mark.parametrize(("make", "check"), FOLDERS, ids=lambda function: function.__name__)
def test_changed_files(make: Callable[[Path], Path], check: Callable[[Path], Any], tmp_path: Path) -> None:
    chance, folder = random.Random(make.__name__), make(tmp_path / "folder")
    check(folder)
    files = sorted(file for file in folder.rglob("*") if file.suffix in (".json", ".safetensors"))
    for _ in range(CHANGES):
        file = chance.choice(files)
        good = file.read_bytes()
        file.write_bytes(changed(good, chance, has_header=file.suffix == ".safetensors"))
        began = perf_counter()
        assert_sound(facts_or_refusal(check, folder))
        assert perf_counter() - began < SECONDS
        file.write_bytes(good)


def facts_or_refusal(check: Callable[[Path], Any], folder: Path) -> Any:
    try:
        return check(folder)
    except StoreError as refusal:
        return refusal


def assert_sound(facts: Any) -> None:
    """A terminal takes what is refused, a database what is accepted."""
    if isinstance(facts, StoreError):
        assert str(facts).isprintable()
        return
    for name in ("architecture", "dtype", "chat_template", "base_name"):
        text = getattr(facts, name, "")
        assert "\0" not in text.encode().decode()
    assert getattr(facts, "context_length", 0) < 2**31


def changed(good: bytes, chance: random.Random, *, has_header: bool) -> bytes:
    """With another value or name in its JSON, other bytes, or without an end."""
    start = 8 if has_header else 0
    end = start + int.from_bytes(good[:8], "little") if has_header else len(good)
    told = json.dumps(changed_json(json.loads(good[start:end]), chance)).encode()
    bad = bytearray((len(told).to_bytes(8, "little") if has_header else b"") + told + good[end:])
    if chance.random() < 0.25:
        for _ in range(4):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        if chance.random() < 0.5:
            del bad[chance.randrange(len(bad)) :]
    return bytes(bad)


def changed_json(good: Any, chance: random.Random) -> Any:
    value = copy.deepcopy(good)
    places = [place for place in places_in(value) if place]
    if not places:
        return {chance.choice(KEYS): chance.choice(ODD)}
    *way, last = chance.choice(places)
    inside = value
    for step in way:
        inside = inside[step]
    if isinstance(inside, dict) and chance.random() < 0.2:
        inside[chance.choice(KEYS)] = chance.choice(ODD)
    elif chance.random() < 0.15:
        del inside[last]
    else:
        inside[last] = chance.choice(ODD)
    return value


def places_in(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield way
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in inside:
        yield from places_in(part, (*way, step))
