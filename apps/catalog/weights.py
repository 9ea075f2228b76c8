"""In how many bits the weights of a version are kept in memory, and what that costs in accuracy, as measured."""

from __future__ import annotations

from dataclasses import asdict
from typing import cast

from django.db import transaction
from django.utils import timezone

from apps.audit.record import Actor, record
from apps.catalog.actions import target_of
from apps.catalog.errors import CatalogError
from apps.catalog.models import HostedModel, ModelVersion, WeightsKind
from apps.catalog.store import model_store
from engine.quality.process import MeasureError, measure
from engine.weights import Weights

ROUNDED: tuple[WeightsKind, ...] = (WeightsKind.INT8, WeightsKind.INT4)


def version_in_use(model: HostedModel) -> ModelVersion:
    """Raises CatalogError where there is none."""
    if model.default_version is None:
        raise CatalogError(f"{model.pk} has no weights yet; install them first.")
    return model.default_version


def require_own_weights(version: ModelVersion) -> None:
    """Raises CatalogError for what runs elsewhere, on the weights of another version, or with full ones only."""
    if version.image_facts:
        raise CatalogError(f"{version.hosted_model_id} draws pictures; weights of such models are kept in full.")
    if version.is_upstream:
        raise CatalogError(f"{version.hosted_model_id} runs on another server, which decides on its weights.")
    if version.is_adapter:
        base = version.foundation.hosted_model_id
        raise CatalogError(
            f"{version.hosted_model_id} is an adapter; it runs with the weights of {base}. Choose those: "
            f"manage.py models weights {base} …"
        )
    if version.is_compatible_only:
        raise CatalogError(
            f"{version.hosted_model_id} ({version.architecture}) runs on the compatible lane, which keeps full weights."
        )


@transaction.atomic
def set_weights(*, actor: Actor | None, version: ModelVersion, weights: WeightsKind) -> bool:
    """For answers that begin from now on. False where this changed nothing. Raises CatalogError."""
    require_own_weights(version)
    before = version.weights
    versions = ModelVersion.objects.filter(pk=version.pk, weights=before)
    if weights == before or not versions.update(weights=weights):
        return False
    version.weights = weights
    told = {"digest": version.digest, "before": str(before), "after": str(weights)}
    record("model.weights.changed", actor=actor, target=target_of(version.hosted_model), **told)
    return True


def measure_weights(*, actor: Actor | None, version: ModelVersion, weights: WeightsKind) -> None:
    """Perplexity and agreement beside full weights, kept with the version; takes minutes, in a process of its own.

    Raises CatalogError, or StoreError where files are gone.
    """
    require_own_weights(version)
    if weights not in ROUNDED:
        raise CatalogError("Full weights are what the others are measured by; choose int8 or int4.")
    try:
        quality = measure(model_store().verified_path(version.digest), cast(Weights, weights.value))
    except MeasureError as error:
        raise CatalogError(str(error)) from error
    found: dict[str, float | str] = asdict(quality) | {"measured_at": timezone.now().isoformat(timespec="seconds")}
    _keep(actor, version, weights, found)


@transaction.atomic
def _keep(actor: Actor | None, version: ModelVersion, weights: WeightsKind, found: dict[str, float | str]) -> None:
    """Beside what was measured of others meanwhile."""
    row = ModelVersion.objects.select_for_update().get(pk=version.pk)
    row.measured = version.measured = row.measured | {str(weights): found}
    row.save(update_fields=["measured"])
    record(
        "model.weights.measured", actor=actor, target=target_of(version.hosted_model), digest=version.digest,
        weights=str(weights), measured=found,
    )  # fmt: skip
