"""`models install` of a LoRA adapter: it finds its base, fits it, and is a model of the catalogue like any other."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError
from django.test import Client

from apps.audit.models import AuditEvent
from apps.catalog.chat import encode_chat
from apps.catalog.models import HostedModel, ModelVersion
from apps.catalog.store import model_store
from apps.generations.models import GenerationJob
from tests.catalog.conftest import Models
from tests.engine.adapters import change_config, make_adapter
from tests.engine.tiny import make_checkpoint
from tests.governance.permits import open_to_everyone
from tests.world import World


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("bases") / "Base", "Llama")


@pytest.fixture
def adapter(models: Models, checkpoint: Path, tmp_path: Path) -> Path:
    """An adapter whose base is installed, as `base`, from where the adapter says it is."""
    models("install", f"path:{checkpoint}", "--license", "MIT")
    return make_adapter(tmp_path / "Pirate Talk", checkpoint, base_model_name_or_path=str(checkpoint))


def test_an_adapter_becomes_a_model_on_its_base(models: Models, adapter: Path) -> None:
    said = models("install", f"path:{adapter}")
    assert said.startswith("Installed pirate-talk (")
    assert "It is an adapter on base (" in said
    version = ModelVersion.objects.get(hosted_model="pirate-talk")
    base = ModelVersion.objects.get(hosted_model="base")
    assert (version.base, version.foundation, base.foundation) == (base, base, base)
    assert (version.context_length, version.architecture) == (512, "LlamaForCausalLM")
    assert version.license_id == "Apache-2.0"
    assert [file["path"] for file in version.files] == ["README.md", "adapter_config.json", "adapter_model.safetensors"]
    assert version.hosted_model.default_version == version
    installed = AuditEvent.objects.filter(action="model.installed").latest("id")
    assert (installed.details["digest"], installed.details["base"]) == (version.digest, base.digest)
    assert "adapter on base" in models("list")
    assert "3 files" in models("verify", "pirate-talk")
    assert "pirate-talk is already installed" in models("install", f"path:{adapter}")


def test_its_chats_are_encoded_as_its_base_reads_them(models: Models, adapter: Path) -> None:
    models("install", f"path:{adapter}")
    messages = [{"role": "user", "content": "Ahoy"}]
    of_adapter, of_base = (
        encode_chat(ModelVersion.objects.get(hosted_model=name), messages) for name in ("pirate-talk", "base")
    )
    assert of_adapter == of_base


def test_a_base_that_is_named(models: Models, adapter: Path) -> None:
    change_config(adapter, base_model_name_or_path="someone/else")
    with pytest.raises(CommandError, match=r"made for “someone/else”, which is not installed.*--base ID"):
        models("install", f"path:{adapter}")
    with pytest.raises(CommandError, match="no installed model 'nothing'"):
        models("install", f"path:{adapter}", "--base", "nothing")
    assert not HostedModel.objects.filter(pk="pirate-talk").exists()
    assert len(list(model_store().manifests())) == 1, "what is refused isn't stored"
    assert "adapter on base" in models("install", f"path:{adapter}", "--base", "base")
    with pytest.raises(CommandError, match="pirate-talk is an adapter itself"):
        models("install", f"path:{adapter}", "--base", "pirate-talk")


def test_the_hub_s_name_of_a_base(models: Models, adapter: Path) -> None:
    ModelVersion.objects.filter(hosted_model="base").update(source="hf:someone/base")
    change_config(adapter, base_model_name_or_path="someone/base")
    assert "adapter on base" in models("install", f"path:{adapter}")


def test_another_model_s_adapter_is_refused(models: Models, adapter: Path, tmp_path: Path) -> None:
    smaller = make_checkpoint(tmp_path / "Smaller", "Llama", num_hidden_layers=1)
    models("install", f"path:{smaller}")
    with pytest.raises(CommandError, match=r"made for another model: this one has no layer “model\.layers\.1"):
        models("install", f"path:{adapter}", "--base", "smaller")
    assert len(list(model_store().manifests())) == 2


def test_what_can_not_be_applied_is_refused(models: Models, adapter: Path) -> None:
    change_config(adapter, use_dora=True)
    with pytest.raises(CommandError, match="DoRA adapter, which isn't supported"):
        models("install", f"path:{adapter}")
    (adapter / "adapter_model.bin").write_bytes(b"x")
    with pytest.raises(CommandError, match="pickled weights"):
        models("install", f"path:{adapter}")


def test_whole_models_take_no_base_and_no_adapter_s_id(models: Models, adapter: Path, checkpoint: Path) -> None:
    with pytest.raises(CommandError, match="--base goes with adapters only"):
        models("install", f"path:{checkpoint}", "--base", "base")
    with pytest.raises(CommandError, match="base is a whole model, and this is none"):
        models("install", f"path:{adapter}", "--id", "base")


def test_an_adapter_has_one_base(models: Models, adapter: Path, tmp_path: Path) -> None:
    models("install", f"path:{make_checkpoint(tmp_path / 'Twin', 'Llama', seed=1)}")
    models("install", f"path:{adapter}")
    with pytest.raises(CommandError, match="installed already, as pirate-talk, on base"):
        models("install", f"path:{adapter}", "--base", "twin")


def test_a_base_with_adapters_stays(models: Models, adapter: Path) -> None:
    models("install", f"path:{adapter}")
    with pytest.raises(CommandError, match=r"base is the base of these adapters: pirate-talk\. Remove them first"):
        models("remove", "base")
    assert model_store().path(ModelVersion.objects.get(hosted_model="base").digest)
    models("remove", "pirate-talk")
    models("remove", "base")
    assert not HostedModel.objects.exists()


def test_a_base_s_stricter_licence_counts(models: Models, adapter: Path) -> None:
    ModelVersion.objects.filter(hosted_model="base").update(license_id="LicenseRef-llama3.1")
    models("install", f"path:{adapter}")
    model = HostedModel.objects.get(pk="pirate-talk")
    assert model.default_version is not None
    assert (model.default_version.license_id, model.is_gated) == ("LicenseRef-llama3.1", True)


def test_its_page_says_what_it_stands_on(models: Models, adapter: Path, world: World, client: Client) -> None:
    models("install", f"path:{adapter}")
    model = open_to_everyone(HostedModel.objects.get(pk="pirate-talk"))
    client.force_login(world.owner)
    page = client.get(f"/models/{model.pk}/").content.decode()
    assert "Stands on" in page
    assert "these files change it, as a LoRA adapter" in page


def test_jobs_remember_the_adapter_s_digest(models: Models, adapter: Path, world: World) -> None:
    models("install", f"path:{adapter}")
    version = ModelVersion.objects.get(hosted_model="pirate-talk")
    GenerationJob.objects.create(project=world.project, user=world.owner, model_version=version)
    with pytest.raises(CommandError, match="Generations were made with pirate-talk"):
        models("remove", "pirate-talk")
