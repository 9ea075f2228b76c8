"""Pipelines in the model store: what is kept of a folder, what is refused, and what its files say of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from engine.config import EngineConfig
from engine.pipelines import is_variant
from engine.service import EngineThread, FolderSource
from engine.store import ModelStore, StoreError, check_folder
from engine.types import FinishReason
from tests.engine.image.drawing import draw, params
from tests.engine.image.tiny import FAMILIES, SIDE


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pipeline_is_installed_verified_and_removed(tmp_path: Path, pipelines: dict[str, Path], family: str) -> None:
    store = ModelStore(tmp_path / "store")
    manifest = store.install(pipelines[family], {"source": "test"})
    paths = {file.path for file in manifest.files}
    assert {"model_index.json", "vae/diffusion_pytorch_model.safetensors", "tokenizer/tokenizer.json"} <= paths
    folder = ModelStore(tmp_path / "store").verified_path(manifest.digest)
    assert store.install(folder, {"source": "test"}).digest == manifest.digest
    facts = check_folder(folder)
    assert facts.image is not None
    assert facts.image.family == family
    assert facts.dtype == "float32"
    (folder / "vae/config.json").chmod(0o644)
    (folder / "vae/config.json").write_text("{}")
    with pytest.raises(StoreError, match=r"vae/config\.json"):
        store.verify(manifest.digest)
    store.remove(manifest.digest)
    assert not (tmp_path / "store" / manifest.digest).exists()


def test_facts_say_what_suits_the_model(pipelines: dict[str, Path]) -> None:
    found = {family: check_folder(folder).image for family, folder in pipelines.items()}
    small, flux = found["stable-diffusion"], found["flux"]
    assert small is not None
    assert flux is not None
    assert (small.width, small.height, small.multiple_of, small.prompt_tokens) == (SIDE, SIDE, 2, 77)
    assert "dpm++" in small.schedulers
    assert (small.own_scheduler, flux.own_scheduler) == ("DDIMScheduler", "FlowMatchEulerDiscreteScheduler")
    assert flux.schedulers == ("default",)
    second = {family: facts is not None and facts.rows(4.0) == 2 for family, facts in found.items()}
    assert second == dict.fromkeys(FAMILIES, True) | {"flux": False}
    assert (small.rows(1.0), small.rows(0.5)) == (1, 1)
    assert not flux.takes_negative


def change(name: str, **changes: Any) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        told = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**told, **changes}))

    return changed


def write(name: str, content: bytes = b"x") -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


HOSTILE: list[tuple[Callable[[Path], object], str]] = [
    (change("model_index.json", _class_name="EvilPipeline"), "EvilPipeline"),
    (change("model_index.json", _class_name=["os", "system"]), "isn't supported"),
    (change("model_index.json", unet=["my_module", "UNet2DConditionModel"]), "my_module"),
    (change("model_index.json", unet=["diffusers", "os"]), "allowed are: UNet2DConditionModel"),
    (change("model_index.json", text_encoder=["transformers", "AutoModel"]), "AutoModel"),
    (change("model_index.json", extra=["diffusers", "UNet2DConditionModel"]), "doesn't have"),
    (change("model_index.json", vae=[None, None]), "doesn't name the vae"),
    (change("model_index.json", custom_pipeline="evil/code"), "custom_pipeline"),
    (change("unet/config.json", auto_map={"AutoModel": "evil--code"}), "auto_map"),
    (change("tokenizer/tokenizer_config.json", auto_map={"AutoTokenizer": "evil--code"}), "auto_map"),
    (change("text_encoder/config.json", _attn_implementation="evil/kernels"), "kernel repository"),
    (change("unet/config.json", in_channels=9), "inpainting"),
    (change("unet/config.json", sample_size="large"), "sample_size"),
    (change("unet/config.json", sample_size=10**9), "sample_size"),
    (change("vae/config.json", block_out_channels=[8] * 60), "block_out_channels"),
    (write("unet/config.json", b"["), "unet/config.json"),
    (lambda folder: (folder / "vae/config.json").unlink(), "vae/config.json is missing"),
    (lambda folder: (folder / "vae/diffusion_pytorch_model.safetensors").unlink(), "no \\*.safetensors"),
    (lambda folder: (folder / "tokenizer/tokenizer.json").unlink(), "no tokenizer"),
    (write("unet/diffusion_pytorch_model.bin"), "pickled"),
    (write("unet/modeling.py"), "program code"),
    (lambda folder: (folder / "unet/link.json").symlink_to("/etc/passwd"), "link"),
]


@pytest.mark.parametrize(("damage", "words"), HOSTILE)
def test_what_is_unsafe_or_unknown_is_refused(
    tmp_path: Path, pipelines: dict[str, Path], damage: Callable[[Path], object], words: str
) -> None:
    shutil.copytree(pipelines["stable-diffusion"], tmp_path / "model")
    damage(tmp_path / "model")
    with pytest.raises(StoreError, match=words):
        check_folder(tmp_path / "model")


def test_only_what_is_loaded_is_kept(tmp_path: Path, pipelines: dict[str, Path]) -> None:
    folder = tmp_path / "model"
    shutil.copytree(pipelines["stable-diffusion"], folder)
    (folder / "safety_checker").mkdir()
    for name in ("safety_checker/model.safetensors", "v1-5-pruned.safetensors", "unet/model.fp16.safetensors"):
        shutil.copy(folder / "vae/diffusion_pytorch_model.safetensors", folder / name)
    (folder / "README.md").write_text("# A card")
    kept = check_folder(folder).files
    assert "README.md" in kept
    assert not any("safety" in path or "pruned" in path or "fp16" in path for path in kept)


def test_variants() -> None:
    assert is_variant("unet/diffusion_pytorch_model.fp16.safetensors")
    assert is_variant("unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors")
    assert is_variant("unet/diffusion_pytorch_model.safetensors.index.fp16.json")
    assert not is_variant("unet/diffusion_pytorch_model.safetensors")
    assert not is_variant("unet/diffusion_pytorch_model-00001-of-00002.safetensors")
    assert not is_variant("unet/diffusion_pytorch_model.safetensors.index.json")
    assert not is_variant("unet/config.json")


def drop_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / "unet/diffusion_pytorch_model.safetensors")
    tensors.popitem()
    save_file(tensors, folder / "unet/diffusion_pytorch_model.safetensors", {"format": "pt"})


def add_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / "text_encoder/model.safetensors")
    tensors["evil.weight"] = tensors.copy().popitem()[1].clone()
    save_file(tensors, folder / "text_encoder/model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("damage", "words"),
    [(drop_a_tensor, "unet"), (add_a_tensor, "text_encoder"), (write("tokenizer/tokenizer.json", b"{"), "read")],
)
def test_weights_that_do_not_fit_are_refused_and_the_engine_goes_on(
    tmp_path: Path, pipelines: dict[str, Path], damage: Callable[[Path], object], words: str
) -> None:
    folder, good = tmp_path / "model", pipelines["stable-diffusion"]
    shutil.copytree(good, folder)
    damage(folder)
    engine = EngineThread(FolderSource(bad=folder, good=good), EngineConfig(device="cpu", dtype="float32", threads=1))
    engine.start()
    try:
        last = draw(engine, "bad", params()).finish()
        assert last.error_code == "load_failed"
        assert words in last.error
        assert draw(engine, "good", params()).finish().reason == FinishReason.STOP
    finally:
        engine.stop(drain_seconds=0)


def test_a_budget_that_is_too_small_is_told_with_its_size(pipelines: dict[str, Path]) -> None:
    engine = EngineThread(FolderSource(flux=pipelines["flux"]), EngineConfig(device="cpu", memory_mb=4, threads=1))
    engine.start()
    try:
        last = draw(engine, "flux", params()).finish()
        assert last.error_code == "load_failed"
        assert "to draw one picture" in last.error
    finally:
        engine.stop(drain_seconds=0)
