"""An adapter's picture is that of the merged weights, and whoever shares the batch doesn't notice."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import diffusers
import pytest
import torch
from torch import nn

from engine.adapters.pictures.blocks import block_names
from engine.config import EngineConfig
from engine.image.loader import LoadedPipeline, load_pipeline
from engine.loaded import at_once
from engine.service import EngineThread, FolderSource
from engine.types import AdapterRef, FinishReason, ImageParams, LoadingEvent, SamplingParams, StartedEvent
from tests.engine.image.bench import CONFIG, Bench
from tests.engine.image.drawing import Watcher, draw, far_apart, params, png, some_picture
from tests.engine.image.loras import RANK, Write, by_blocks, by_diffusers, by_kohya, make_lora, merge
from tests.engine.image.test_equality import SLACK
from tests.engine.image.test_equality import by_diffusers as drawn_by_diffusers
from tests.engine.image.tiny import FAMILIES
from tests.engine.recorder import GREEDY, submit
from tests.engine.started import started_engines

Serve = Callable[..., EngineThread]
CLEARLY = 20
"""Levels of 255 that an adapter changes at least somewhere."""
MODEL = "stable-diffusion"
ONE, TWO = AdapterRef("one", MODEL), AdapterRef("two", MODEL)


@pytest.fixture(scope="module")
def styles(pipelines: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two adapters of the small Stable Diffusion, the second of its U-Net alone."""
    root = tmp_path_factory.mktemp("styles")
    one = make_lora(root / "one", pipelines[MODEL])
    return {"one": one, "two": make_lora(root / "two", pipelines[MODEL], seed=2, parts=["unet"])}


@pytest.fixture(scope="module")
def loaded(pipelines: dict[str, Path]) -> LoadedPipeline:
    return at_once(load_pipeline(pipelines[MODEL], EngineConfig(**CONFIG)))


@pytest.fixture
def serve(pipelines: dict[str, Path]) -> Iterator[Serve]:
    """A started engine that serves the tiny pipelines under their family's name, and these adapters."""
    with started_engines() as start:
        yield lambda folders, **changes: start({**pipelines, **folders}, **changes)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_picture_is_that_of_the_merged_weights(
    serve: Serve, pipelines: dict[str, Path], tmp_path: Path, family: str
) -> None:
    """With guidance and without. All linear layers and convolutions of the network and of the text encoders.
    W·x + B·A·x and (W + B·A)·x are rounded in different places, so a level of 255 is allowed; where this was written
    none differed."""
    lora = make_lora(tmp_path / "lora", pipelines[family])
    merged, engine = merge(pipelines[family], lora, tmp_path / "merged"), serve({"style": lora})
    for guidance in (1.0, 6.0):
        wanted = params(guidance=guidance)
        made = draw(engine, family, wanted, adapter=AdapterRef("style", family)).picture()
        assert far_apart(made, drawn_by_diffusers(merged, wanted)) <= SLACK
        assert far_apart(made, drawn_by_diffusers(pipelines[family], wanted)) > CLEARLY


@pytest.mark.parametrize(("family", "strength"), [(MODEL, 0.35), ("flux", 1.7)])
def test_the_picture_is_that_of_weights_merged_in_that_strength(
    serve: Serve, pipelines: dict[str, Path], tmp_path: Path, family: str, strength: float
) -> None:
    """What reads the prompt included."""
    lora, wanted = make_lora(tmp_path / "lora", pipelines[family]), params(adapter_strength=strength)
    merged = merge(pipelines[family], lora, tmp_path / "merged", scaling=strength)
    engine, style = serve({"style": lora}), AdapterRef("style", family)
    made = draw(engine, family, wanted, adapter=style).picture()
    assert far_apart(made, drawn_by_diffusers(merged, wanted)) <= SLACK
    assert far_apart(made, draw(engine, family, params(), "whole", adapter=style).picture()) > CLEARLY


SETTINGS = {"unet.peft_type": "LORA", "unet.r": RANK, "unet.lora_alpha": 8, "unet.use_rslora": True}


@pytest.mark.parametrize(
    ("family", "write", "alpha", "trained", "scaling"),
    [
        ("stable-diffusion", by_diffusers, 2.0, None, 0.5),
        ("stable-diffusion", by_kohya, 2.0, None, 0.5),
        ("stable-diffusion", by_diffusers, None, SETTINGS, 4.0),
        ("stable-diffusion-xl", by_kohya, None, None, 1.0),
        ("stable-diffusion-xl", by_blocks, 2.0, None, 0.5),
    ],
)
def test_ways_of_writing(
    serve: Serve, pipelines: dict[str, Path], tmp_path: Path, family: str, write: Write, alpha: float | None,
    trained: dict[str, Any] | None, scaling: float,
) -> None:  # fmt: skip
    base, wanted = pipelines[family], params()
    parts = ["unet"] if trained else []
    lora = make_lora(tmp_path / "lora", base, parts=parts, write=write, alpha=alpha, settings=trained)
    merged = merge(base, lora, tmp_path / "merged", write=write, scaling=scaling)
    made = draw(serve({"style": lora}), family, wanted, adapter=AdapterRef("style", family)).picture()
    assert far_apart(made, drawn_by_diffusers(merged, wanted)) <= SLACK
    assert far_apart(made, drawn_by_diffusers(base, wanted)) > CLEARLY


def test_the_names_of_blocks_are_those_that_diffusers_reads() -> None:
    """For a U-Net shaped like Stable Diffusion XL's."""
    with torch.device("meta"):
        unet = diffusers.UNet2DConditionModel(
            in_channels=4, out_channels=4, layers_per_block=2, block_out_channels=(32, 64, 128), norm_num_groups=8,
            attention_head_dim=(4, 8, 16), transformer_layers_per_block=(1, 2, 3), cross_attention_dim=64,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), use_linear_projection=True,
            addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=80,
        )  # fmt: skip
    layers = [name for name, layer in unet.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    assert len(layers) > 300
    for layer in layers:
        assert layer in [
            read_by_diffusers(f"lora_unet_{name.replace('.', '_')}", unet) for name in block_names(layer, 2)
        ]


def read_by_diffusers(written: str, unet: Any) -> str:
    """The layer that diffusers takes this name for."""
    halves = {f"{written}.lora_{half}.weight": torch.zeros(1, 1) for half in ("down", "up")}
    found, _ = diffusers.StableDiffusionXLPipeline.lora_state_dict(halves, unet_config=unet.config)
    name = next(name for name in found if name.endswith("down.weight"))
    name = name.removeprefix("unet.").removesuffix(".down.weight").replace(".processor", "")
    return re.sub(r"[._]lora$", "", name).replace(".to_out", ".to_out.0")


def asked(place: int) -> ImageParams:
    """With guidance and without, and other steps."""
    return params(f"picture {place}", seed=place, steps=4 + place, guidance=(5.0, 1.0, 7.0)[place % 3])


@pytest.mark.parametrize("family", FAMILIES)
def test_alone_or_in_company_the_picture_is_the_same(
    serve: Serve, pipelines: dict[str, Path], tmp_path: Path, family: str
) -> None:
    folders = {name: make_lora(tmp_path / name, pipelines[family], seed=seed) for seed, name in enumerate(("a", "b"))}
    engine = serve(folders)
    who = [None, *(AdapterRef(name, family) for name in ("a", "b", "a")), None, AdapterRef("b", family)]
    more = [{"source": png(some_picture())} if place == 3 else {} for place in range(len(who))]
    alone = [
        draw(engine, family, asked(place), f"alone{place}", adapter=adapter, **more[place]).picture()
        for place, adapter in enumerate(who)
    ]
    assert engine.metrics().adapters == ("a", "b")
    steps = engine.metrics().steps
    together = [
        draw(engine, family, asked(place), f"together{place}", adapter=adapter, **more[place])
        for place, adapter in enumerate(who)
    ]
    for expected, watcher in zip(alone, together, strict=True):
        assert far_apart(expected, watcher.picture()) <= SLACK
    assert engine.metrics().steps - steps < steps, "they shared steps"


def test_one_adapter_in_several_strengths_at_once(serve: Serve, styles: dict[str, Path]) -> None:
    """Beside another one and the base; it is loaded once."""
    engine = serve(styles)
    who = [(ONE, 0.5), (None, 1.0), (ONE, 1.0), (TWO, 0.5), (ONE, 2.0), (ONE, 0.0)]
    wanted = [params(seed=5, steps=4, adapter_strength=strength) for _, strength in who]
    alone = [
        draw(engine, MODEL, one, f"alone{place}", adapter=who[place][0]).picture() for place, one in enumerate(wanted)
    ]
    steps = engine.metrics().steps
    together = [draw(engine, MODEL, one, f"together{place}", adapter=who[place][0]) for place, one in enumerate(wanted)]
    for expected, watcher in zip(alone, together, strict=True):
        assert far_apart(expected, watcher.picture()) <= SLACK
    assert engine.metrics().steps - steps < steps, "they shared steps"
    assert engine.metrics().adapter_loads == 2
    assert far_apart(alone[1], alone[5]) == 0, "of strength 0 nothing is left"
    assert min(far_apart(alone[0], other) for other in alone[1:5]) > CLEARLY


def test_strength_nought_is_the_base_to_the_last_bit(loaded: LoadedPipeline, styles: dict[str, Path]) -> None:
    bench = Bench(loaded, FolderSource(**styles))
    bench.draw(params(), adapter=ONE)
    nought, base, beside = bench.after_a_step(
        (params(adapter_strength=0.0), ONE), params(), (params(seed=2, adapter_strength=0.7), ONE)
    )
    assert torch.equal(nought, base)
    assert not torch.equal(beside, bench.after_a_step((params(seed=2), ONE))[0])


@pytest.mark.parametrize(
    ("strength", "adapter", "words"),
    [
        (-0.1, ONE, "between 0 and 2"),
        (2.1, ONE, "between 0 and 2"),
        (float("nan"), ONE, "between 0 and 2"),
        (0.5, None, "Without an adapter"),
    ],
)
def test_a_strength_that_cannot_be_is_refused_in_words(
    loaded: LoadedPipeline, styles: dict[str, Path], strength: float, adapter: AdapterRef | None, words: str
) -> None:
    bench = Bench(loaded, FolderSource(**styles))
    last = bench.add(params(adapter_strength=strength), adapter=adapter).finish()
    assert last.error_code == "bad_request"
    assert words in last.error


def test_base_rows_are_the_same_bits_beside_adapters(loaded: LoadedPipeline, styles: dict[str, Path]) -> None:
    bench = Bench(loaded, FolderSource(**styles))
    weights = {name: tensor.clone() for name, tensor in bench.network.state_dict().items()}
    for adapter in (ONE, TWO):
        bench.draw(params(), adapter=adapter)
    beside_adapters = bench.after_a_step(params(), (params(seed=2), ONE), (params(seed=3, guidance=1), TWO))
    beside_others = bench.after_a_step(params(), (params(seed=2), None), (params(seed=3, guidance=1), None))
    assert torch.equal(beside_adapters[0], beside_others[0])
    assert not torch.equal(beside_adapters[1], beside_others[1])
    assert not torch.equal(beside_adapters[2], beside_others[2])
    assert all(torch.equal(weights[name], tensor) for name, tensor in bench.network.state_dict().items())
    assert not any(layer._forward_hooks for layer in bench.network.modules()), "hooks stay for one pass only"


def test_one_makes_room_and_comes_back(serve: Serve, styles: dict[str, Path]) -> None:
    engine, wanted = serve(styles, max_adapters=1), params()
    pictures = []
    for place, adapter in enumerate((ONE, TWO, ONE)):
        watcher = draw(engine, MODEL, wanted, str(place), adapter=adapter)
        pictures.append(watcher.picture())
        assert watcher.kinds[:2] == [LoadingEvent, StartedEvent]
        assert engine.metrics().adapters == (adapter.key,)
    assert far_apart(pictures[0], pictures[2]) == 0
    assert far_apart(pictures[0], pictures[1]) > CLEARLY
    assert (engine.metrics().adapter_loads, engine.metrics().adapter_evictions) == (3, 2)


def test_a_busy_adapter_makes_room_after_a_while(loaded: LoadedPipeline, styles: dict[str, Path]) -> None:
    bench = Bench(loaded, FolderSource(**styles), max_adapters=1, residency_patience_seconds=0.0)
    busy = bench.add(params(steps=40), adapter=ONE)
    bench.until(lambda: bool(busy.steps))
    waiting = bench.add(params(steps=2), adapter=TWO)
    bench.engine.step()
    late = bench.add(params(steps=2), adapter=ONE)  # it would keep the first one busy
    bench.run()
    assert [one.finish().reason for one in (busy, waiting, late)] == [FinishReason.STOP] * 3
    assert bench.engine.adapters == ("one",)


def test_waiting_for_an_adapter_can_be_cancelled(loaded: LoadedPipeline, styles: dict[str, Path]) -> None:
    bench = Bench(loaded, FolderSource(**styles))
    gone, stays = bench.add(params(), adapter=ONE), bench.add(params(), adapter=ONE)
    bench.engine.step()
    bench.engine.cancel(gone.id)
    assert gone.finish().reason == FinishReason.CANCELLED
    bench.run()
    assert stays.finish().reason == FinishReason.STOP
    ended = bench.add(params(), adapter=TWO)
    bench.engine.fail_all("shutdown", "The end.")
    assert ended.finish().error_code == "shutdown"


def test_pictures_go_on_while_an_adapter_loads(loaded: LoadedPipeline, styles: dict[str, Path]) -> None:
    bench = Bench(loaded, FolderSource(**styles))
    base = bench.add(params(steps=100))
    bench.until(lambda: bool(base.steps))
    before, adapted = len(base.steps), bench.add(params(), adapter=ONE)
    bench.until(lambda: StartedEvent in adapted.kinds)
    assert len(base.steps) > before
    bench.run()


def test_a_checkpoint_belongs_to_its_adapter(serve: Serve, styles: dict[str, Path]) -> None:
    engine, wanted = serve(styles, checkpoint_seconds=0), params(steps=6)
    whole = draw(engine, MODEL, wanted, adapter=ONE)
    expected, kept = whole.picture(), whole.checkpoints[2]
    resumed = draw(engine, MODEL, wanted, "resumed", adapter=ONE, checkpoint=kept.data)
    assert far_apart(resumed.picture(), expected) == 0
    assert resumed.steps[0].step == kept.step + 1
    for name, adapter in {"two": TWO, "base": None}.items():
        other = draw(engine, MODEL, wanted, name, adapter=adapter, checkpoint=kept.data)
        assert far_apart(other.picture(), expected) > CLEARLY
        assert other.steps[0].step == 1, "it began anew"


def test_a_checkpoint_belongs_to_its_strength(serve: Serve, styles: dict[str, Path]) -> None:
    engine, wanted = serve(styles, checkpoint_seconds=0), params(steps=6, adapter_strength=0.5)
    whole = draw(engine, MODEL, wanted, adapter=ONE)
    expected, kept = whole.picture(), whole.checkpoints[2]
    resumed = draw(engine, MODEL, wanted, "resumed", adapter=ONE, checkpoint=kept.data)
    assert far_apart(resumed.picture(), expected) == 0
    assert resumed.steps[0].step == kept.step + 1
    other = draw(engine, MODEL, params(steps=6), "stronger", adapter=ONE, checkpoint=kept.data)
    other.picture()
    assert other.steps[0].step == 1, "it began anew"


def test_bfloat16(pipelines: dict[str, Path], styles: dict[str, Path]) -> None:
    bench = Bench(pipelines[MODEL], FolderSource(**styles), dtype="bfloat16")
    base, one = bench.draw(params()), bench.draw(params(), adapter=ONE)
    assert far_apart(base, one) > CLEARLY
    halves = list(chain.from_iterable(bench.engine._adapters["one"].layers.values()))
    assert all(half.dtype is torch.bfloat16 for half in halves)
    assert bench.engine.cache_bytes == sum(half.nbytes for half in halves) > 0, "no room was given beside"


def test_an_adapter_that_overflows_fails_alone(
    serve: Serve, pipelines: dict[str, Path], styles: dict[str, Path], tmp_path: Path
) -> None:
    huge = make_lora(tmp_path / "huge", pipelines[MODEL], parts=["unet"], size=1e30)
    engine = serve(styles | {"huge": huge})
    alone = [draw(engine, MODEL, params(), f"alone{who}", adapter=who).picture() for who in (None, ONE)]
    beside: list[Watcher] = [
        draw(engine, MODEL, params(), f"beside{who}", adapter=who) for who in (None, ONE, AdapterRef("huge", MODEL))
    ]
    assert beside[2].finish().error_code == "non_finite"
    for expected, watcher in zip(alone, beside, strict=False):
        assert far_apart(expected, watcher.picture()) <= SLACK


def test_one_that_is_being_fetched_slows_nobody_down(
    pipelines: dict[str, Path], checkpoints: dict[str, Path], styles: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does the thread of the engine spin while there is nothing but that."""

    class Slow(FolderSource):
        def path(self, model: str) -> Path:
            assert model != "one" or fetched.wait(60)
            return super().path(model)

    fetched, spent = threading.Event(), list[float]()
    source = Slow(**pipelines, Llama=checkpoints["Llama"], one=styles["one"])
    engine = EngineThread(source, EngineConfig(**CONFIG, max_context=2048))
    engine.start()
    try:
        draw(engine, MODEL, params(), "warm").picture()
        submit(engine, "Llama", [1, 2, 3], GREEDY, "warm text").finish()
        pictures = engine._residency.engines[MODEL]
        step = pictures.step

        def watched() -> None:
            began = perf_counter()
            step()
            spent.append(perf_counter() - began)

        monkeypatch.setattr(pictures, "step", watched)
        waiting = draw(engine, MODEL, params(), adapter=ONE)
        sleep(0.3)
        assert len(spent) < 300
        spent.clear()
        began = perf_counter()
        long = SamplingParams(temperature=0, max_tokens=1000, ignore_eos=True)
        submit(engine, "Llama", [1, 2, 3], long, "text").finish()
        assert sum(spent) < 0.2 * (perf_counter() - began)
        fetched.set()
        waiting.picture()
    finally:
        fetched.set()
        engine.stop(drain_seconds=0)
