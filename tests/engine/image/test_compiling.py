"""Compiled blocks draw what they draw uncompiled, for those with adapters too; what can't be compiled is drawn anyway.

Compiling is slow, so only a small part of a block is compiled to the end; elsewhere the last stage, which makes C++ of
what was traced, is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import torch._inductor.config
from diffusers.models.attention import FeedForward

from engine.image import compiling
from engine.image.adapters.adapter import AtStrength, Changed, PictureAdapter
from engine.image.adapters.applying import applied
from engine.image.adapters.seams import Seams
from engine.service import FolderSource
from engine.types import AdapterRef
from tests.engine.image.bench import Asked, Bench
from tests.engine.image.drawing import Watcher, far_apart, params
from tests.engine.image.loras import make_lora
from tests.engine.image.tiny import SIDE

TOLERANCE = 1e-4
"""Between latents after a step, computed compiled and not; they are about 1. Where this was written it was 5e-6."""
CLEARLY = 0.01
"""What an adapter changes at least in them."""
UNET, TRANSFORMER = "stable-diffusion", "stable-diffusion-3"
Make = Callable[[str, str], Bench]
SHAPE = ((SIDE, SIDE), 4)


@pytest.fixture(autouse=True)
def nothing_compiled() -> Iterator[None]:
    """Compiled code outlives its model. No processes that each import torch first: it is little that is compiled."""
    with torch._inductor.config.patch({"compile_threads": 1}):
        yield
    torch.compiler.reset()


@pytest.fixture
def make(pipelines: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Of a family, compiled or not, with its adapters “one” and “other” loaded; nothing was compiled for that."""

    def made(family: str, choice: str) -> Bench:
        folders = {name: tmp_path / name for name in ("one", "other")}
        for name, folder in folders.items():
            if not folder.exists():
                make_lora(folder, pipelines[family], seed=len(name))
        bench = Bench(pipelines[family], FolderSource(**folders), compile=choice)
        with monkeypatch.context() as context:
            context.setattr(compiling, "MAX_SIZES", 0)
            for name in folders:
                bench.draw(params(steps=1), AdapterRef(name, family))
        return bench

    return made


def asked(*adapters: AdapterRef | None, strength: float = 1.0) -> list[Asked]:
    """Pictures of one row each, the same seeds every time."""
    return [
        (params(seed=seed, guidance=1, adapter_strength=strength if adapter else 1.0), adapter)
        for seed, adapter in enumerate(adapters)
    ]


def compiled_graphs() -> int:
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])


def break_blocks(bench: Bench) -> None:
    """From now on the compiler can do nothing with them."""
    family = bench.engine._family
    for block in family.network.modules():
        if type(block).__name__ in family.repeated_blocks:
            block.register_forward_hook(lambda *_: torch._dynamo.graph_break())


def modes(watchers: list[Watcher]) -> list[str]:
    return [watcher.finish().made_with["compile"] for watcher in watchers]


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "BACKEND", "aot_eager")


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("family", [UNET, TRANSFORMER])
def test_an_adapter_changes_its_own_rows_and_no_others(make: Make, family: str) -> None:
    bench, eager = make(family, "on"), make(family, "off")
    one, other = AdapterRef("one", family), AdapterRef("other", family)
    first, plain = bench.after_a_step(*asked(None, one, None)), eager.after_a_step(*asked(None, None, None))
    assert (first[1] - plain[1]).abs().max() > CLEARLY
    graphs = compiled_graphs()
    for wanted in (asked(None, one, None), asked(None, other, one), asked(None, one, None, strength=0.5)):
        found, expected = bench.after_a_step(*wanted), eager.after_a_step(*wanted)
        assert torch.equal(found[0], first[0]), "whatever is beside it"
        assert all(torch.allclose(*pair, atol=TOLERANCE) for pair in zip(found, expected, strict=True))
    assert compiled_graphs() == graphs > 0, "other adapters, rows and strengths need no compiling"
    assert bench.engine._compiling._known == {(*SHAPE, True)}
    assert bench.engine._compiling.seconds > 0


@pytest.mark.usefixtures("traced")
def test_the_receipt_says_what_was_compiled(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the compiler fails in the middle of a picture."""
    monkeypatch.setattr(compiling, "MAX_SIZES", 1)
    bench, eager = make(TRANSFORMER, "on"), make(TRANSFORMER, "off")
    stays, *go = [bench.add(params(seed=seed, guidance=1, steps=4)) for seed in range(3)]
    bench.until(lambda: bool(stays.steps))
    larger = bench.add(params(guidance=1, width=2 * SIDE, height=2 * SIDE))
    bench.until(lambda: bool(larger.steps))
    break_blocks(bench)
    for watcher in go:
        bench.engine.cancel(watcher.id)
    bench.run()
    late = bench.add(params(guidance=1))
    bench.run()
    assert modes([*go, stays, larger, late]) == ["blocks", "blocks", "blocks, then off", "off", "off"]
    assert far_apart(stays.picture(), eager.draw(params(seed=0, guidance=1, steps=4))) <= 1
    assert far_apart(late.picture(), eager.draw(params(guidance=1))) == 0


@pytest.mark.usefixtures("traced")
def test_a_network_that_cannot_be_compiled_is_drawn_as_it_is(make: Make) -> None:
    bench, eager = make(UNET, "on"), make(UNET, "off")
    one = AdapterRef("one", UNET)
    break_blocks(bench)
    assert far_apart(bench.draw(params(), one), eager.draw(params(), one)) == 0
    assert far_apart(bench.draw(params()), eager.draw(params())) == 0


@torch.inference_mode()
def test_what_is_compiled_to_the_end_is_what_was_traced() -> None:
    torch.manual_seed(0)
    network, rows = FeedForward(16, mult=1).eval(), torch.randn(3, 5, 16)
    linear = [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear)]
    halves: Changed = {
        layer: (torch.randn(2, layer.in_features), torch.randn(layer.out_features, 2)) for layer in linear
    }
    used = AtStrength(PictureAdapter("digest", halves, {}), 0.5)
    base = network(rows)
    with applied([None, used, None]):
        expected = network(rows)
    seams = Seams(network)
    network.compile(backend=compiling.BACKEND, fullgraph=True, dynamic=False)
    with seams.applied([None, used, None]):
        found = network(rows)
    assert torch.allclose(found, expected, atol=TOLERANCE)
    assert torch.allclose(found[::2], base[::2], atol=TOLERANCE)
    assert (found[1] - base[1]).abs().max() > CLEARLY
    with seams.applied([None, None, None]):
        assert torch.allclose(network(rows), base, atol=TOLERANCE), "closed again"


def test_no_layer_runs_without_its_adapter(make: Make) -> None:
    """A compiled block that would leave one out fails instead."""
    bench = make(UNET, "on")
    compiled = bench.engine._compiling._compiled
    assert compiled is not None
    seams = compiled._seams
    used = bench.engine._adapters["one"]
    seams.remove()
    with pytest.raises(RuntimeError, match="ran without their adapter"), seams.applied([AtStrength(used, 1.0)]):
        pass
