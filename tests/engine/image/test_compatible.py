"""Pipelines that are called as a whole: the pictures that diffusers makes, in steps that others come between."""

from __future__ import annotations

import io
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from engine.config import EngineConfig
from engine.image.compatible.latents import latents_of, unfolded
from engine.image.compatible.loader import load_whole
from engine.loaded import at_once
from engine.pipeline_kinds import WHOLE
from engine.pipelines import read_pipeline
from engine.service import EngineThread
from engine.types import (
    AdapterRef,
    CheckpointEvent,
    Event,
    FinishReason,
    ImageEvent,
    ImageParams,
    ProgressEvent,
    SamplingParams,
    StartedEvent,
)
from tests.engine.image.drawing import SIDE, Watcher, draw, far_apart, half_mask, params, png, some_picture
from tests.engine.image.test_store import change
from tests.engine.image.tiny_whole import SIDES
from tests.engine.recorder import GREEDY, submit
from tests.engine.started import started_engines

Make = Callable[..., EngineThread]
MODEL = "pixart-sigma"
FROM_PICTURES = [kind.family for name, kind in WHOLE.items() if name == kind.from_picture]
FROM_MASKS = [kind.family for name, kind in WHOLE.items() if name == kind.from_mask]


def wanted_of(family: str, **changes: Any) -> ImageParams:
    return params(**{"width": SIDES[family], "height": SIDES[family], **changes})


def by_diffusers(folder: Path, wanted: ImageParams, task: str = "", **given: Any) -> np.ndarray:
    kind = read_pipeline(folder).kind
    name = kind.pipeline.replace("Pipeline", f"{task}Pipeline")
    pipeline = getattr(diffusers, name).from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    rows: list[int] = []
    pipeline.transformer.register_forward_hook(lambda module, told, given: rows.append(len(given[0])))
    made = pipeline(
        prompt=wanted.prompt, num_inference_steps=wanted.steps, width=wanted.width, height=wanted.height,
        generator=torch.Generator().manual_seed(wanted.seed), **as_it_says(kind.family, wanted), **kind.told, **given,
    )  # fmt: skip
    if not given:
        assert sum(rows) == wanted.steps * read_pipeline(folder).facts.rows(wanted.guidance)
    return np.array(made.images[0])


def as_it_says(family: str, wanted: ImageParams) -> dict[str, Any]:
    match family:
        case "qwen-image":
            return {"negative_prompt": wanted.negative_prompt, "true_cfg_scale": wanted.guidance}
        case "z-image":  # of its formula, 0 is what others call 1
            return {"negative_prompt": wanted.negative_prompt, "guidance_scale": wanted.guidance - 1}
        case "flux-2-klein":
            return {"guidance_scale": wanted.guidance}
        case "sana-sprint":  # its own schedule for two steps allows no other number of them
            return {"guidance_scale": wanted.guidance} | ({} if wanted.steps == 2 else {"intermediate_timesteps": None})
        case _:
            return {"negative_prompt": wanted.negative_prompt, "guidance_scale": wanted.guidance}


def helpers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "picture-as-a-whole"]


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    before = set(helpers())
    yield
    assert not set(helpers()) - before


def at_step(step: int, act: Callable[[], object]) -> Callable[[Event], None]:
    return lambda event: act() if isinstance(event, ProgressEvent) and event.step == step else None


def test_there_is_a_tiny_one_of_each() -> None:
    assert {kind.family for kind in WHOLE.values()} == set(SIDES)


@pytest.mark.parametrize("family", SIDES)
def test_each_draws_what_diffusers_draws(
    make_whole_drawer: Make, whole_pipelines: dict[str, Path], family: str
) -> None:
    wanted = wanted_of(family, negative_prompt="blurry", guidance=4.7)
    engine = make_whole_drawer()
    watcher = draw(engine, family, wanted)
    assert far_apart(watcher.picture(), by_diffusers(whole_pipelines[family], wanted)) == 0
    last = watcher.finish()
    assert [(event.step, event.steps) for event in watcher.steps] == [(1, 3), (2, 3), (3, 3)]
    assert last.usage.steps == 3
    assert last.usage.prompt_tokens > 9
    assert last.usage.device_ms > 0
    assert (last.made_with["lane"], last.made_with["dtype"]) == ("compatible", "float32")
    preview = Image.open(io.BytesIO(watcher.previews[0].preview))
    assert (preview.format, preview.size) == ("WEBP", (wanted.width, wanted.height))
    assert CheckpointEvent not in watcher.kinds


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_sprints_of_any_number_of_steps(make_whole_drawer: Make, whole_pipelines: dict[str, Path], steps: int) -> None:
    wanted = wanted_of("sana-sprint", steps=steps, guidance=2.0)
    watcher = draw(make_whole_drawer(), "sana-sprint", wanted)
    assert far_apart(watcher.picture(), by_diffusers(whole_pipelines["sana-sprint"], wanted)) == 0
    assert [(event.step, event.steps) for event in watcher.steps] == [(step + 1, steps) for step in range(steps)]


def test_a_distilled_one_is_told_that_it_is(tmp_path: Path, whole_pipelines: dict[str, Path]) -> None:
    """Guidance is nothing to it."""
    folder = Path(shutil.copytree(whole_pipelines["flux-2-klein"], tmp_path / "klein"))
    change("model_index.json", is_distilled=True)(folder)
    with started_engines() as start:
        engine = start({"klein": folder})
        wanted = wanted_of("flux-2-klein", guidance=9.0)
        guided = draw(engine, "klein", wanted, "guided").picture()
        plain = draw(engine, "klein", wanted_of("flux-2-klein", guidance=1.0), "plain").picture()
    assert far_apart(guided, by_diffusers(folder, wanted)) == 0
    assert far_apart(guided, plain) == 0
    assert read_pipeline(folder).facts.rows(9.0) == 1


def test_guidance_of_1_or_less_leaves_it_to_the_model_everywhere(
    make_whole_drawer: Make, whole_pipelines: dict[str, Path]
) -> None:
    engine = make_whole_drawer()
    family = "z-image"
    made = [
        draw(engine, family, wanted_of(family, guidance=guidance, negative_prompt="blurry"), f"{guidance}").picture()
        for guidance in (0.0, 1.0, 5.0)
    ]
    assert far_apart(made[0], made[1]) == 0
    assert far_apart(made[1], made[2]) > 0


def test_a_chat_template_has_its_limits(tmp_path: Path, whole_pipelines: dict[str, Path]) -> None:
    folder = Path(shutil.copytree(whole_pipelines["z-image"], tmp_path / "model"))
    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    (folder / "tokenizer/chat_template.jinja").write_text(endless)
    with started_engines() as start:
        last = draw(start({"z-image": folder}), "z-image", wanted_of("z-image")).finish()
    assert last.error_code == "bad_request"
    assert "chat template failed: it takes too long" in last.error


@pytest.mark.parametrize("family", ["qwen-image", "chroma", "flux-2-klein", "ovis-image"])
def test_packed_latents_are_unfolded_for_previews(whole_pipelines: dict[str, Path], family: str) -> None:
    """diffusers' own packing undone: what a VAE said of a picture comes out as it was."""
    model = at_once(load_whole(whole_pipelines[family], EngineConfig(device="cpu", dtype="float32", threads=1)))
    vae, pipeline = model.parts["vae"], model.pipeline(model.kind.pipeline, model.parts["scheduler"])
    pixels = torch.from_numpy(some_picture()).permute(2, 0, 1)[None, :, :24] / 127.5 - 1
    latents = latents_of(vae, pixels)
    if family == "flux-2-klein":
        squares = pipeline._patchify_latents(latents)
        spread = (vae.bn.running_var + vae.config.batch_norm_eps).sqrt()[:, None, None]
        packed = pipeline._pack_latents((squares - vae.bn.running_mean[:, None, None]) / spread)
    else:
        packed = pipeline._pack_latents(latents, 1, *latents.shape[1:])
    assert torch.allclose(unfolded(vae, packed, 16, 12), latents, atol=1e-6)


@pytest.mark.parametrize("family", FROM_PICTURES)
@pytest.mark.parametrize("strength", [0.6, 1.0])
def test_pictures_from_pictures(
    make_whole_drawer: Make, whole_pipelines: dict[str, Path], family: str, strength: float
) -> None:
    wanted, source, steps = wanted_of(family, steps=5, strength=strength), some_picture(), round(5 * strength)
    changed = draw(make_whole_drawer(), family, wanted, source=png(source))
    made = changed.picture()  # the libraries can't read two models at once
    expected = by_diffusers(
        whole_pipelines[family], wanted, "Img2Img", image=Image.fromarray(source), strength=strength
    )
    assert far_apart(made, expected) == 0
    assert [(event.step, event.steps) for event in changed.steps] == [(step, steps) for step in range(1, steps + 1)]


@pytest.mark.parametrize("family", FROM_MASKS)
@pytest.mark.parametrize("strength", [0.6, 1.0])
def test_inpainting_keeps_what_is_black_in_the_mask(
    make_whole_drawer: Make, whole_pipelines: dict[str, Path], family: str, strength: float
) -> None:
    wanted, source, mask = wanted_of(family, steps=5, strength=strength), some_picture(), half_mask()
    expected = by_diffusers(
        whole_pipelines[family], wanted, "Inpaint", image=Image.fromarray(source), mask_image=Image.fromarray(mask),
        strength=strength,
    )  # fmt: skip
    made = draw(make_whole_drawer(), family, wanted, source=png(source), mask=png(mask)).picture()
    assert far_apart(made[:, SIDE // 2 :], expected[:, SIDE // 2 :]) == 0
    assert far_apart(made[:, : SIDE // 2], source[:, : SIDE // 2]) == 0


@pytest.mark.parametrize("family", FROM_PICTURES)
def test_pictures_from_pictures_in_bfloat16(make_whole_drawer: Make, family: str) -> None:
    engine, source = make_whole_drawer(dtype="bfloat16"), png(some_picture())
    draw(engine, family, wanted_of(family), "changed", source=source).picture()
    if family in FROM_MASKS:
        draw(engine, family, wanted_of(family), "inpainted", source=source, mask=png(half_mask())).picture()


def test_a_source_that_is_no_picture_is_refused_in_words(make_whole_drawer: Make) -> None:
    last = draw(make_whole_drawer(), "z-image", wanted_of("z-image"), source=b"no PNG").finish()
    assert (last.error_code, last.usage.steps) == ("bad_request", 0)
    assert "isn't a readable PNG" in last.error


def test_without_guidance_and_in_another_shape(make_whole_drawer: Make, whole_pipelines: dict[str, Path]) -> None:
    wanted = wanted_of(MODEL, guidance=1.0, width=48)
    watcher = draw(make_whole_drawer(), MODEL, wanted, previews=False)
    assert far_apart(watcher.picture(), by_diffusers(whole_pipelines[MODEL], wanted)) == 0
    assert not watcher.previews


def test_one_is_drawn_after_the_other_and_neither_changes_the_other(make_whole_drawer: Make) -> None:
    engine = make_whole_drawer()
    alone = [draw(engine, MODEL, wanted_of(MODEL, seed=seed), f"alone{seed}").picture() for seed in (1, 2)]
    order: list[Event] = []
    both = [draw(engine, MODEL, wanted_of(MODEL, seed=seed), f"both{seed}", on_event=order.append) for seed in (1, 2)]
    for watcher, expected in zip(both, alone, strict=True):
        assert far_apart(watcher.picture(), expected) == 0
    begun = [event.request_id for event in order if isinstance(event, StartedEvent)]
    stepped = [event.request_id for event in order if isinstance(event, ProgressEvent) and not event.preview]
    assert (begun, stepped) == (["both1", "both2"], ["both1"] * 3 + ["both2"] * 3)
    second = next(place for place, event in enumerate(order) if event == StartedEvent("both2"))
    assert both[0].steps[-1] in order[:second]


def test_cancel_takes_effect_within_a_step_and_the_next_one_begins(make_whole_drawer: Make) -> None:
    engine = make_whole_drawer()
    expected = draw(engine, MODEL, wanted_of(MODEL), "alone").picture()
    watcher = draw(engine, MODEL, wanted_of(MODEL, steps=100), on_event=at_step(3, lambda: engine.cancel("one")))
    after = draw(engine, MODEL, wanted_of(MODEL), "after")
    last = watcher.finish()
    assert (last.reason, last.usage.steps) == (FinishReason.CANCELLED, 3)
    assert ImageEvent not in watcher.kinds
    assert far_apart(after.picture(), expected) == 0


def test_a_broken_sink_ends_its_own_picture_only(make_whole_drawer: Make) -> None:
    engine = make_whole_drawer()

    def broken(event: Event) -> None:
        if isinstance(event, ProgressEvent):
            raise ConnectionError("gone")

    bad = draw(engine, MODEL, wanted_of(MODEL, steps=50), "bad", on_event=broken)
    draw(engine, MODEL, wanted_of(MODEL), "good").picture()
    assert bad.finish().error_code == "internal"
    assert engine.unfinished() == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [(torch.OutOfMemoryError("little"), "out_of_memory"), (RuntimeError("a kernel"), "internal"), (None, "non_finite")],
)
def test_what_fails_fails_alone(
    make_whole_drawer: Make, monkeypatch: pytest.MonkeyPatch, error: Exception | None, code: str
) -> None:
    """Pictures of guidance 1 go on; the others' second step raises, or computes no numbers."""
    engine = make_whole_drawer()
    expected = draw(engine, MODEL, wanted_of(MODEL, guidance=1.0), "first").picture()
    network = engine._residency.engines[MODEL]._model.parts["transformer"]
    forward, steps = network.forward, []

    def failing(latents: torch.Tensor, **more: Any) -> Any:
        (made,) = forward(latents, **more)
        steps.append(len(latents))
        if len(latents) < 2 or steps.count(2) < 2:
            return (made,)
        time.sleep(0.3)
        if error is not None:
            raise error
        return (made * float("nan"),)

    monkeypatch.setattr(network, "forward", failing)
    bad = draw(engine, MODEL, wanted_of(MODEL), "bad")
    good = draw(engine, MODEL, wanted_of(MODEL, guidance=1.0), "good")
    last = bad.finish()
    assert (last.error_code, last.usage.steps) == (code, 1)
    assert last.error.endswith(".")
    assert (last.usage.device_ms >= 300) == (code == "non_finite"), "where the site is why, it costs nothing"
    assert last.usage.device_ms > 0
    assert far_apart(good.picture(), expected) == 0


def test_texts_go_on_beside(make_whole_drawer: Make) -> None:
    engine = make_whole_drawer()
    draw(engine, MODEL, wanted_of(MODEL), "warm").picture()
    submit(engine, "Llama", [1, 2, 3], GREEDY, "warm-text").finish()
    steps: list[str] = []
    pictures: list[Watcher] = []

    def beside(event: Event) -> None:
        steps.append("text")
        if not pictures:  # it runs for certain
            wanted = wanted_of(MODEL, steps=30)
            pictures.append(draw(engine, MODEL, wanted, "picture", on_event=lambda event: steps.append("picture")))

    long = SamplingParams(temperature=0, max_tokens=200, ignore_eos=True)
    submit(engine, "Llama", [1, 2, 3], long, "text", on_event=beside).finish()
    pictures[0].picture()
    turns = sum(one != other for one, other in pairwise(steps))
    assert turns > 4, "they took turns"


@pytest.mark.parametrize(
    ("family", "changes", "more", "words"),
    [
        (MODEL, {}, {"source": png(some_picture())}, "from words alone"),
        ("chroma", {}, {"source": png(some_picture()), "mask": png(half_mask())}, "not a part of it"),
        (MODEL, {}, {"adapter": AdapterRef("a", MODEL)}, "without adapters"),
        (MODEL, {"scheduler": "euler"}, {}, "no scheduler"),
        (MODEL, {"width": 34}, {}, "multiples of 4"),
        ("lumina-2", {"width": 40}, {}, "multiples of 16"),
        ("auraflow", {"width": 64, "height": 16}, {}, "up to 48 pixels"),
    ],
)
def test_what_it_cannot_do_is_refused_in_words(
    make_whole_drawer: Make, family: str, changes: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    last = draw(make_whole_drawer(), family, wanted_of(family, **changes), **more).finish()
    assert (last.reason, last.error_code) == (FinishReason.ERROR, "bad_request")
    assert words in last.error


def test_a_text_is_refused(make_whole_drawer: Make) -> None:
    assert "text model" in submit(make_whole_drawer(), MODEL, [1, 2, 3], GREEDY, "text").finish().error


@pytest.mark.parametrize("family", SIDES)
def test_float16_becomes_bfloat16(make_whole_drawer: Make, family: str) -> None:
    """T5 overflows in float16."""
    watcher = draw(make_whole_drawer(dtype="float16"), family, wanted_of(family))
    watcher.picture()
    assert watcher.finish().made_with["dtype"] == "bfloat16"
