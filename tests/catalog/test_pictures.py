"""Models that draw pictures, in the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError
from django.test import Client

from apps.catalog.models import HostedModel, Modality, ModelVersion
from apps.catalog.sources.hub import pipeline_files
from apps.catalog.store import model_store
from tests.catalog.conftest import Models
from tests.engine.image.loras import make_lora
from tests.engine.image.tiny import make_pipeline
from tests.engine.image.tiny_whole import make_whole
from tests.engine.janus.tiny import make_janus
from tests.engine.pipeline_folders import make_pipeline_folder
from tests.world import World


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    return make_pipeline_folder(tmp_path / "Tiny Painter")


def test_a_pipeline_becomes_a_model_of_pictures(models: Models, pipeline: Path) -> None:
    models("install", f"path:{pipeline}")
    model = HostedModel.objects.get()
    version = model.default_version
    assert version is not None
    assert (model.modality, version.architecture) == (Modality.IMAGE, "StableDiffusionPipeline")
    assert (version.context_length, version.chat_template, version.license_id) == (16, "", "Apache-2.0")
    facts = version.image_facts
    assert (facts["family"], facts["width"], facts["multiple_of"]) == ("stable-diffusion", 64, 4)
    assert "unet/config.json" in [file["path"] for file in version.files]
    assert "tiny-painter" in models("verify", "tiny-painter")
    models("remove", "tiny-painter")
    assert not (model_store().root / version.digest).exists()


def test_a_janus_becomes_one_too(models: Models, tmp_path: Path) -> None:
    models("install", f"path:{make_janus(tmp_path / 'Tiny Janus')}", "--license", "MIT")
    model = HostedModel.objects.get()
    version = model.default_version
    assert version is not None
    assert (model.modality, version.architecture) == (Modality.IMAGE, "JanusForConditionalGeneration")
    facts = version.image_facts
    assert (facts["family"], facts["steps"], facts["is_fixed"], facts["takes_negative"]) == ("janus", 16, True, False)


def test_a_model_keeps_its_kind(models: Models, pipeline: Path, tiny: Path) -> None:
    models("install", f"path:{tiny}", "--id", "one")
    with pytest.raises(CommandError, match="one writes, and this draws pictures"):
        models("install", f"path:{pipeline}", "--id", "one")


def test_fewer_bits_are_for_text(models: Models, pipeline: Path) -> None:
    models("install", f"path:{pipeline}")
    with pytest.raises(CommandError, match="draws pictures"):
        models("weights", "tiny-painter", "int8")


def test_its_pages_say_what_it_draws(models: Models, pipeline: Path, world: World, client: Client) -> None:
    models("install", f"path:{pipeline}", "--approve")
    client.force_login(world.admin)
    assert "64 × 64 pixels" in client.get("/models/").content.decode()
    page = client.get("/models/tiny-painter/").content.decode()
    assert "64 × 64 pixels; other sizes in steps of 4" in page
    assert "prompt and completion together" not in page
    assert "Weights" not in page
    console = client.get("/console/models/tiny-painter/").content.decode()
    assert "How its answers are read" not in console


def test_one_of_the_compatible_lane_says_so_and_takes_no_adapters(
    models: Models, tmp_path: Path, world: World, client: Client
) -> None:
    folder = make_whole(tmp_path / "Sigma", "pixart-sigma")
    models("install", f"path:{folder}", "--license", "MIT", "--approve")
    version = ModelVersion.objects.get(hosted_model="sigma")
    assert (version.architecture, version.is_compatible_only) == ("PixArtSigmaPipeline", True)
    assert not version.image_facts["takes_source"]
    client.force_login(world.admin)
    assert "one picture after the other, from words alone" in client.get("/models/sigma/").content.decode()
    painter = make_pipeline(tmp_path / "Painter", "stable-diffusion")
    with pytest.raises(CommandError, match="compatible lane, which takes no adapters"):
        models("install", f"path:{make_lora(tmp_path / 'Ink', painter)}", "--base", "sigma")


def test_of_the_hub_one_copy_of_each_part_is_fetched() -> None:
    offered = [
        ".gitattributes", "README.md", "model_index.json", "sd_xl_base_1.0.safetensors", "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/diffusion_pytorch_model.bin", "unet/model.onnx", "text_encoder/model.safetensors.index.json",
        "text_encoder/model-00001-of-00002.safetensors", "text_encoder/model.safetensors.index.fp16.json",
        "safety_checker/model.safetensors", "tokenizer/merges.txt", "tokenizer/special_tokens_map.json",
        "some/deeper/file.json", "example.json",
    ]  # fmt: skip
    assert pipeline_files(offered) == [
        "README.md", "model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors.index.json", "text_encoder/model-00001-of-00002.safetensors",
        "tokenizer/merges.txt", "tokenizer/special_tokens_map.json",
    ]  # fmt: skip
