"""Which installed model an adapter belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from apps.catalog.errors import CatalogError
from apps.catalog.licences import UNKNOWN, needs_acceptance
from apps.catalog.models import HostedModel, ModelVersion
from apps.catalog.sources.card import read_card
from apps.catalog.store import model_store
from engine.store import Manifest, check_adapter, check_fits, is_adapter


def base_of(folder: Path, wanted: str, known: ModelVersion | None = None) -> ModelVersion | None:
    """The version that the adapter in `folder` goes on, once its sizes fit; None for a model of its own.

    wanted: the id of the base where its author's word isn't to count; known: where this adapter is installed already.
    Raises CatalogError or StoreError.
    """
    if not is_adapter(folder):
        if wanted:
            raise CatalogError("--base goes with adapters only, and this is a whole model.")
        return None
    facts = check_adapter(folder)
    if known is not None and known.base is not None and wanted in ("", known.base.hosted_model_id):
        return known.base
    if known is not None:
        raise CatalogError(
            f"This adapter is installed already, as {known.hosted_model_id}, on {known.foundation.hosted_model_id}. "
            f"Remove that first: manage.py models remove {known.hosted_model_id}"
        )
    base = base_by_name(wanted, facts.base_name or read_card(folder).base_name)
    check_fits(facts, model_store().path(base.digest))
    return base


def base_by_name(wanted: str, said: str) -> ModelVersion:
    """As `base_of`, before any sizes are known; said: by its author. Raises CatalogError."""
    base = _named(wanted) if wanted else _meant(said)
    if base.is_compatible_only:
        raise CatalogError(
            f"{base.hosted_model_id} ({base.architecture}) runs on the compatible lane, which takes no adapters."
        )
    return base


def fields_on(base: ModelVersion, manifest: Manifest, license_id: str) -> dict[str, Any]:
    """What an adapter's version has of its base. The base's licence counts where it asks more than the adapter's own,
    or where that isn't known; `license_id` is what a person said, which counts before both."""
    taken = (
        "architecture", "context_length", "dtype", "chat_template", "answer_format", "takes_effort", "recommended",
        "image_facts",
    )  # fmt: skip
    fields = {"base": base} | {name: getattr(base, name) for name in taken}
    strict = needs_acceptance(base.license_id) or manifest.metadata["license_id"] == UNKNOWN
    if strict and not license_id:
        fields |= {"license_id": base.license_id, "license_link": base.license_link}
    return fields


def _named(model_id: str) -> ModelVersion:
    model = HostedModel.objects.select_related("default_version").filter(pk=model_id).first()
    version = model.default_version if model else None
    if version is None:
        raise CatalogError(
            f"There is no installed model {model_id!r} to put the adapter on. See: manage.py models list"
        )
    if version.is_upstream or version.is_adapter:
        kind = "an adapter itself" if version.is_adapter else "run by another server"
        raise CatalogError(f"{model_id} is {kind}; an adapter goes on a model whose weights are installed here.")
    return version


def _meant(name: str) -> ModelVersion:
    """By the name that its author wrote; the version in use before older ones."""
    sources = [f"hf:{name}", f"path:{name.rstrip('/')}"]
    versions = ModelVersion.objects.filter(source__in=sources, base=None).select_related("hosted_model")
    found = sorted(versions, key=lambda version: version.pk == version.hosted_model.default_version_id)
    if not name or not found:
        said = (
            f"This adapter was made for “{name}”, which is not installed." if name else "It doesn't say for what model."
        )
        raise CatalogError(f"{said} Install that first, or name the model it belongs to with --base ID.")
    return found[-1]
