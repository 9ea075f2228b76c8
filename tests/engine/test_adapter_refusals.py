"""An adapter that can't be applied ends its own requests with a sentence; the others in the batch go on."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.adapters import CONFIG, WEIGHTS
from engine.config import EngineConfig
from engine.service import EngineThread, FolderSource
from engine.store import StoreError
from engine.store.adapters import check_adapter
from engine.ticket import TextTicket
from engine.types import AdapterRef, FinishReason, GenerationRequest, SamplingParams
from tests.engine.adapters import Tensors, change_config, change_tensors, make_adapter
from tests.engine.device import DEVICE
from tests.engine.recorder import GREEDY, Recorder, submit
from tests.engine.test_equality import Bench, greedy, load
from tests.engine.tiny import make_checkpoint

PROMPT = (10, 20, 30, 40)
QUERY = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
Damage = Callable[[Path], Any]


def config(**changes: Any) -> Damage:
    return lambda folder: change_config(folder, **changes)


def tensors(change: Callable[[Tensors], Any]) -> Damage:
    return lambda folder: change_tensors(folder, change)


def renamed(name: str) -> Damage:
    return tensors(lambda found: found.update({name: found.pop(QUERY)}))


def ask(engine: EngineThread, adapter: AdapterRef, model: str = "m", name: str = "bad") -> Recorder:
    recorder = Recorder(name)
    engine.submit(GenerationRequest(name, model, PROMPT, GREEDY, adapter=adapter), recorder)
    return recorder


REFUSED: list[tuple[Damage, str]] = [
    (config(use_dora=True), "DoRA"),
    (config(peft_type="IA3"), "only LORA"),
    (config(bias="all"), "bias “none”"),
    (config(modules_to_save=["lm_head"]), "replaces whole layers"),
    (config(lora_bias=True), "biases of its own"),
    (config(init_lora_weights="pissa_niter_4"), "changes the base"),
    (config(trainable_token_indices=[1]), "embeddings"),
    (config(target_parameters=["mlp.experts.down_proj"]), "parameters of experts"),
    (config(something_new={"x": 1}), "something_new"),
    (config(rank_pattern={"^model.*": 4}), "regular expression"),
    (config(rank_pattern=[4]), "must be an object"),
    (config(r=0), "whole number above 0"),
    (config(r=5), "adapter_config.json says 5"),
    (config(lora_alpha="8"), "finite number"),
    (renamed("base_model.model.model.embed_tokens.lora_embedding_A"), "no embeddings"),
    (renamed("base_model.model.lm_head.lora_A.weight"), "“lm_head”"),
    (renamed("base_model.model.model.layers.0.self_attn.kv_proj.lora_A.weight"), "kv_proj"),
    (renamed("base_model.model.model.layers.0.mlp.experts.1.up_proj.lora_A.weight"), "experts.1.up_proj"),
    (renamed("base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector"), "no DoRA"),
    (tensors(lambda found: found.pop(QUERY)), "only one is there"),
    (tensors(lambda found: found.update({QUERY: torch.ones(4, 32, 1)})), "matrix was expected"),
    (tensors(lambda found: found.update({QUERY: torch.ones(3, 32)})), "ranks 3 and 4"),
    (tensors(lambda found: found.update({QUERY: torch.ones(4, 32, dtype=torch.int64)})), "I64"),
]
"""What can be seen without the weights' numbers: refused by the store already."""
REFUSED_BY_THE_ENGINE: list[tuple[Damage, str]] = [
    (tensors(lambda found: found.update({QUERY: torch.ones(4, 33)})), "32 inputs, the adapter's 33"),
    (tensors(lambda found: found.update({QUERY: torch.full((4, 32), torch.nan)})), "aren't finite"),
    (lambda folder: (folder / WEIGHTS).write_bytes(b"\x08"), "can't be read"),
    (lambda folder: (folder / WEIGHTS).unlink(), "can't be read"),
    (lambda folder: (folder / CONFIG).write_text("[]"), "JSON object"),
    (lambda folder: (folder / CONFIG).write_text("{"), "can't be read"),
    (lambda folder: (folder / CONFIG).unlink(), "can't be read"),
]


@pytest.fixture
def folder(tmp_path: Path, checkpoints: dict[str, Path]) -> Path:
    return make_adapter(tmp_path / "adapter", checkpoints["Llama"])


@pytest.mark.parametrize(("damage", "words"), REFUSED)
def test_refused_by_the_store(folder: Path, damage: Damage, words: str) -> None:
    check_adapter(folder)
    damage(folder)
    with pytest.raises(StoreError, match=re.escape(words)):
        check_adapter(folder)


def test_refused_by_the_engine_while_the_others_go_on(
    folder: Path, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    cases = REFUSED + REFUSED_BY_THE_ENGINE
    folders = {}
    for number, (damage, _) in enumerate(cases):
        folders[f"bad{number}"] = make_adapter(tmp_path / f"bad{number}", checkpoints["Llama"])
        damage(folders[f"bad{number}"])
    engine = EngineThread(
        FolderSource(m=checkpoints["Llama"], good=folder, **folders),
        EngineConfig(device=DEVICE, dtype="float32", threads=1, max_context=512, seed=0),
    )
    engine.start()
    try:
        alone = submit(engine, "m", PROMPT)
        assert alone.finish().reason == FinishReason.LENGTH
        long = SamplingParams(temperature=0, max_tokens=450, ignore_eos=True)
        beside = submit(engine, "m", PROMPT, long, "beside")
        for number, (_, words) in enumerate(cases):
            last = ask(engine, AdapterRef(f"bad{number}", "m")).finish()
            assert (last.reason, last.error_code) == (FinishReason.ERROR, "load_failed")
            assert words in last.error
        assert beside.finish().reason == FinishReason.LENGTH
        assert beside.text.startswith(alone.text)
        assert ask(engine, AdapterRef("good", "m")).finish().reason == FinishReason.LENGTH
        assert engine.metrics().adapters == ("good",)
    finally:
        engine.stop(drain_seconds=0)


def test_another_model_s_adapter_is_refused_at_once(folder: Path, checkpoints: dict[str, Path]) -> None:
    engine = EngineThread(FolderSource(m=checkpoints["Llama"], other=checkpoints["Qwen2"], a=folder), EngineConfig())
    engine.start()
    try:
        last = ask(engine, AdapterRef("a", "m"), model="other").finish()
        assert last.error_code == "bad_request"
        assert last.error.startswith("The adapter “a” was made for the model “m” and can't be used with “other”.")
    finally:
        engine.stop(drain_seconds=0)


def test_the_adapter_of_a_larger_model_does_not_fit(folder: Path, tmp_path: Path) -> None:
    """Somebody says that it is for this model, and it isn't."""
    larger = make_checkpoint(tmp_path / "larger", "Llama", num_hidden_layers=1)
    engine = EngineThread(FolderSource(m=larger, a=folder), EngineConfig(device=DEVICE))
    engine.start()
    try:
        last = ask(engine, AdapterRef("a", "m")).finish()
        assert last.error_code == "load_failed"
        assert "made for another model: this one has no layer “model.layers.1" in last.error
    finally:
        engine.stop(drain_seconds=0)


def test_an_adapter_that_overflows_fails_alone(folder: Path, checkpoints: dict[str, Path], tmp_path: Path) -> None:
    huge = make_adapter(tmp_path / "huge", checkpoints["Llama"], size=1e18)
    bench = Bench(load(checkpoints["Llama"]), FolderSource(huge=huge, good=folder))
    whose = {"base": None, "good": AdapterRef("good", "m")}
    alone = {}
    for name, adapter in whose.items():
        bench.add(name, list(PROMPT), greedy(30), adapter=adapter)
        bench.run()
        alone[name] = bench.completion(name, list(PROMPT))
    for name, adapter in whose.items():
        bench.add(name, list(PROMPT), greedy(30), adapter=adapter)
    overflowing = Recorder("huge")
    request = GenerationRequest("huge", "m", PROMPT, GREEDY, adapter=AdapterRef("huge", "m"))
    bench.engine.add(TextTicket(request, overflowing, lambda ticket: None))
    bench.run()
    assert overflowing.finish().error_code == "non_finite"
    assert {name: bench.completion(name, list(PROMPT)) for name in whose} == alone
