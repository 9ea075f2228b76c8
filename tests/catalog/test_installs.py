"""Installs asked for in the console: the look before, and the row. What the process does is tested in tests/faults."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.accounts.models import SiteRole, User
from apps.audit.models import AuditEvent
from apps.catalog.actions import Wishes
from apps.catalog.errors import CatalogError
from apps.catalog.install_claims import Claim, Standing, claim, extend
from apps.catalog.install_work import Pace, Work
from apps.catalog.installs import ask_install, cancel_install, retry_install
from apps.catalog.looking import Kind, look_at
from apps.catalog.models import HostedModel, InstallState, ModelInstall, ModelState, WeightsKind
from apps.catalog.sources.hub import HubSource
from tests.catalog.conftest import Models
from tests.catalog.hub import COMMIT, Hub
from tests.engine.pipeline_folders import make_pipeline_folder
from tests.world import World


def source() -> HubSource:
    return HubSource.parse("tiny/llama")


def ask(actor: User, **wishes: Any) -> ModelInstall:
    weights = WeightsKind(wishes.pop("weights", "full"))
    return ask_install(actor=actor, source=source(), wishes=Wishes(**wishes), weights=weights)


def work(found: Claim | None) -> None:
    """As the process does it, without its threads."""
    assert found
    work = Work(found)
    work._watch = work._beat = lambda: None  # type: ignore[method-assign]
    assert work.run() == 0


def test_a_look_brings_nothing_large(db: None, hub: Hub, store_root: Path) -> None:
    found = look_at(source())
    assert (found.kind, found.architecture, found.context_length) == (Kind.TEXT, "LlamaForCausalLM", 128)
    assert (found.description.license_id, found.refusal, found.installed) == ("Apache-2.0", "", None)
    assert found.size == sum(found.source.files.values()) > 0
    assert found.pinned == f"hf:tiny/llama@{COMMIT}"
    assert found.takes_weights
    assert not any("safetensors" in line or "tokenizer.json" in line for line in hub.requests if "/resolve/" in line)
    assert not (store_root / ".downloads").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"architectures": ["BertModel"]}, "The architecture BertModel isn't supported"),
        ({"auto_map": {"AutoModel": "evil.py"}}, "program code of its own"),
        ({"quantization_config": {"quant_method": "gptq"}}, "The weights are quantised"),
    ],
)
def test_a_look_says_why_it_cannot_run_here(
    db: None, hub: Hub, store_root: Path, change: dict[str, Any], sentence: str
) -> None:
    config = hub.folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    assert sentence in look_at(source()).refusal


def test_a_look_at_a_model_of_pictures(db: None, hub: Hub, store_root: Path, tmp_path: Path) -> None:
    hub.folder = make_pipeline_folder(tmp_path / "Painter")
    found = look_at(source())
    assert (found.kind, found.architecture, found.refusal) == (Kind.IMAGE, "StableDiffusionPipeline", "")
    assert not found.takes_weights
    assert not any("safetensors" in line for line in hub.requests if "/resolve/" in line)


def test_a_look_at_many_files_is_refused(db: None, hub: Hub, store_root: Path) -> None:
    make_pipeline_folder(hub.folder)
    for number in range(70):
        (hub.folder / f"part{number}").mkdir()
        (hub.folder / f"part{number}" / "config.json").write_text("{}")
    hub.requests.clear()
    with pytest.raises(CatalogError, match="files of settings"):
        look_at(source())
    assert not any("/resolve/" in line for line in hub.requests)


@pytest.mark.parametrize(("suffix", "sentence"), [(".bin", "pickles only"), (".gguf", "path:FILE.gguf")])
def test_weights_of_other_formats(db: None, hub: Hub, store_root: Path, suffix: str, sentence: str) -> None:
    (hub.folder / "model.safetensors").rename(hub.folder / f"model{suffix}")
    assert sentence in look_at(source()).refusal


def test_an_adapter_names_its_base_or_is_told_one(models: Models, hub: Hub, world: World) -> None:
    models("install", "hf:tiny/llama")
    for path in hub.folder.iterdir():
        if path.name != "model.safetensors":
            path.unlink()
    (hub.folder / "model.safetensors").rename(hub.folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "base_model_name_or_path": "tiny/other"}
    (hub.folder / "adapter_config.json").write_text(json.dumps(config))
    found = look_at(source())
    assert found.is_adapter
    assert "was made for “tiny/other”, which is not installed" in found.refusal
    found = look_at(source(), base="llama")
    assert found.base is not None
    assert (found.base.hosted_model_id, found.refusal) == ("llama", "")


def test_one_that_is_here_already_is_recognised(models: Models, hub: Hub) -> None:
    models("install", "hf:tiny/llama")
    installed = look_at(source()).installed
    assert installed is not None
    assert installed.hosted_model_id == "llama"


def test_an_install_ends_in_the_catalogue_as_a_proposal(db: None, hub: Hub, store_root: Path, world: World) -> None:
    asked = ask(world.admin, model_id="mine", name="My own", weights="int8")
    work(claim())
    asked.refresh_from_db()
    model = HostedModel.objects.get()
    assert (model.pk, model.name, model.state) == ("mine", "My own", ModelState.PROPOSED)
    assert (asked.state, asked.version_id, asked.percent) == (InstallState.DONE, model.default_version_id, 0)
    assert model.default_version
    assert model.default_version.weights == WeightsKind.INT8
    events = AuditEvent.objects.filter(action__startswith="model.install").order_by("pk")
    told = {event.action: (event.actor_id, event.outcome) for event in events}
    assert told["model.install.asked"] == told["model.install.done"] == (world.admin.pk, "allowed")
    assert told["model.installed"] == (world.admin.pk, "allowed")


def test_one_that_cannot_be_had_fails_in_words_and_can_be_tried_again(
    db: None, hub: Hub, store_root: Path, world: World
) -> None:
    hub.broken = {"model.safetensors"}
    asked = ask(world.admin)
    work(claim())
    asked.refresh_from_db()
    assert asked.state == InstallState.FAILED
    assert "could not be downloaded" in asked.problem
    assert AuditEvent.objects.get(action="model.install.failed").outcome == "failed"
    hub.broken.clear()
    assert retry_install(actor=world.admin, install=asked)
    work(claim())
    asked.refresh_from_db()
    assert (asked.state, asked.problem) == (InstallState.DONE, "")
    assert not retry_install(actor=world.admin, install=asked)


def test_who_may_no_longer_govern_installs_nothing(db: None, hub: Hub, store_root: Path, world: World) -> None:
    world.editor.site_role = SiteRole.GOVERNOR
    world.editor.save()
    asked = ask(world.editor)
    world.editor.site_role = SiteRole.MEMBER
    world.editor.save()
    work(claim())
    asked.refresh_from_db()
    assert "may no longer govern models" in asked.problem
    assert not HostedModel.objects.exists()
    assert retry_install(actor=world.admin, install=asked)
    work(claim())
    assert HostedModel.objects.get().pk == "llama"


def test_the_same_twice_is_refused(db: None, hub: Hub, store_root: Path, world: World) -> None:
    first = ask(world.admin)
    with pytest.raises(CatalogError, match="is being installed already"):
        ask(world.admin)
    assert cancel_install(actor=world.admin, install=first)
    second = ask(world.admin)
    with pytest.raises(CatalogError, match="is being installed already"):
        retry_install(actor=world.admin, install=first)
    assert cancel_install(actor=world.admin, install=second)
    assert not cancel_install(actor=world.admin, install=second)


def test_one_at_a_time_and_nobody_else_writes(db: None, hub: Hub, store_root: Path, world: World) -> None:
    asked = ask(world.admin)
    first = claim()
    assert first == Claim(asked.pk, 1)
    assert claim() is None
    ModelInstall.objects.update(lease_until=timezone.now() - timedelta(hours=1))
    assert claim() == Claim(asked.pk, 2)
    assert extend(first, fetched_bytes=7) == Standing.LOST
    assert extend(Claim(asked.pk, 2), fetched_bytes=5) == Standing.HELD
    assert cancel_install(actor=world.admin, install=asked)
    assert extend(Claim(asked.pk, 2)) == Standing.CANCELLED


def test_a_cancelled_one_never_gets_into_the_catalogue(db: None, hub: Hub, store_root: Path, world: World) -> None:
    asked = ask(world.admin)
    found = claim()
    assert cancel_install(actor=world.admin, install=asked)
    work(found)
    asked.refresh_from_db()
    assert asked.state != InstallState.DONE
    assert not HostedModel.objects.exists()


def test_the_pace_forgets_what_was_long_ago() -> None:
    pace = Pace()
    assert pace.at(0, 0.0) == 0
    assert pace.at(100, 1.0) == 100
    for second in range(2, 40):
        pace.at(100 + second, float(second))
    assert 0.9 < pace.at(140, 40.0) < 1.1
    assert pace.at(0, 41.0) == 0


def test_the_token_is_in_no_row(
    db: None, hub: Hub, store_root: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.broken = {"model.safetensors"}
    asked = ask(world.admin)
    work(claim())
    assert "Bearer hf_secret" in hub.tokens
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(i)::text FROM catalog_modelinstall i WHERE id = %s", [asked.pk])
        assert "hf_secret" not in cursor.fetchone()[0]


def test_what_the_address_of_a_mirror_keeps_secret_is_not_said(
    db: None, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://robot:secret@127.0.0.1:9")
    with pytest.raises(CatalogError) as caught:
        look_at(source())
    assert "secret" not in str(caught.value)
