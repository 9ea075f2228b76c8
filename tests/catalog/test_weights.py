"""Weights of fewer bits: chosen on the command line, measured, and shown only as measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError
from django.test import Client

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel, ModelVersion, WeightsKind
from apps.catalog.store import model_store
from tests.catalog.conftest import Models
from tests.engine.adapters import make_adapter
from tests.engine.tiny import make_checkpoint
from tests.world import World

MEASURED = {
    "perplexity": 23.204, "full_perplexity": 23.118, "text_tokens": 1852, "same_tokens": 377, "compared_tokens": 384,
    "measured_at": "2026-11-27T10:00:00+00:00",
}  # fmt: skip
SHOWN = "perplexity 23.12 → 23.20 on 1852 tokens, 98.2 % of 384 tokens the same"


def version() -> ModelVersion:
    return ModelVersion.objects.get()


def test_an_install_chooses_them(models: Models, tiny: Path) -> None:
    models("install", f"path:{tiny}", "--weights", "int8")
    assert version().weights == WeightsKind.INT8
    assert version().engine_key == f"{version().digest}@int8"


def test_they_are_full_unless_somebody_says_otherwise(models: Models, tiny: Path) -> None:
    models("install", f"path:{tiny}")
    assert version().engine_key == version().digest
    assert models("weights", "tiny-llama", "full") == "tiny-llama already runs with full weights.\n"
    said = models("weights", "tiny-llama", "int4")
    assert said.startswith(
        "tiny-llama now runs with int4 weights. What that costs in accuracy tells: manage.py models measure"
    )
    event = AuditEvent.objects.get(action="model.weights.changed")
    assert (event.details["before"], event.details["after"]) == ("full", "int4")
    assert version().weights == WeightsKind.INT4


def test_measuring_keeps_the_numbers_with_the_version(models: Models, tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "measured", "Llama")
    models("install", f"path:{folder}")
    said = models("measure", "measured", "int8")
    found = version().measured["int8"]
    assert found["compared_tokens"] > 100
    assert said == f"measured with int8 weights: {version().accuracy_of(WeightsKind.INT8)}.\n"
    assert f"{found['full_perplexity']:.2f} → {found['perplexity']:.2f}" in said
    assert version().accuracy_of(WeightsKind.INT4) == ""
    assert AuditEvent.objects.filter(action="model.weights.measured").count() == 1


def test_what_can_not_be_measured_is_said(models: Models, tiny: Path) -> None:
    models("install", f"path:{tiny}")
    file = model_store().path(version().digest) / "model.safetensors"
    file.chmod(0o644)
    file.write_bytes(b"nothing")
    with pytest.raises(CommandError, match=r"model\.safetensors"):
        models("measure", "tiny-llama", "int8")
    assert version().measured == {}


def test_pages_show_what_was_measured_and_nothing_else(
    models: Models, tiny: Path, world: World, client: Client
) -> None:
    models("install", f"path:{tiny}", "--approve", "--weights", "int8")
    client.force_login(world.admin)
    pages = [f"/models/{HostedModel.objects.get().pk}/", f"/console/models/{HostedModel.objects.get().pk}/"]
    for path in pages:
        assert "perplexity" not in client.get(path).content.decode()
    ModelVersion.objects.update(measured={"int8": MEASURED})
    for path in pages:
        page = client.get(path).content.decode()
        assert f"8 bits: {SHOWN}" in page
        assert "4 bits" not in page


def test_an_adapter_runs_with_the_weights_of_its_base(models: Models, tmp_path: Path) -> None:
    base = make_checkpoint(tmp_path / "base", "Llama")
    models("install", f"path:{base}")
    models("install", f"path:{make_adapter(tmp_path / 'adapter', base)}", "--base", "base")
    with pytest.raises(CommandError, match="it runs with the weights of base"):
        models("weights", "adapter", "int8")
    models("weights", "base", "int8")
    adapter = ModelVersion.objects.get(hosted_model="adapter")
    assert adapter.engine_key == f"{adapter.foundation.digest}@int8"


def test_a_model_of_another_server_has_no_weights_here(models: Models) -> None:
    models("add-upstream", "far", "--url", "https://gpu.example.org/v1", "--model", "x", "--context", "100")
    for verb in (("weights", "far", "int8"), ("measure", "far")):
        with pytest.raises(CommandError, match="runs on another server"):
            models(*verb)
