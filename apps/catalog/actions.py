"""What changes the catalogue, each change with its record in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError

from apps.audit.record import Actor, Target, record
from apps.catalog.adapters import base_of, fields_on
from apps.catalog.errors import CatalogError
from apps.catalog.licences import needs_acceptance
from apps.catalog.models import HostedModel, Modality, ModelVersion, ReasoningPolicy
from apps.catalog.recommended import recommended_sampling, usable
from apps.catalog.store import model_store
from engine.answers import detect_format
from engine.chat.template import takes_effort
from engine.store import Manifest, check_folder

HIDDEN_AT_FIRST = frozenset({"harmony"})
"""Formats of models whose makers ask that what they think is not shown to everybody: OpenAI does, of gpt-oss."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person who installs wants other than the source says; "" keeps what the source says."""

    model_id: str = ""
    name: str = ""
    license_id: str = ""
    license_link: str = ""
    enabled: bool = True
    base: str = ""
    """Of an adapter: the id of the model that it goes on."""


@transaction.atomic
def add_version(*, actor: Actor | None, manifest: Manifest, wishes: Wishes) -> tuple[ModelVersion, bool]:
    """Put a stored model into the catalogue and make it the version in use; (version, whether it is new).

    Raises CatalogError where the same weights are another model's, the id belongs to a model of another source, or the
    base of an adapter isn't there.
    """
    folder, told = model_store().path(manifest.digest), manifest.metadata
    known = ModelVersion.objects.filter(digest=manifest.digest).first()
    base = base_of(folder, wishes.base, known)
    fields = _fields(manifest, wishes) | (
        fields_on(base, manifest, wishes.license_id) if base else _of_model(folder, told)
    )
    model = _model_for(manifest, wishes, fields, known)
    version, created = ModelVersion.objects.get_or_create(
        digest=manifest.digest, defaults={"hosted_model": model, **fields}
    )
    if version.hosted_model_id != model.pk:
        raise CatalogError(f"These weights are here already, as {version.hosted_model_id}; remove that first.")
    if created:
        source = {"source": told.get("source", ""), "revision": told.get("revision", "")}
        source |= {"base": base.digest} if base else {}
        record("model.installed", actor=actor, target=target_of(model), digest=manifest.digest, **source)
    choose_version(actor=actor, version=version)
    return version, created


@transaction.atomic
def choose_version(*, actor: Actor | None, version: ModelVersion) -> None:
    """New generations use this version from now on; older ones keep theirs."""
    models = HostedModel.objects.filter(pk=version.hosted_model_id).exclude(default_version=version)
    if models.update(default_version=version):
        target = target_of(version.hosted_model)
        record("model.version.chosen", actor=actor, target=target, digest=version.digest)


@transaction.atomic
def set_enabled(*, actor: Actor | None, model: HostedModel, enabled: bool) -> bool:
    """Whether this changed anything."""
    if not HostedModel.objects.filter(pk=model.pk, is_enabled=not enabled).update(is_enabled=enabled):
        return False
    record("model.enabled" if enabled else "model.disabled", actor=actor, target=target_of(model))
    return True


@transaction.atomic
def set_words(*, actor: Actor | None, model: HostedModel, name: str, description: str) -> bool:
    """What people read of it; its id, which programs and links use, stays. False where this changed nothing."""
    before = HostedModel.objects.select_for_update().get(pk=model.pk)
    changed = [field for field, new in (("name", name), ("description", description)) if getattr(before, field) != new]
    if not changed:
        return False
    HostedModel.objects.filter(pk=model.pk).update(name=name, description=description)
    model.name, model.description = name, description
    record("model.renamed", actor=actor, target=target_of(model), changed=changed)
    return True


@transaction.atomic
def set_reasoning(*, actor: Actor | None, model: HostedModel, policy: ReasoningPolicy) -> bool:
    """Whether people may read its reasoning: at once for all that is stored, and for what is written from now on.
    False where this changed nothing."""
    models = HostedModel.objects.filter(pk=model.pk).exclude(reasoning=policy)
    if not models.update(reasoning=policy):
        return False
    model.reasoning = policy
    record("model.reasoning.changed", actor=actor, target=target_of(model), policy=str(policy))
    return True


@transaction.atomic
def set_longest_time(*, actor: Actor | None, model: HostedModel, seconds: int | None) -> bool:
    """That an answer or a picture may take, for those that a worker takes from now on; None: as long as it takes. False
    where this changed nothing."""
    before = HostedModel.objects.select_for_update().get(pk=model.pk).longest_seconds
    if before == seconds:
        return False
    HostedModel.objects.filter(pk=model.pk).update(longest_seconds=seconds)
    model.longest_seconds = seconds
    record("model.time.changed", actor=actor, target=target_of(model), before=before, after=seconds)
    return True


@transaction.atomic
def set_answer_format(*, actor: Actor | None, version: ModelVersion, answer_format: str) -> bool:
    """Correct what was detected, for answers that begin from now on. False where this changed nothing."""
    before = version.answer_format
    versions = ModelVersion.objects.filter(pk=version.pk, answer_format=before)
    if answer_format == before or not versions.update(answer_format=answer_format):
        return False
    version.answer_format = answer_format
    told = {"digest": version.digest, "before": before, "after": answer_format}
    record("model.format.changed", actor=actor, target=target_of(version.hosted_model), **told)
    return True


@transaction.atomic
def remove_model(*, actor: Actor | None, model: HostedModel) -> None:
    """Out of the catalogue and, once that is committed, off the disk.

    Raises CatalogError where generations used it, and where adapters stand on it.
    """
    digests = list(model.versions.values_list("digest", flat=True))
    stored = list(model.versions.filter(upstream=None).values_list("digest", flat=True))
    target = target_of(model)
    try:
        model.delete()
    except ProtectedError as error:
        adapters = {row.hosted_model_id for row in error.protected_objects if isinstance(row, ModelVersion)}
        if adapters:
            raise CatalogError(
                f"{target.id} is the base of these adapters: {', '.join(sorted(adapters))}. Remove them first."
            ) from error
        raise CatalogError(
            f"Generations were made with {target.id}, so its record must stay. "
            f"To keep people from using it: manage.py models disable {target.id}"
        ) from error
    record("model.removed", actor=actor, target=target, digests=digests)
    transaction.on_commit(lambda: _remove_files(stored))


def target_of(model: HostedModel) -> Target:
    return Target("model", model.pk, model.name)


def _remove_files(digests: list[str]) -> None:
    for digest in digests:
        model_store().remove(digest)


def _model_for(
    manifest: Manifest, wishes: Wishes, fields: Mapping[str, Any], known: ModelVersion | None
) -> HostedModel:
    """The model that a version with these fields belongs to, made where there is none. known: the version, where it is
    installed already."""
    told, base = manifest.metadata, fields.get("base")
    model_id = wishes.model_id or (known.hosted_model_id if known else str(told["slug"]))
    values = {"name": wishes.name or told["name"], "description": told.get("description", "")}
    if base is None:
        hidden = fields["answer_format"] in HIDDEN_AT_FIRST
        reasoning = ReasoningPolicy.HIDDEN if hidden else ReasoningPolicy.SHOWN
    else:
        reasoning = base.hosted_model.reasoning
    gated = needs_acceptance(fields["license_id"])
    values["modality"] = Modality.IMAGE if fields.get("image_facts") else Modality.TEXT
    started = {**values, "is_enabled": wishes.enabled, "is_gated": gated, "reasoning": reasoning}
    model, created = HostedModel.objects.get_or_create(pk=model_id, defaults=started)
    if model.versions.exclude(upstream=None).exists():
        raise CatalogError(f"{model_id} is a model that another server runs; choose another id with --id.")
    if model.versions.filter(base__isnull=base is not None).exists():
        kind = "a whole model" if base else "an adapter"
        raise CatalogError(f"{model_id} is {kind}, and this is none; choose another id with --id.")
    if model.modality != values["modality"]:
        kinds = {Modality.IMAGE: "draws pictures", Modality.TEXT: "writes"}
        raise CatalogError(
            f"{model_id} {kinds[Modality(model.modality)]}, and this {kinds[values['modality']]}; choose another id "
            "with --id."
        )
    foreign = not created and not wishes.model_id and not model.versions.filter(source=told["source"]).exists()
    if foreign and model.versions.exists():
        raise CatalogError(f"There is a model {model_id} from another source; choose another id with --id.")
    return model


def _fields(manifest: Manifest, wishes: Wishes) -> dict[str, Any]:
    told = manifest.metadata
    return {
        "source": told["source"],
        "revision": told["revision"],
        "files": [{"path": file.path, "sha256": file.sha256, "size": file.size} for file in manifest.files],
        "size_bytes": manifest.size,
        "license_id": wishes.license_id or told["license_id"],
        "license_link": wishes.license_link or ("" if wishes.license_id else told.get("license_link", "")),
        "model_card": told.get("model_card", ""),
    }


def _of_model(folder: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    facts = check_folder(folder)
    return {
        "image_facts": asdict(facts.image) if facts.image is not None else {},
        "architecture": facts.architecture,
        "context_length": facts.context_length,
        "dtype": facts.dtype,
        "chat_template": facts.chat_template,
        "answer_format": detect_format(facts.chat_template, facts.architecture),
        "takes_effort": takes_effort(facts.chat_template),
        "recommended": usable(told.get("recommended", {})) or recommended_sampling(folder),
    }
