"""`models install` of a LoRA adapter for pictures: on its base, a model of pictures like any other."""

from __future__ import annotations

import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel, Modality, ModelVersion
from apps.catalog.store import model_store
from apps.generations.local_engine import StoreSource
from engine.adapters import CONFIG, WEIGHTS
from engine.config import EngineConfig
from engine.service import EngineThread
from engine.types import AdapterRef
from tests.catalog.conftest import Models
from tests.catalog.hub import REPOSITORY, Hub, serving
from tests.engine.adapters import make_adapter
from tests.engine.image.drawing import draw, far_apart, params
from tests.engine.image.loras import FILE, make_lora
from tests.engine.image.other_loras import make_original, make_parts, make_peft, with_added
from tests.engine.image.test_equality import SLACK, by_diffusers
from tests.engine.image.tiny import make_pipeline
from tests.engine.janus.tiny import make_janus
from tests.engine.pipeline_folders import make_pipeline_folder
from tests.engine.tiny import make_checkpoint
from tests.world import World


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pipeline(tmp_path_factory.mktemp("painters") / "Painter", "stable-diffusion")


@pytest.fixture
def lora(models: Models, pipeline: Path, tmp_path: Path) -> Path:
    """An adapter whose base is installed, as `painter`; it doesn't say what its base is."""
    models("install", f"path:{pipeline}", "--license", "MIT", "--approve")
    return make_lora(tmp_path / "Water Colours", pipeline)


def test_what_is_read_of_a_model_since_it_was_installed_is_found_in_its_files(
    models: Models, lora: Path, pipeline: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models("install", f"path:{lora}", "--base", "painter")
    gone = make_pipeline_folder(pipeline.parent / "Gone")
    models("install", f"path:{gone}", "--license", "MIT")
    installed = {version.pk: version for version in ModelVersion.objects.all()}
    for version in installed.values():
        older = {name: value for name, value in version.image_facts.items() if name not in ("own_scheduler", "longest")}
        ModelVersion.objects.filter(pk=version.pk).update(image_facts=older | {"steps": 12})
    lost = ModelVersion.objects.get(hosted_model="gone")
    shutil.rmtree(model_store().root / lost.digest)
    for _ in range(2):
        call_command("prepare", no_model=True, no_admin=True, stdout=StringIO(), stderr=StringIO())
    for version in ModelVersion.objects.exclude(pk=lost.pk):
        assert version.image_facts == installed[version.pk].image_facts | {"steps": 12}, version
    lost.refresh_from_db()
    assert "own_scheduler" not in lost.image_facts
    assert "gone@" in caplog.text


def test_an_adapter_becomes_a_model_of_pictures(models: Models, lora: Path, world: World, client: Client) -> None:
    with pytest.raises(CommandError, match=r"It doesn't say for what model\. .*--base ID"):
        models("install", f"path:{lora}")
    assert len(list(model_store().manifests())) == 1, "what is refused isn't stored"
    said = models("install", f"path:{lora}", "--base", "painter", "--approve")
    assert "It is an adapter on painter (" in said
    version = ModelVersion.objects.get(hosted_model="water-colours")
    base = ModelVersion.objects.get(hosted_model="painter")
    assert (version.base, version.foundation, version.engine_key) == (base, base, base.digest)
    assert (version.hosted_model.modality, version.image_facts) == (Modality.IMAGE, base.image_facts)
    assert (version.architecture, version.license_id) == ("StableDiffusionPipeline", "Apache-2.0")
    assert [file["path"] for file in version.files] == ["README.md", FILE]
    installed = AuditEvent.objects.filter(action="model.installed").latest("id")
    assert (installed.details["digest"], installed.details["base"]) == (version.digest, base.digest)
    assert "water-colours is already installed" in models("install", f"path:{lora}", "--base", "painter")
    with pytest.raises(CommandError, match="painter is the base of these adapters: water-colours"):
        models("remove", "painter")
    with pytest.raises(CommandError, match="draws pictures"):
        models("weights", "water-colours", "int8")
    client.force_login(world.admin)
    page = client.get("/models/water-colours/").content.decode()
    assert "as a LoRA adapter" in page
    assert "32 × 32 pixels; other sizes in steps of 2" in page


def test_its_card_names_the_base(models: Models, lora: Path, pipeline: Path) -> None:
    (lora / "README.md").write_text("---\nlicense: mit\nbase_model:\n- someone/painter\n---\n# A style\n")
    with pytest.raises(CommandError, match="made for “someone/painter”, which is not installed"):
        models("install", f"path:{lora}")
    ModelVersion.objects.filter(hosted_model="painter").update(source="hf:someone/painter")
    assert "adapter on painter" in models("install", f"path:{lora}")


def test_one_file_alone(models: Models, lora: Path) -> None:
    file = (lora / FILE).rename(lora / "ink v2.safetensors")
    assert "adapter on painter" in models("install", f"path:{file}", "--base", "painter")
    version = ModelVersion.objects.get(hosted_model="ink-v2")
    assert [each["path"] for each in version.files] == ["ink v2.safetensors"]
    assert version.license_id == "MIT", "the base's, where it says none"


def check_drawn(models: Models, base: Path, lora: Path, merged: Path, *arguments: str) -> None:
    """Installs both and draws with what the store has."""
    models("install", f"path:{base}", "--license", "MIT", "--approve")
    assert "It is an adapter on painter (" in models("install", f"path:{lora}", *arguments, "--approve")
    version = ModelVersion.objects.get(base__hosted_model="painter")
    engine = EngineThread(StoreSource(), EngineConfig(device="cpu", dtype="float32", threads=1))
    engine.start()
    try:
        style = AdapterRef(version.digest, version.engine_key)
        made = draw(engine, version.engine_key, params(), adapter=style).picture()
    finally:
        engine.stop(drain_seconds=0)
    assert far_apart(made, by_diffusers(merged, params())) <= SLACK
    assert far_apart(made, by_diffusers(base, params())) > SLACK


@pytest.mark.parametrize("family", ["flux", "stable-diffusion-3"])
def test_a_file_of_kohyas_from_install_to_picture(models: Models, tmp_path: Path, family: str) -> None:
    base = make_pipeline(tmp_path / "Painter", family)
    lora, added = make_original(tmp_path / "Ink", base, family)
    check_drawn(models, base, lora, with_added(base, added, tmp_path / "merged"), "--base", "painter")


@pytest.mark.parametrize(("family", "part"), [("stable-diffusion", "unet"), ("flux", "transformer")])
def test_a_folder_of_pefts_from_install_to_picture(models: Models, tmp_path: Path, family: str, part: str) -> None:
    """It says itself what its base is."""
    base = make_pipeline(tmp_path / "Painter", family)
    lora, added = make_peft(tmp_path / "Ink", base, part, use_rslora=True)
    check_drawn(models, base, lora, with_added(base, added, tmp_path / "merged"))


def test_pefts_folders_of_parts_from_install_to_picture(models: Models, tmp_path: Path) -> None:
    """One for the network, and one for what reads its prompts."""
    base = make_pipeline(tmp_path / "Painter", "stable-diffusion")
    lora, added = make_parts(tmp_path / "Ink", base, ("unet", "text_encoder"))
    check_drawn(models, base, lora, with_added(base, added, tmp_path / "merged"))


def test_pefts_folders_of_parts_from_the_hub(models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = make_pipeline(tmp_path / "Painter", "stable-diffusion")
    models("install", f"path:{base}", "--license", "MIT", "--approve")
    hub = Hub(make_parts(tmp_path / "Ink", base, ("unet", "text_encoder"))[0])
    (hub.folder / "unet" / "optimizer.bin").write_bytes(b"x")
    with serving(hub) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        assert "It is an adapter on painter (" in models("install", f"hf:{REPOSITORY}")
    version = ModelVersion.objects.get(base__hosted_model="painter")
    assert [file["path"] for file in version.files] == [
        "README.md", *(f"{part}/{name}" for part in ("text_encoder", "unet") for name in (CONFIG, WEIGHTS))
    ]  # fmt: skip


def test_what_does_not_fit_is_refused(models: Models, lora: Path, pipeline: Path, tmp_path: Path) -> None:
    models("install", f"path:{make_pipeline(tmp_path / 'Large', 'stable-diffusion-xl')}")
    models("install", f"path:{make_checkpoint(tmp_path / 'Writer', 'Llama')}")
    models("install", f"path:{make_janus(tmp_path / 'Janus')}", "--license", "MIT")
    of_texts = make_adapter(tmp_path / "Pirate Talk", tmp_path / "Writer")
    stored = len(list(model_store().manifests()))
    for adapter, base, words in (
        (lora, "large", "made for another model"),
        (lora, "writer", "made for a model that draws pictures, and this one writes"),
        (lora, "janus", "A Janus takes no adapters"),
        (of_texts, "painter", "made for a model that writes, and this one draws pictures"),
        (make_peft(tmp_path / "Oil", pipeline, "unet")[0], "large", "made for another model"),
        (make_peft(tmp_path / "Gouache", pipeline, "unet", use_dora=True)[0], "painter", "It is a DoRA adapter"),
        (of_texts, "janus", "A Janus takes no adapters"),
    ):
        with pytest.raises(CommandError, match=words):
            models("install", f"path:{adapter}", "--base", base)
    (lora / FILE).write_bytes((lora / FILE).read_bytes()[:-1])
    with pytest.raises(CommandError, match=f"{FILE} is damaged"):
        models("install", f"path:{lora}", "--base", "painter")
    assert len(list(model_store().manifests())) == stored
    assert not HostedModel.objects.filter(versions__base__isnull=False).exists()
