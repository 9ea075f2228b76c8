"""The compatible lane: any causal language model of transformers, token for token as `generate` has it."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.config import EngineConfig
from engine.service import EngineThread, FolderSource
from engine.text.footprint import footprint_of
from engine.text.loader import LoadFailed
from engine.types import AdapterRef, GenerationRequest, SamplingParams
from tests.engine.device import DEVICE
from tests.engine.recorder import GREEDY, Recorder, submit
from tests.engine.test_equality import Bench, blocks_of, generated, greedy, load, prompts_of
from tests.engine.tiny import OTHERS, make_checkpoint


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("compatible")
    return {family: make_checkpoint(root / family, family) for family in OTHERS}


@pytest.mark.parametrize("family", OTHERS)
def test_joining_and_leaving_in_any_chunks(folders: dict[str, Path], family: str) -> None:
    generator = random.Random(3)
    prompts = prompts_of([1, *(generator.randrange(2, 60) for _ in range(5))])
    lengths = [generator.randrange(3, 25) for _ in prompts]
    expected = generated(folders[family], prompts, tokens=lengths)
    bench = Bench(load(folders[family]), max_sequences=3, prefill_tokens=19)
    for number, (prompt, length) in enumerate(zip(prompts, lengths, strict=True)):
        bench.add(str(number), prompt, greedy(length))
        bench.step()
    bench.run()
    for number, prompt in enumerate(prompts):
        assert bench.completion(str(number), prompt) == expected[number]


@pytest.mark.parametrize("family", ["Gemma2", "Qwen3Next"])
def test_what_is_preempted_is_read_again(folders: dict[str, Path], family: str) -> None:
    prompts = prompts_of([40, 30, 35, 20])
    expected = generated(folders[family], prompts)
    bench = Bench(load(folders[family], max_context=112), max_context=112, prefill_tokens=32)
    blocks_of(bench, 12)
    for number, prompt in enumerate(prompts):
        bench.add(str(number), prompt, greedy())
    bench.run()
    assert bench.engine._counters.preemptions >= 1
    for number, prompt in enumerate(prompts):
        assert bench.completion(str(number), prompt) == expected[number]


def test_a_step_that_fails_for_one_leaves_the_others_right(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a failed step had computed of the others' caches isn't counted twice."""
    prompts = prompts_of([12, 20, 9])
    expected = generated(folders["Phi3"], prompts)
    model = load(folders["Phi3"])
    bench = Bench(model)
    for number, prompt in enumerate(prompts):
        bench.add(str(number), prompt, greedy())
    for _ in range(10):
        bench.step()
    victim, forward = bench.tokens["1"], model.module.forward
    last = victim[-1]

    def failing(input_ids: torch.Tensor, **more: object) -> object:
        if int(input_ids[0, -1]) == last and len(victim) == 30:
            raise RuntimeError("broken")
        return forward(input_ids=input_ids, **more)

    monkeypatch.setattr(model.module, "forward", failing)
    while bench.engine.busy:
        last = victim[-1]
        bench.step()
    assert bench.recorders["1"].finish().error_code == "internal"
    for number in (0, 2):
        assert bench.completion(str(number), prompts[number]) == expected[number]


def test_beside_a_model_of_the_own_cache(folders: dict[str, Path], checkpoints: dict[str, Path]) -> None:
    """Through the engine's thread: loaded on demand, both at work, same seed same tokens."""
    engine = EngineThread(
        FolderSource(other=folders["Gemma2"], own=checkpoints["Llama"]),
        EngineConfig(dtype="float32", device=DEVICE, max_context=256, threads=1, seed=0),
    )
    engine.start()
    seeded = SamplingParams(temperature=1.0, seed=5, max_tokens=30, ignore_eos=True)
    recorders = [
        submit(engine, model, [10, 20, 30], seeded, f"{model} {number}")
        for number in range(2)
        for model in ("other", "own")
    ]
    for recorder in recorders:
        assert recorder.finish().usage.completion_tokens == 30
    assert recorders[0].text == recorders[2].text
    assert set(engine.metrics().attention) >= {"transformers"}
    engine.stop(drain_seconds=0)


def test_an_adapter_is_refused_in_words(folders: dict[str, Path]) -> None:
    engine = EngineThread(FolderSource(other=folders["Phi3"]), EngineConfig(dtype="float32", device=DEVICE, threads=1))
    engine.start()
    recorder = Recorder("a")
    engine.submit(GenerationRequest("a", "other", (1, 2), GREEDY, adapter=AdapterRef("x", "other")), recorder)
    last = recorder.finish()
    engine.stop(drain_seconds=0)
    assert last.error_code == "bad_request"
    assert last.error.endswith("or another one.")


Change = Callable[[Path], None]


def _without_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.down_proj.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _with(**changes: object) -> Change:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | changes))

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_without_a_tensor, "incomplete"),
        (_with(architectures=["MadeUpForCausalLM"]), "has no architecture MadeUpForCausalLM"),
        (_with(intermediate_size=2**23), r"asks for [\d,]+ numbers, and the files hold [\d,]+"),
        (_with(num_key_value_heads=1), "qkv_proj.weight” has another shape than config.json"),
    ],
)
def test_what_can_not_be_served_is_told(folders: dict[str, Path], tmp_path: Path, change: Change, words: str) -> None:
    folder = shutil.copytree(folders["Phi3"], tmp_path / "copy")
    change(folder)
    with pytest.raises(LoadFailed, match=words):
        load(folder)


@pytest.mark.parametrize("family", OTHERS)
def test_its_size_is_known_before_it_is_loaded(folders: dict[str, Path], family: str) -> None:
    config = EngineConfig(dtype="float32", device=DEVICE, max_context=128)
    told = footprint_of(folders[family], config, 2**30)
    module = load(folders[family]).module
    held = sum(tensor.nbytes for tensor in {one.data_ptr(): one for one in module.parameters()}.values())
    assert 0.9 < told.weights / held < 1.2
    assert told.least_cache > 0
