"""A real but tiny model in a real store: submits are encoded with its tokenizer, workers run its weights."""

from __future__ import annotations

from pathlib import Path

from apps.catalog.models import HostedModel, ModelVersion
from engine.store import ModelStore
from tests.engine.tiny import make_checkpoint
from tests.governance.permits import open_to_everyone


def install_tiny(root: Path, folder: Path, **changes: int) -> str:
    """Put a random Llama into the store at `root`; its digest."""
    return ModelStore(root).install(make_checkpoint(folder, "Llama", **changes), {"source": f"path:{folder}"}).digest


def hosted(digest: str, name: str = "tiny", context_length: int = 512) -> HostedModel:
    model = HostedModel.objects.create(id=name, name=name.title())
    model.default_version = ModelVersion.objects.create(
        hosted_model=model,
        digest=digest,
        source="path:tiny",
        size_bytes=1,
        license_id="CC0-1.0",
        architecture="LlamaForCausalLM",
        context_length=context_length,
    )
    model.save()
    return open_to_everyone(model)
