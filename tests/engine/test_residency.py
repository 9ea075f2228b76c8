"""Loading on demand, making room, and loads that fail."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.config import EngineConfig
from engine.loaded import LoadFailed, at_once
from engine.service import EngineThread, FolderSource
from engine.text.loader import load_model
from engine.ticket import Ticket
from engine.types import FinishReason, GenerationRequest, LoadingEvent, SamplingParams, StartedEvent, TextEvent
from tests.engine.recorder import GREEDY, Recorder, submit
from tests.engine.started import started_engines
from tests.engine.tiny import make_checkpoint

PROMPT = [10, 20, 30, 40, 50]
LONG = SamplingParams(temperature=0, max_tokens=500, ignore_eos=True)
Make = Callable[..., EngineThread]


def writing(engine: EngineThread, model: str) -> Recorder:
    """A long answer that this model is in the midst of."""
    began = threading.Event()
    long = submit(
        engine, model, PROMPT, LONG, "long", on_event=lambda event: isinstance(event, TextEvent) and began.set()
    )
    assert began.wait(60)
    return long


def test_the_longest_unused_idle_model_makes_room(make_engine: Make) -> None:
    engine = make_engine(max_resident=2)
    for number, model in enumerate(("Llama", "Qwen2", "Llama", "Qwen3")):
        submit(engine, model, PROMPT, GREEDY, str(number)).finish()
    assert set(engine.loaded()) == {"Llama", "Qwen3"}
    assert engine.metrics().evictions == 1
    recorder = submit(engine, "Qwen2", PROMPT)
    recorder.finish()
    assert recorder.kinds[:2] == [LoadingEvent, StartedEvent]


def test_a_model_knows_whether_another_one_wants_the_device(make_engine: Make) -> None:
    engine = make_engine(max_resident=2)
    for model in ("Llama", "Qwen2"):
        submit(engine, model, PROMPT, GREEDY, model).finish()
    long, engines = writing(engine, "Llama"), engine._residency.engines
    assert engines["Llama"]._is_alone()
    assert not engines["Qwen2"]._is_alone()
    engine.cancel("long")
    long.finish()


def test_running_sequences_go_on_while_another_model_loads(make_engine: Make) -> None:
    engine = make_engine()
    order: list[str] = []
    began = threading.Event()

    def note(event: object) -> None:
        if isinstance(event, TextEvent):
            order.append("first")
            began.set()

    first = submit(engine, "Llama", PROMPT, LONG, "first", on_event=note)
    assert began.wait(60)
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


def test_models_share_a_budget_of_memory(make_engine: Make) -> None:
    """Three tiny ones with a cache of 1 MiB each: two of them fit into 3 MiB, and the longest unused idle one goes."""
    engine = make_engine(memory_mb=3, cache_mb=1, compile="off")  # recorded steps would take some, too
    for number, model in enumerate(("Llama", "Qwen2", "Llama", "Qwen3")):
        assert submit(engine, model, PROMPT, GREEDY, str(number)).finish().reason == FinishReason.LENGTH
    now = engine.metrics()
    assert set(now.loaded) == {"Llama", "Qwen3"}
    assert now.weight_bytes + now.cache_bytes <= now.memory_budget == 3 * 2**20


def test_a_model_larger_than_the_budget_is_refused_with_its_size(make_engine: Make) -> None:
    engine = make_engine(memory_mb=1, cache_mb=1)
    last = submit(engine, "Llama", PROMPT).finish()
    assert last.error_code == "load_failed"
    assert "It needs 2 MiB (1 of weights and 1 of cache" in last.error
    assert "ENGINE_MEMORY_MB" in last.error
    assert engine.loaded() == ()


def test_a_busy_model_is_not_evicted_for_another(make_engine: Make) -> None:
    engine = make_engine(memory_mb=2, cache_mb=1, residency_patience_seconds=1e9)
    long = writing(engine, "Llama")
    second = submit(engine, "Qwen2", PROMPT, GREEDY, "second")
    third = submit(engine, "Qwen3", PROMPT, GREEDY, "third")
    assert long.finish().usage.completion_tokens == 500
    assert second.finish().reason == third.finish().reason == FinishReason.LENGTH
    told = [event for event in second.events if isinstance(event, LoadingEvent)]
    assert [event.begun for event in told][-2:] == [False, True], "first it has to wait for room"
    assert not third.events[0].begun  # type: ignore[union-attr]


def test_a_load_that_nobody_waits_for_any_more_is_given_up(make_engine: Make) -> None:
    engine = make_engine(memory_mb=2, cache_mb=1, residency_patience_seconds=1e9)
    told = threading.Event()
    long = writing(engine, "Llama")
    second = submit(engine, "Qwen2", PROMPT, GREEDY, "second", on_event=lambda event: told.set())
    assert told.wait(60)
    engine.cancel("second")
    assert second.finish().reason == FinishReason.CANCELLED
    assert submit(engine, "Llama", PROMPT, GREEDY, "third").finish().reason == FinishReason.LENGTH
    assert long.finish().reason == FinishReason.LENGTH
    assert engine.metrics().evictions == 0


def test_how_long_a_load_takes_is_told_from_earlier_ones(make_engine: Make) -> None:
    engine = make_engine(max_resident=1)
    told = []
    for number, model in enumerate(("Llama", "Qwen2", "Llama")):
        recorder = submit(engine, model, PROMPT, GREEDY, str(number))
        recorder.finish()
        told.append([event.seconds for event in recorder.events if isinstance(event, LoadingEvent)])
    first, guessed, known = told
    assert first == [None], "nothing was measured yet"
    assert guessed[0] is None
    assert guessed[1] is not None, "from its size, once that is known"
    assert known[0] is not None
    assert 0 < known[0] <= engine.metrics().load_seconds


def test_memory_that_does_not_suffice_for_a_step_is_taken_from_idle_models(
    make_engine: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step is run again, and nobody notices."""
    engine = make_engine(compile="off")
    submit(engine, "Llama", PROMPT, GREEDY, "idle").finish()
    submit(engine, "Qwen2", PROMPT, GREEDY, "first").finish()
    fail_while(engine, monkeypatch, "Qwen2", lambda: "Llama" in engine.loaded())
    last = submit(engine, "Qwen2", PROMPT, GREEDY, "second").finish()
    assert (last.reason, last.error_code) == (FinishReason.LENGTH, "")
    now = engine.metrics()
    assert (now.loaded, now.evictions, now.out_of_memory) == (("Qwen2",), 1, 1)


def test_where_that_is_not_enough_only_what_caused_it_fails(make_engine: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_engine()
    submit(engine, "Llama", PROMPT, GREEDY, "first").finish()
    fail_while(engine, monkeypatch, "Llama", lambda: True, at_least=30)
    others = [submit(engine, "Llama", PROMPT, GREEDY, str(number)) for number in range(3)]
    large = submit(engine, "Llama", PROMPT * 20, GREEDY, "large")
    assert large.finish().error_code == "out_of_memory"
    assert all(other.finish().reason == FinishReason.LENGTH for other in others)
    assert submit(engine, "Llama", PROMPT, GREEDY, "next").finish().reason == FinishReason.LENGTH


def fail_while(
    engine: EngineThread, monkeypatch: pytest.MonkeyPatch, model: str, condition: Callable[[], bool], at_least: int = 1
) -> None:
    """torch finds no memory for steps of so many tokens of this model while the condition holds."""
    module = engine._residency.engines[model]._model.module
    forward = module.forward

    def failing(*args: object, input_ids: torch.Tensor, **more: object) -> object:
        if input_ids.shape[1] >= at_least and condition():
            raise torch.OutOfMemoryError("Tried to allocate more than there is")
        return forward(*args, input_ids=input_ids, **more)

    monkeypatch.setattr(module, "forward", failing)


def test_who_would_wait_for_too_long_is_refused_at_once(make_engine: Make) -> None:
    engine = make_engine(max_sequences=1, max_wait_seconds=1e-6)
    submit(engine, "Llama", PROMPT, GREEDY, "measured").finish()
    long = writing(engine, "Llama")
    last = submit(engine, "Llama", PROMPT, GREEDY, "late").finish()
    assert (last.reason, last.error_code) == (FinishReason.ERROR, "overloaded")
    assert "of work are ahead" in last.error
    assert long.finish().reason == FinishReason.LENGTH
    assert engine.metrics().refused == 1
    assert engine.metrics().predicted_wait == 0


def test_a_deadline_shorter_than_the_wait_is_refused_and_another_one_is_not(make_engine: Make) -> None:
    engine = make_engine(max_sequences=1)
    submit(engine, "Llama", PROMPT, GREEDY, "measured").finish()
    long = writing(engine, "Llama")
    recorders = [Recorder("short"), Recorder("patient")]
    for recorder, deadline in zip(recorders, (1e-6, 3600.0), strict=True):
        engine.submit(
            GenerationRequest(recorder.id, "Llama", tuple(PROMPT), GREEDY, deadline_seconds=deadline), recorder
        )
    assert recorders[0].finish().error_code == "overloaded"
    assert recorders[1].finish().reason == FinishReason.LENGTH
    assert long.finish().reason == FinishReason.LENGTH


def test_what_a_deadline_still_leaves_is_compared_with_the_wait(
    make_engine: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an hour little is left where most of it went by while the model was loaded."""
    engine = make_engine(max_sequences=1)
    submit(engine, "Llama", PROMPT, GREEDY, "measured").finish()
    long = writing(engine, "Llama")
    monkeypatch.setattr(Ticket, "waited", property(lambda ticket: 3600 - 1e-6))
    recorder = Recorder("late")
    engine.submit(GenerationRequest("late", "Llama", tuple(PROMPT), GREEDY, deadline_seconds=3600), recorder)
    assert recorder.finish().error_code == "overloaded"
    assert long.finish().reason == FinishReason.LENGTH


def test_a_deadline_that_passes_while_the_model_waits_for_room_ends_the_request(make_engine: Make) -> None:
    engine = make_engine(max_resident=1, residency_patience_seconds=1e9)
    long = writing(engine, "Llama")
    recorder = Recorder("late")
    engine.submit(GenerationRequest("late", "Qwen2", tuple(PROMPT), GREEDY, deadline_seconds=0.01), recorder)
    assert recorder.finish().error_code == "deadline"
    assert not long.finish().error


def test_a_model_that_fits_does_not_wait_behind_one_that_does_not(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    large = make_checkpoint(tmp_path / "large", "Llama", hidden_size=256, intermediate_size=1024)
    folders = {"busy": large, "large": large, "small": checkpoints["Qwen2"]}
    with started_engines(max_context=512, residency_patience_seconds=1e9) as start:
        engine = start(folders, memory_mb=14, cache_mb=1)
        long = writing(engine, "busy")
        waiting = submit(engine, "large", PROMPT, GREEDY, "waiting")
        small = submit(engine, "small", PROMPT, GREEDY, "small")
        assert small.finish().reason == FinishReason.LENGTH
        assert set(waiting.kinds) == {LoadingEvent}
        assert not {"long", "waiting"} - set(engine._open)
        assert set(engine.loaded()) == {"busy", "small"}
        assert long.finish().reason == waiting.finish().reason == FinishReason.LENGTH


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


def test_a_mixture_takes_no_memory_for_experts_that_its_files_do_not_hold(
    tmp_path: Path, checkpoints: dict[str, Path]
) -> None:
    folder = shutil.copytree(checkpoints["DeepseekV3"], tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    for name in ("gate.weight", "gate.e_score_correction_bias"):
        gate = f"model.layers.1.mlp.{name}"
        tensors[gate] = tensors[gate].repeat(1000, *[1] * (tensors[gate].dim() - 1))
    save_file(tensors, folder / "model.safetensors")
    change_config(n_routed_experts=4000)(folder)
    with pytest.raises(LoadFailed, match=r"experts.\w+” should have [\d,]+ numbers, more than the files hold"):
        at_once(load_model(folder, EngineConfig(device="cpu")))


@pytest.mark.parametrize(("named", "found"), [(2.5, {1}), ({"a": 3}, {1}), ([3, [4]], {1, 3}), (7, {1, 7})])
def test_what_is_no_end_of_a_text_is_passed_over(
    tmp_path: Path, checkpoints: dict[str, Path], named: object, found: set[int]
) -> None:
    """The tokenizer's own one is 1."""
    folder = shutil.copytree(checkpoints["Llama"], tmp_path / "model")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": named}))
    assert at_once(load_model(folder, EngineConfig(device="cpu"))).eos_ids == found


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
        (change_config(architectures=["EvilForCausalLM"]), "has no architecture EvilForCausalLM"),
        (change_config(architectures=["os"]), "isn't supported"),
        (change_config(auto_map={"AutoModelForCausalLM": "evil--code"}), "auto_map"),
        (change_config(_attn_implementation="evil/kernels"), "kernel repository"),
        (change_config(quantization_config={"quant_method": "fp8"}), "quantised"),
        (change_config(num_attention_heads=100, head_dim=None), "100 heads for queries and 2 for keys, of 0 numbers"),
        (change_config(num_attention_heads=4, num_key_value_heads=3), "4 heads for queries and 3 for keys"),
        (change_config(hidden_act="nope"), "can't make a model of this config.json: KeyError: 'nope'"),
        (change_config(rms_norm_eps="small"), "rms_norm_eps"),
        (change_config(rope_parameters={"rope_type": "yarn", "factor": "a"}), "TypeError"),
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
