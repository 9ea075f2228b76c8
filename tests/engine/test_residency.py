"""Loading on demand, making room, and loads that fail."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.config import EngineConfig
from engine.service import EngineThread, FolderSource
from engine.types import FinishReason, LoadingEvent, SamplingParams, StartedEvent, TextEvent
from tests.engine.recorder import GREEDY, submit

PROMPT = [10, 20, 30, 40, 50]
LONG = SamplingParams(temperature=0, max_tokens=500, ignore_eos=True)
Make = Callable[..., EngineThread]


def test_the_longest_unused_idle_model_makes_room(make_engine: Make) -> None:
    engine = make_engine(max_resident=2)
    for number, model in enumerate(("Llama", "Qwen2", "Llama", "Qwen3")):
        submit(engine, model, PROMPT, GREEDY, str(number)).finish()
    assert set(engine.loaded()) == {"Llama", "Qwen3"}
    assert engine.metrics().evictions == 1
    recorder = submit(engine, "Qwen2", PROMPT)
    recorder.finish()
    assert recorder.kinds[:2] == [LoadingEvent, StartedEvent]


def test_running_sequences_go_on_while_another_model_loads(make_engine: Make) -> None:
    engine = make_engine()
    order: list[str] = []
    first = submit(
        engine, "Llama", PROMPT, LONG, "first",
        on_event=lambda event: isinstance(event, TextEvent) and order.append("first"),
    )  # fmt: skip
    while not order:
        pass
    second = submit(
        engine, "Qwen2", PROMPT, GREEDY, "second",
        on_event=lambda event: isinstance(event, (LoadingEvent, StartedEvent)) and order.append(type(event).__name__),
    )  # fmt: skip
    second.finish()
    first.finish()
    assert "first" in order[order.index("LoadingEvent") : order.index("StartedEvent")]


def test_a_busy_model_makes_room_after_a_while(make_engine: Make) -> None:
    engine = make_engine(max_resident=1, residency_patience_seconds=0.0)
    recorders = [submit(engine, "Llama", PROMPT, GREEDY, "a")]
    recorders.append(submit(engine, "Qwen2", PROMPT, GREEDY, "b"))
    recorders += [submit(engine, "Llama", PROMPT, GREEDY, f"c{number}") for number in range(3)]
    recorders += [submit(engine, "Qwen3", PROMPT, GREEDY, "d")]
    assert all(recorder.finish().reason == FinishReason.LENGTH for recorder in recorders)


def test_an_unknown_model_fails_with_a_sentence_and_the_engine_goes_on(make_engine: Make) -> None:
    engine = make_engine()
    last = submit(engine, "nowhere", PROMPT).finish()
    assert (last.reason, last.error_code) == (FinishReason.ERROR, "load_failed")
    assert "nowhere" in last.error
    assert submit(engine, "Llama", PROMPT).finish().reason == FinishReason.LENGTH


def drop_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, folder / "model.safetensors")


def reshape_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["model.norm.weight"] = torch.ones(7)
    save_file(tensors, folder / "model.safetensors")


def add_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["model.evil.weight"] = torch.ones(7)
    save_file(tensors, folder / "model.safetensors")


def cut_the_weights(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def change_config(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | changes))

    return change


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (drop_a_tensor, "up_proj.weight” is missing"),
        (reshape_a_tensor, "wrong shape"),
        (add_a_tensor, "doesn't have"),
        (cut_the_weights, "can't be read"),
        (lambda folder: (folder / "model.safetensors").unlink(), "incomplete"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "tokenizer.json"),
        (lambda folder: (folder / "config.json").write_text("["), "config.json"),
        (change_config(architectures=["GPT2LMHeadModel"]), "GPT2LMHeadModel"),
        (change_config(architectures=["os"]), "isn't supported"),
        (change_config(auto_map={"AutoModelForCausalLM": "evil--code"}), "auto_map"),
        (change_config(_attn_implementation="evil/kernels"), "kernel repository"),
        (change_config(quantization_config={"quant_method": "fp8"}), "quantised"),
        (change_config(rope_parameters={"rope_type": "dynamic", "factor": 2.0}), "dynamic"),
    ],
)
def test_a_damaged_or_hostile_model_is_refused(
    tmp_path: Path, checkpoints: dict[str, Path], damage: Callable[[Path], object], words: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(checkpoints["Llama"], folder)
    damage(folder)
    engine = EngineThread(FolderSource(bad=folder, good=checkpoints["Llama"]), EngineConfig(device="cpu", threads=1))
    engine.start()
    try:
        last = submit(engine, "bad", PROMPT).finish()
        assert last.error_code == "load_failed"
        assert words in last.error
        assert submit(engine, "good", PROMPT).finish().reason == FinishReason.LENGTH
    finally:
        engine.stop(drain_seconds=0)
