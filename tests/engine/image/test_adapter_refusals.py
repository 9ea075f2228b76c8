"""An adapter that can't be applied is refused with a sentence, by the store and again by the engine; others go on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.config import EngineConfig
from engine.service import EngineThread, FolderSource
from engine.store import StoreError, check_adapter, check_fits, is_adapter
from engine.types import AdapterRef, FinishReason
from tests.engine.adapters import make_adapter
from tests.engine.image.drawing import draw, params
from tests.engine.image.loras import FILE, RANK, Tensors, by_kohya, change_lora, make_lora
from tests.engine.janus.tiny import make_janus

MODEL = "stable-diffusion"
LAYER = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
DOWN, UP, ALPHA = f"{LAYER}.lora_A.weight", f"{LAYER}.lora_B.weight", f"{LAYER}.alpha"
CONV = "unet.mid_block.resnets.0.conv1"
Damage = Callable[[Path], Any]


def tensors(change: Callable[[Tensors], Any]) -> Damage:
    return lambda folder: change_lora(folder, change)


def renamed(name: str) -> Damage:
    return tensors(lambda found: found.update({name: found.pop(DOWN)}))


def put(name: str, tensor: torch.Tensor) -> Damage:
    return tensors(lambda found: found.update({name: tensor}))


def trained(**settings: Any) -> Damage:
    told = {f"unet.{name}": value for name, value in settings.items()}
    return said(json.dumps({"unet.peft_type": "LORA", "unet.r": RANK, "unet.lora_alpha": 8} | told))


def said(settings: str) -> Damage:
    return lambda folder: save_file(load_file(folder / FILE), folder / FILE, {"lora_adapter_metadata": settings})


def cut(folder: Path) -> None:
    (folder / FILE).write_bytes((folder / FILE).read_bytes()[:-8])


REFUSED: list[tuple[Damage, str]] = [
    (renamed(f"{LAYER}.lora_magnitude_vector"), "no DoRA"),
    (renamed(f"{LAYER}.dora_scale"), "no DoRA"),
    (renamed(f"{LAYER}.hada_w1_a"), "LoHa"),
    (renamed(f"{LAYER}.lora_mid.weight"), "which no plain LoRA adapter has"),
    (renamed("cond_stage_model.transformer.weight"), "A whole model needs its config.json"),
    (renamed("emb_params"), "which no plain LoRA adapter has"),
    (put(f"{LAYER}.lora_down.weight", torch.ones(RANK, 16)), "two tensors for the same half"),
    (tensors(lambda found: found.pop(DOWN)), "incomplete"),
    (put(f"{LAYER}2.alpha", torch.tensor(1.0)), "incomplete"),
    (put(ALPHA, torch.ones(3)), "must be one number"),
    (put(DOWN, torch.ones(RANK, 16, 1)), "a matrix was expected"),
    (put(DOWN, torch.ones(0, 16)), "a matrix was expected"),
    (put(DOWN, torch.ones(3, 16)), "don't go together: [3, 16] and [16, 4]"),
    (put(DOWN, torch.ones(RANK, 16, 3, 3)), "don't go together"),
    (put(f"{CONV}.lora_B.weight", torch.ones(16, RANK, 3, 3)), "don't go together"),
    (put(DOWN, torch.ones(RANK, 16, dtype=torch.int64)), "I64"),
    (trained(use_dora=True), "It is a DoRA adapter"),
    (trained(lora_bias=True), "biases of its own"),
    (trained(something_new=1), "something_new"),
    (said("{"), "aren't readable"),
    (said("[1]"), "aren't readable"),
    (said(json.dumps({"vae.r": 4})), "settings of “vae”"),
    (cut, "damaged"),
]
"""What the file alone shows."""
OF_ANOTHER_MODEL: list[tuple[Damage, str]] = [
    (tensors(lambda found: found.update(
        {f"unet.mid_block.nothing.lora_{half}.weight": found.pop(f"{LAYER}.lora_{half}.weight") for half in "AB"}
    )), "this model has no “unet.mid_block.nothing”"),
    (tensors(lambda found: found.update(
        {f"transformer.x_embedder.lora_{half}.weight": found.pop(f"{LAYER}.lora_{half}.weight") for half in "AB"}
    )), "this model has no “transformer.x_embedder”"),
    (tensors(lambda found: found.update(
        {f"text_encoder.text_model.embeddings.token_embedding.lora_{half}.weight": torch.ones(2, 2) for half in "AB"}
    )), "token_embedding"),
    (put(DOWN, torch.ones(RANK, 17)), "are 16 × 16, the adapter's 16 × 17"),
    (tensors(lambda found: found.update({
        f"{CONV}.lora_A.weight": torch.ones(RANK, 16, 1, 1), f"{CONV}.lora_B.weight": torch.ones(16, RANK, 1, 1),
    })), "are 16 × 16 × 3 × 3, the adapter's 16 × 16 × 1 × 1"),
    (tensors(lambda found: found.update(dict(zip(
        by_kohya(("unet", LAYER.removeprefix("unet."))), (torch.ones(RANK, 16), torch.ones(16, RANK)), strict=False
    )))), "twice, under two names"),
    (trained(r=RANK + 1), "have the rank 4, its settings say 5"),
    (lambda folder: (put(ALPHA, torch.tensor(1.0))(folder), trained()(folder)), "says twice how strong"),
]  # fmt: skip
IN_ITS_NUMBERS: list[tuple[Damage, str]] = [
    (put(UP, torch.full((16, RANK), torch.nan)), "aren't finite in float32"),
    (put(ALPHA, torch.tensor(torch.inf)), "aren't finite in float32"),
    (lambda folder: (folder / FILE).unlink(), "no model or adapter"),
]


@pytest.fixture
def lora(tmp_path: Path, pipelines: dict[str, Path]) -> Path:
    return make_lora(tmp_path / "lora", pipelines[MODEL])


@pytest.mark.parametrize(("damage", "words"), REFUSED)
def test_refused_by_the_store(lora: Path, damage: Damage, words: str) -> None:
    assert is_adapter(lora)
    check_adapter(lora)
    damage(lora)
    with pytest.raises(StoreError, match=re.escape(words)):
        check_adapter(lora)


@pytest.mark.parametrize(("damage", "words"), OF_ANOTHER_MODEL)
def test_refused_for_this_base(lora: Path, pipelines: dict[str, Path], damage: Damage, words: str) -> None:
    check_fits(check_adapter(lora), pipelines[MODEL])
    damage(lora)
    with pytest.raises(StoreError, match=re.escape(words)):
        check_fits(check_adapter(lora), pipelines[MODEL])


def test_each_kind_goes_on_its_own_kind(
    lora: Path, pipelines: dict[str, Path], checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    of_texts = make_adapter(tmp_path / "texts", checkpoints["Llama"])
    for adapter, base, words in (
        (lora, checkpoints["Llama"], "made for a model that draws pictures, and this one writes"),
        (of_texts, pipelines[MODEL], "made for a model that writes, and this one draws pictures"),
        (lora, pipelines["stable-diffusion-xl"], "made for another model"),
        (lora, make_janus(tmp_path / "janus"), "A Janus takes no adapters"),
    ):
        with pytest.raises(StoreError, match=words):
            check_fits(check_adapter(adapter), base)


def test_one_file_alone(lora: Path) -> None:
    (lora / "last-000010.safetensors").write_bytes((lora / FILE).read_bytes())
    with pytest.raises(StoreError, match="There are several weights here: last-000010"):
        check_adapter(lora)
    (lora / "last-000010.safetensors").unlink()
    (lora / "old.ckpt").write_bytes(b"x")
    with pytest.raises(StoreError, match="pickled weights"):
        check_adapter(lora)


def test_refused_by_the_engine_while_others_go_on(pipelines: dict[str, Path], tmp_path: Path) -> None:
    cases = REFUSED + OF_ANOTHER_MODEL + IN_ITS_NUMBERS
    folders = {}
    for number, (damage, _) in enumerate(cases):
        folders[f"bad{number}"] = make_lora(tmp_path / f"bad{number}", pipelines[MODEL])
        damage(folders[f"bad{number}"])
    good = make_lora(tmp_path / "good", pipelines[MODEL])
    engine = EngineThread(
        FolderSource(m=pipelines[MODEL], good=good, **folders), EngineConfig(device="cpu", dtype="float32", threads=1)
    )
    engine.start()
    try:
        beside = draw(engine, "m", params(steps=100), "beside")
        for number, (_, words) in enumerate(cases):
            last = draw(engine, "m", params(), f"bad{number}", adapter=AdapterRef(f"bad{number}", "m")).finish()
            assert (last.reason, last.error_code) == (FinishReason.ERROR, "load_failed"), words
            assert words in last.error
        assert beside.finish().reason == FinishReason.STOP
        assert draw(engine, "m", params(), "good", adapter=AdapterRef("good", "m")).finish().reason == FinishReason.STOP
        assert engine.metrics().adapters == ("good",)
        last = draw(engine, "m", params(), "other", adapter=AdapterRef("good", "another")).finish()
        assert last.error.startswith("The adapter “good” was made for the model “another” and can't be used with “m”.")
    finally:
        engine.stop(drain_seconds=0)
