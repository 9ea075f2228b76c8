"""The image engine in the engine thread: previews, cancelling, resuming, failing alone, sharing the device."""

from __future__ import annotations

import io
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load, save

from engine.image.schedulers import DIFFUSION_SCHEDULERS, evaluations, left_out
from engine.pipelines import read_pipeline
from engine.service import EngineThread
from engine.source import FolderSource
from engine.types import (
    Event,
    FinishReason,
    ImageEvent,
    ImageRequest,
    LoadingEvent,
    ProgressEvent,
    SamplingParams,
    StartedEvent,
)
from tests.engine.image.bench import Bench
from tests.engine.image.drawing import Watcher, draw, far_apart, half_mask, params, png, some_picture
from tests.engine.image.tiny import FAMILIES, SIDE, save_pipeline, stable_diffusion
from tests.engine.recorder import GREEDY, submit
from tests.engine.started import started_engines

Make = Callable[..., EngineThread]
MODEL = "stable-diffusion"


@pytest.fixture(scope="module")
def keeper(make_drawer: Make) -> EngineThread:
    """Keeps a checkpoint of every step."""
    return make_drawer(checkpoint_seconds=0)


def at_step(step: int, act: Callable[[], object]) -> Callable[[Event], None]:
    return lambda event: act() if isinstance(event, ProgressEvent) and event.step == step else None


def test_a_picture_is_loaded_started_shown_and_finished(make_drawer: Make) -> None:
    engine = make_drawer()
    watcher = draw(engine, MODEL, params(steps=4))
    picture, last = watcher.picture(), watcher.finish()
    kinds = [kind for place, kind in enumerate(watcher.kinds) if kind is not LoadingEvent or place == 0]
    assert kinds[:3] == [LoadingEvent, StartedEvent, ProgressEvent]
    assert picture.shape == (SIDE, SIDE, 3)
    assert (last.reason, last.usage.steps) == (FinishReason.STOP, 4)
    assert [event.step for event in watcher.steps] == [1, 2, 3, 4]
    assert last.usage.prompt_tokens == len("aredapple") + 2
    assert last.usage.load_ms is not None
    assert last.usage.ttft_ms is not None
    assert last.usage.decode_ms is not None
    assert last.usage.device_ms > 0
    assert engine.unfinished() == 0


def test_what_it_was_made_with_is_told(drawer: EngineThread) -> None:
    made = draw(drawer, MODEL, params(scheduler="dpm++")).finish().made_with
    assert made["scheduler"] == "DPMSolverMultistepScheduler"
    assert (made["device"], made["dtype"], made["torch"]) == ("cpu", "float32", torch.__version__)
    text = submit(drawer, "Llama", [5, 6, 7], GREEDY, "text").finish().made_with
    assert (text["device"], text["weights"]) == ("cpu", "full")
    assert all(isinstance(value, str) for value in [*made.values(), *text.values()])


def test_the_first_preview_is_that_of_the_first_step(drawer: EngineThread) -> None:
    """A picture that is hardly changed looks in its preview as it did."""
    source = np.zeros((SIDE, SIDE, 3), np.uint8)
    source[:, : SIDE // 2] = (220, 40, 40)
    watcher = draw(drawer, MODEL, params(steps=20, strength=0.1, guidance=1.0), source=png(source))
    watcher.picture()
    first = watcher.previews[0]
    preview = Image.open(io.BytesIO(first.preview))
    assert (preview.format, preview.size) == ("WEBP", (SIDE, SIDE))


def test_previews_can_be_left_out(drawer: EngineThread) -> None:
    watcher = draw(drawer, MODEL, params(), previews=False)
    watcher.picture()
    assert not watcher.previews
    assert watcher.finish().usage.ttft_ms is None


def test_cancel_takes_effect_within_a_step(drawer: EngineThread) -> None:
    watcher = draw(drawer, MODEL, params(steps=100), on_event=at_step(3, lambda: drawer.cancel("one")))
    last = watcher.finish()
    assert (last.reason, last.usage.steps) == (FinishReason.CANCELLED, 3)
    assert ImageEvent not in watcher.kinds


@pytest.mark.parametrize("scheduler", ["default", "dpm++", "euler-ancestral", "unipc", "pndm", "heun"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_resumed_picture_is_the_one_that_was_not_interrupted(
    drawer: EngineThread, keeper: EngineThread, scheduler: str, masked: bool
) -> None:
    more = {"source": png(some_picture()), "mask": png(half_mask())} if masked else {}
    wanted = params(steps=8, scheduler=scheduler, strength=0.9)
    whole = draw(keeper, MODEL, wanted, **more)
    expected = whole.picture()
    kept = whole.checkpoints[len(whole.checkpoints) // 2]
    resumed = draw(drawer, MODEL, wanted, checkpoint=kept.data, **more)
    assert far_apart(resumed.picture(), expected) == 0
    assert resumed.steps[0].step == kept.step + 1
    assert resumed.finish().usage.steps == resumed.steps[-1].steps - kept.step
    assert whole.finish().usage.steps == evaluations(scheduler, 8, skipped=int(masked))


@pytest.mark.parametrize("own", DIFFUSION_SCHEDULERS)
def test_how_often_any_scheduler_asks_the_network(own: str) -> None:
    """Which a quote has to know also where it is a model's own."""
    scheduler = getattr(diffusers, own)(**{"skip_prk_steps": True} if own == "PNDMScheduler" else {})
    for steps in (1, 2, 7, 20):
        scheduler.set_timesteps(steps)
        assert len(scheduler.timesteps) == evaluations("default", steps, own=own)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("strength", [0.6, 0.01, 1.0])
def test_how_many_steps_a_changed_picture_takes(
    drawer: EngineThread, pipelines: dict[str, Path], family: str, strength: float
) -> None:
    facts = read_pipeline(pipelines[family]).facts
    last = draw(drawer, family, params(steps=7, strength=strength), source=png(some_picture())).finish()
    skipped = left_out(7, strength, facts.family)
    assert last.usage.steps == evaluations("default", 7, skipped=skipped, own=facts.own_scheduler)


def test_a_flow_model_resumes_too(keeper: EngineThread) -> None:
    wanted = params(steps=5)
    whole = draw(keeper, "flux", wanted)
    expected = whole.picture()
    resumed = draw(keeper, "flux", wanted, "two", checkpoint=whole.checkpoints[1].data)
    assert far_apart(resumed.picture(), expected) == 0
    assert resumed.steps[0].step == 3


def test_too_little_memory_to_read_a_checkpoint_loses_none(
    pipelines: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is remembered of prompts goes before it is read again."""
    bench = Bench(pipelines[MODEL], FolderSource(), checkpoint_seconds=0)
    wanted, errors = params(steps=4), [torch.OutOfMemoryError("little")]
    bench.draw(params("another prompt"))
    whole = bench.add(wanted)
    bench.run()
    expected = whole.picture()

    def little(data: bytes) -> dict[str, torch.Tensor]:
        if errors:
            raise errors.pop()
        return load(data)

    monkeypatch.setattr("engine.image.checkpoint.load", little)
    watcher = bench.add(wanted, checkpoint=whole.checkpoints[1].data)
    bench.run()
    assert far_apart(watcher.picture(), expected) == 0
    assert watcher.steps[0].step == 3
    assert {key[0] for key in bench.engine._beginning._prompts} == {wanted.prompt, ""}


def test_a_checkpoint_that_does_not_fit_is_left_aside(keeper: EngineThread) -> None:
    wanted = params(steps=4)
    whole = draw(keeper, MODEL, wanted)
    expected, good = whole.picture(), whole.checkpoints[0].data
    tensors = load(good)
    told = json.loads(tensors["told"].numpy().tobytes())
    older, endless = told | {"format": "0.1.0"}, told | {"done": float("inf")}
    broken = [
        b"",
        b"\x80\x04pickle",
        good[:100],
        save({"latents": tensors["latents"]}),
        save({**tensors, "latents": torch.full_like(tensors["latents"], float("nan"))}),
        save({**tensors, "latents": torch.zeros(1, 4, 400, 400)}),
        save({**tensors, "generator": torch.zeros(8, dtype=torch.uint8)}),
        save({**tensors, "told": torch.frombuffer(bytearray(b"[" * 100_000), dtype=torch.uint8)}),
        save({**tensors, "told": torch.frombuffer(bytearray(b'{"of": 1}'), dtype=torch.uint8)}),
        save({**tensors, "told": torch.frombuffer(bytearray(json.dumps(older).encode()), dtype=torch.uint8)}),
        save({**tensors, "told": torch.frombuffer(bytearray(json.dumps(endless).encode()), dtype=torch.uint8)}),
    ]
    for place, data in enumerate(broken):
        watcher = draw(keeper, MODEL, wanted, f"broken{place}", checkpoint=data)
        assert far_apart(watcher.picture(), expected) == 0
        assert watcher.steps[0].step == 1
    other = draw(keeper, MODEL, replace(wanted, seed=8), "other", checkpoint=good)
    other.picture()
    assert other.steps[0].step == 1, "it belongs to another seed"


@pytest.mark.parametrize(
    ("changes", "more", "words"),
    [
        ({"width": 33}, {}, "multiples of 2"),
        ({"height": 0}, {}, "multiples of 2"),
        ({"width": 512, "height": 512}, {}, "more pixels"),
        ({"steps": 0}, {}, "steps"),
        ({"steps": 9999}, {}, "steps"),
        ({"guidance": float("nan")}, {}, "Guidance"),
        ({"guidance": -1.0}, {}, "Guidance"),
        ({"seed": -1}, {}, "seed"),
        ({"scheduler": "evil"}, {}, "euler"),
        ({"prompt": "a" * 20_000}, {}, "10,000 characters"),
        ({"strength": 0.0}, {"source": png(some_picture())}, "strength"),
        ({}, {"mask": png(half_mask())}, "mask needs a picture"),
        ({}, {"source": b"<svg/>"}, "readable PNG"),
        ({}, {"source": png(some_picture())[:-60]}, "readable PNG"),
        ({}, {"source": png(some_picture()), "mask": b"GIF89a"}, "readable PNG"),
    ],
)
def test_a_bad_request_ends_with_a_sentence(
    drawer: EngineThread, changes: dict[str, object], more: dict[str, bytes], words: str
) -> None:
    last = draw(drawer, MODEL, params(**changes), **more).finish()
    assert (last.reason, last.error_code) == (FinishReason.ERROR, "bad_request")
    assert words in last.error


def test_a_long_prompt_is_cut_off_as_the_model_does(drawer: EngineThread) -> None:
    last = draw(drawer, MODEL, params("apple " * 200)).finish()
    assert (last.reason, last.usage.prompt_tokens) == (FinishReason.STOP, 77)


def failing(engine: EngineThread, monkeypatch: pytest.MonkeyPatch, error: Exception, *, at_least: int) -> None:
    """Steps of so many rows raise."""
    family = engine._residency.engines[MODEL]._family
    predict = family.predict

    def broken(latents: torch.Tensor, *rest: object) -> torch.Tensor:
        if len(latents) >= at_least:
            raise error
        return predict(latents, *rest)

    monkeypatch.setattr(family, "predict", broken)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("too little"), RuntimeError("a kernel failed")])
def test_a_failed_batch_is_run_one_by_one(
    drawer: EngineThread, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    expected = [draw(drawer, MODEL, params(seed=seed), f"alone{seed}").picture() for seed in range(3)]
    failing(drawer, monkeypatch, error, at_least=3)
    watchers = [draw(drawer, MODEL, params(seed=seed), f"again{seed}") for seed in range(3)]
    for one, watcher in zip(expected, watchers, strict=True):
        assert far_apart(watcher.picture(), one) <= 1


@pytest.mark.parametrize(
    ("error", "code"), [(torch.OutOfMemoryError("too little"), "out_of_memory"), (RuntimeError("broken"), "internal")]
)
def test_only_what_fails_alone_too_fails(
    drawer: EngineThread, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    """A picture with guidance takes two rows; the one without goes on."""
    draw(drawer, MODEL, params(), "first").picture()
    failing(drawer, monkeypatch, error, at_least=2)
    good = draw(drawer, MODEL, params(guidance=1.0, steps=6), "good")
    bad = draw(drawer, MODEL, params(steps=6), "bad")
    assert bad.finish().error_code == code
    good.picture()
    assert draw(drawer, MODEL, params(guidance=1.0), "next").finish().reason == FinishReason.STOP


@pytest.mark.parametrize("own", [True, False])
def test_a_step_that_fails_costs_whoever_is_why(
    pipelines: dict[str, Path], monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    """A picture that makes no numbers, not one for which the site has too little memory."""
    bench = Bench(pipelines[MODEL], FolderSource())
    family, calls = bench.engine._family, list[int]()
    predict = family.predict

    def slow(latents: torch.Tensor, *rest: object) -> torch.Tensor:
        calls.append(len(latents))
        if len(calls) == 1:
            return predict(latents, *rest)
        time.sleep(0.3)
        if not own:
            raise torch.OutOfMemoryError("little")
        return predict(latents, *rest) * float("nan")

    bench.draw(params(steps=1))
    monkeypatch.setattr(family, "predict", slow)
    watcher = bench.add(params(steps=8))
    bench.run()
    last = watcher.finish()
    assert (last.error_code, last.usage.steps) == ("non_finite" if own else "out_of_memory", 1)
    assert (last.usage.device_ms >= 300) == own
    assert last.usage.device_ms > 0, "the step that was told counts"


def test_latents_that_are_no_numbers_end_their_own_picture(
    drawer: EngineThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(drawer, MODEL, params(), "first").picture()
    family = drawer._residency.engines[MODEL]._family
    predict = family.predict

    def spoiled(latents: torch.Tensor, timesteps: torch.Tensor, conditions: list[dict[str, torch.Tensor]]) -> object:
        made = predict(latents, timesteps, conditions)
        for place, condition in enumerate(conditions):
            if torch.equal(condition["encoder_hidden_states"], bad):
                made[place] = float("nan")
        return made

    bad = family.encode("poison", empty=False)["encoder_hidden_states"]
    monkeypatch.setattr(family, "predict", spoiled)
    watchers = {prompt: draw(drawer, MODEL, params(prompt, steps=5), prompt) for prompt in ("apple", "poison", "car")}
    last = watchers["poison"].finish()
    assert last.error_code == "non_finite"
    assert "Try another seed" in last.error
    watchers["apple"].picture()
    watchers["car"].picture()


@pytest.mark.parametrize("alone", [False, True])
def test_too_little_memory_to_look_at_the_latents_ends_nobody_elses_picture(
    pipelines: dict[str, Path], monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    """alone: whether it doesn't suffice for the first of them either."""
    bench, isfinite, short = Bench(pipelines[MODEL], FolderSource()), torch.isfinite, list[int]()
    wanted = [params(seed=seed) for seed in range(3)]
    expected = [bench.draw(one) for one in wanted]

    def little(numbers: torch.Tensor) -> torch.Tensor:
        if len(numbers) > 1 or (alone and len(short) == 1):
            short.append(len(numbers))
            raise torch.OutOfMemoryError("little")
        return isfinite(numbers)

    watchers = [bench.add(one) for one in wanted]
    monkeypatch.setattr(torch, "isfinite", little)
    bench.run()
    assert short[:2] == ([3, 1] if alone else [3, 3])
    assert [watcher.finish().error_code for watcher in watchers] == ["out_of_memory" if alone else "", "", ""]
    for one, watcher in zip(expected[alone:], watchers[alone:], strict=True):
        assert far_apart(watcher.picture(), one) <= 1


@pytest.mark.parametrize(
    ("own", "told", "wanted", "words"),
    [
        ("DDPMScheduler", {"beta_schedule": "sigmoid"}, {"scheduler": "euler"}, "“euler”"),
        ("PNDMScheduler", {"skip_prk_steps": False}, {"steps": 2}, "2 steps"),
    ],
)
def test_a_scheduler_that_does_not_go_with_the_model_ends_its_own_picture_in_words(
    tmp_path: Path, own: str, told: dict[str, object], wanted: dict[str, object], words: str
) -> None:
    with started_engines() as start:
        engine = start(own_scheduler(tmp_path, own, **told))
        other = draw(engine, "own", params(steps=20), "other")
        last = draw(engine, "own", params(**wanted), "bad").finish()
        assert (last.error_code, words in last.error) == ("bad_request", True), last.error
        other.picture()
        assert engine.metrics().loads == 1


@pytest.mark.parametrize("scheduler", ["dpm++-karras", "unipc"])
def test_a_model_with_another_spacing_of_its_own_is_drawn_with_every_scheduler(tmp_path: Path, scheduler: str) -> None:
    with started_engines() as start:
        engine = start(own_scheduler(tmp_path, "EulerDiscreteScheduler", use_exponential_sigmas=True))
        draw(engine, "own", params(scheduler=scheduler)).picture()


def own_scheduler(folder: Path, kind: str, **told: object) -> dict[str, Path]:
    """A pipeline with this one, as `own`."""
    parts = stable_diffusion() | {"safety_checker": None, "feature_extractor": None}
    parts["scheduler"] = getattr(diffusers, kind).from_config(parts["scheduler"].config, **told)
    return {"own": save_pipeline(folder / "own", parts)}


def test_a_step_that_is_told_again_for_want_of_memory_counts_once(
    drawer: EngineThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(drawer, MODEL, params(), "first").picture()
    model, errors = drawer._residency.engines[MODEL]._model, [torch.OutOfMemoryError("little")]

    def previewed(latents: torch.Tensor) -> Callable[[], bytes]:
        if errors:
            raise errors.pop()
        return seen(latents)

    seen = model.previewer.__call__
    monkeypatch.setattr(type(model.previewer), "__call__", lambda _self, latents: previewed(latents))
    watcher = draw(drawer, MODEL, params(steps=5))
    watcher.picture()
    assert ([event.step for event in watcher.steps], watcher.finish().usage.steps) == ([1, 2, 3, 4, 5], 5)
    assert not errors


def test_batches_are_whole_again_a_while_after_the_memory_did_not_suffice(
    drawer: EngineThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(drawer, MODEL, params(), "first").picture()
    family = drawer._residency.engines[MODEL]._family
    predict, rows, short = family.predict, list[int](), [True]

    def watched(latents: torch.Tensor, *rest: object) -> torch.Tensor:
        if len(latents) > 4 and short:
            raise torch.OutOfMemoryError("little")
        rows.append(len(latents))
        return predict(latents, *rest)

    def drawn() -> int:
        """Rows of the largest batch."""
        rows.clear()
        for watcher in [draw(drawer, MODEL, params(steps=20), str(number)) for number in range(4)]:
            watcher.picture()
        return max(rows)

    monkeypatch.setattr(family, "predict", watched)
    assert drawn() <= 4
    short.clear()
    assert drawn() <= 4
    monkeypatch.setattr("engine.image.engine.SMALLER_SECONDS", 0.0)
    assert drawn() == 8


def test_a_broken_sink_ends_its_own_picture_only(drawer: EngineThread) -> None:

    def broken(event: Event) -> None:
        if isinstance(event, ProgressEvent):
            raise ConnectionError("gone")

    bad = draw(drawer, MODEL, params(steps=50), "bad", on_event=broken)
    good = draw(drawer, MODEL, params(), "good")
    good.picture()
    assert bad.finish().error_code == "internal"
    assert drawer.unfinished() == 0


def test_a_request_of_the_other_kind_is_refused(drawer: EngineThread) -> None:
    assert "text model" in submit(drawer, MODEL, [1, 2, 3], GREEDY, "text").finish().error
    assert "model of pictures" in draw(drawer, "Llama", params(), "picture").finish().error


def test_pictures_and_texts_share_the_device(drawer: EngineThread) -> None:
    """Each goes on while the other runs."""
    draw(drawer, MODEL, params(), "warm").picture()
    submit(drawer, "Llama", [1, 2, 3], GREEDY, "warm-text").finish()
    steps: list[str] = []
    text = submit(
        drawer, "Llama", [1, 2, 3], SamplingParams(temperature=0, max_tokens=300, ignore_eos=True), "text",
        on_event=lambda event: steps.append("text"),
    )  # fmt: skip
    picture = draw(drawer, MODEL, params(steps=40), "picture", on_event=lambda event: steps.append("picture"))
    picture.picture()
    text.finish()
    turns = sum(one != other for one, other in pairwise(steps))
    assert turns > 4, "they took turns"


def test_whatever_comes_and_goes_every_request_ends_once(make_drawer: Make) -> None:
    engine, chance, watchers = make_drawer(max_pictures=3), random.Random(5), []
    lock = threading.Lock()

    def client(number: int) -> None:
        for turn in range(5):
            request_id = f"{number}-{turn}"
            wanted = params(
                seed=turn, steps=chance.randint(1, 12), guidance=chance.choice([1.0, 4.0]),
                width=chance.choice([SIDE, SIDE * 2]), scheduler=chance.choice(["default", "dpm++"]),
            )  # fmt: skip
            watcher = Watcher(request_id)
            engine.submit(ImageRequest(request_id, MODEL, wanted, user=str(number)), watcher)
            with lock:
                watchers.append(watcher)
            if chance.random() < 0.3:
                time.sleep(chance.random() / 50)
                engine.cancel(request_id)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reasons = [watcher.finish().reason for watcher in watchers]
    assert len(reasons) == 20
    assert set(reasons) <= {FinishReason.STOP, FinishReason.CANCELLED}
    assert engine.unfinished() == 0
