"""Layers with packed weights in one call each, beside the modelling code's own with the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.config import DType, EngineConfig
from engine.loaded import at_once
from engine.service import EngineThread
from engine.text.attention.native import NativeBackend
from engine.text.attention.plan import PlannedChunk
from engine.text.loader import LoadedModel, load_model
from engine.text.packed import kernel
from engine.text.packed.layer import PackedLayers, packed_layers
from engine.text.runner import runner_of
from engine.weights import Weights
from tests.engine.recorder import submit
from tests.engine.started import started_engines
from tests.engine.test_equality import prompts_of
from tests.engine.tiny import make_checkpoint

SHAPE = {
    "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
    "initializer_range": 0.1,
}  # fmt: skip
FAMILIES: dict[str, dict[str, Any]] = {"Llama": {}, "Mistral": {"sliding_window": 4}, "Qwen2": {}, "Qwen3": {}}
STEPS = [[(0, 17, 0)], [(17, 1, 0)], [(18, 2, 0), (0, 9, 1)], [(20, 1, 0), (9, 1, 1)], [(21, 1, 0), (10, 131, 1)]]
"""Chunks: first token, number of tokens, and whose they are."""


def load(folder: Path, weights: Weights, dtype: DType = "float32") -> LoadedModel:
    with torch.inference_mode():
        return at_once(load_model(folder, EngineConfig(dtype=dtype, device="cpu", threads=1), weights))


def noisy(model: LoadedModel) -> LoadedModel:
    """Norms and biases of a model that was trained aren't ones and noughts."""
    torch.manual_seed(1)
    for name, parameter in model.module.named_parameters():
        if name.endswith(("norm.weight", ".bias")):
            parameter.data += 0.3 * torch.randn_like(parameter)
    return model


def logits(model: LoadedModel, backend: NativeBackend, step: list[tuple[int, int, int]]) -> torch.Tensor:
    chunks, row = [], 0
    for start, count, owner in step:
        chunks.append(PlannedChunk(row, start, count, [[5, 2], [0, 3, *range(6, 15)]][owner]))
        row += count
    places = torch.tensor([place for chunk in chunks for place in range(chunk.start, chunk.end)])
    module: Any = model.module
    told = module(
        input_ids=(places * 7 % 97)[None], position_ids=places[None], use_cache=False, plan=backend.plan(chunks)
    )
    output: torch.Tensor = told.logits[0]
    return output


@pytest.fixture(params=[0.0, 0.05], ids=["floats", "bytes"])
def tolerance(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[float]:
    """How far apart results may be. Both round what goes into a matrix where the processor multiplies bytes, and then a
    last digit may become a step; the kernel for other processors doesn't."""
    library = kernel.library if request.param else partial(kernel.library, "-DFLOATS")
    monkeypatch.setattr(kernel, "library", library)
    monkeypatch.setattr("engine.text.packed.layer.matrix_library", library)
    kernel.most_rows.cache_clear()
    yield max(float(request.param), 1e-5)
    kernel.most_rows.cache_clear()


@torch.inference_mode()
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("weights", ["full", "int8", "int4"])
def test_they_say_what_the_modelling_code_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str, weights: Weights, tolerance: float
) -> None:
    monkeypatch.setattr("engine.text.linears.packs_in_full", lambda *_: True)  # whatever this processor is good at
    model = noisy(load(make_checkpoint(tmp_path, family, **SHAPE | FAMILIES[family]), weights))
    plain, ours = NativeBackend(model.shape, 15), NativeBackend(model.shape, 15)
    expected = [logits(model, plain, step) for step in STEPS]
    packed = packed_layers(model.module, ours)
    assert isinstance(packed, PackedLayers)
    tolerance = 1e-5 if weights == "full" else tolerance
    for step, right in zip(STEPS, expected, strict=True):
        with packed.at_work():
            told = logits(model, ours, step)
        assert (told - right).norm() < tolerance * right.norm()
    again = logits(model, plain, STEPS[-1])
    assert (again - expected[-1]).norm() < 1e-5 * again.norm()  # merged weights, unpatched layers


@torch.inference_mode()
@pytest.mark.parametrize("family", ["Mistral", "Qwen2", "Qwen3"])
@pytest.mark.parametrize("weights", ["full", "int8", "int4"])
def test_in_bfloat16_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str, weights: Weights) -> None:
    """Nearer to what float32 says than the modelling code, which rounds after each operator."""
    monkeypatch.setattr("engine.text.linears.packs_in_full", lambda *_: True)
    folder = make_checkpoint(tmp_path, family, **SHAPE | FAMILIES[family])
    half, whole = (noisy(load(folder, weights, dtype)) for dtype in ("bfloat16", "float32"))
    exact, plain, ours = (NativeBackend(model.shape, 15) for model in (whole, half, half))
    right = [logits(whole, exact, step) for step in STEPS]
    theirs = [logits(half, plain, step).float() for step in STEPS]
    packed = packed_layers(half.module, ours)
    assert packed is not None
    for step, expected, other in zip(STEPS, right, theirs, strict=True):
        with packed.at_work():
            told = logits(half, ours, step)
        assert told.dtype is torch.float32  # whoever chooses a token wants all digits
        most = (0.3 if weights == "int4" else 0.2) * expected.norm()
        assert (told - expected).norm() < 1.5 * (other - expected).norm() < most


@torch.inference_mode()
def test_a_window_hides_what_is_behind_it(tmp_path: Path) -> None:
    """Else the comparison above could be blind."""
    folders = [
        make_checkpoint(tmp_path / str(window), "Mistral", **SHAPE, sliding_window=window) for window in (4, 400)
    ]
    told = []
    for folder in folders:
        model = load(folder, "int8")
        backend = NativeBackend(model.shape, 15)
        packed = packed_layers(model.module, backend)
        assert packed is not None
        with packed.at_work():
            told.append(logits(model, backend, STEPS[0]))
    assert torch.equal(told[0][:4], told[1][:4])
    assert (told[0][-1] - told[1][-1]).norm() > 0.05 * told[0][-1].norm()


@torch.inference_mode()
def test_what_does_not_fit_runs_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = load(make_checkpoint(tmp_path / "narrow", "Llama", **SHAPE | {"num_key_value_heads": 1}), "int8")
    gelu = load(make_checkpoint(tmp_path / "gelu", "Llama", **SHAPE, hidden_act="gelu"), "int8")
    monkeypatch.setattr("engine.text.linears.packs_in_full", lambda *_: False)
    full = load(make_checkpoint(tmp_path / "full", "Llama", **SHAPE), "full")
    for model in (narrow, gelu, full):
        assert packed_layers(model.module, NativeBackend(model.shape, 1)) is None
        assert runner_of(model, EngineConfig(device="cpu"), 4).compile == "off"


def test_an_engine_uses_them_and_says_so(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "model", "Llama", **SHAPE)
    prompt = prompts_of([30])[0]
    with started_engines(max_context=256) as start:
        engine: EngineThread = start({"m": folder})
        told = [submit(engine, f"m{bits}", prompt, request_id=bits) for bits in ("", "@int8", "@int4")]
        full = "packed" if kernel.library().multiplies_floats() else "off"
        assert [one.finish().made_with["compile"] for one in told] == [full, "packed", "packed"]
