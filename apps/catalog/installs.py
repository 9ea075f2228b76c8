"""Installs that people ask for in the console: asked, cancelled, tried again, done. `install_claims` says who works."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from apps.accounts.models import User
from apps.accounts.powers import Power, powers_of
from apps.audit.record import record
from apps.catalog.actions import Wishes, add_version
from apps.catalog.errors import CatalogError
from apps.catalog.fetching import downloads_of
from apps.catalog.install_claims import Claim, held, install_target, let_go, tell_all
from apps.catalog.models import AT_WORK, InstallState, ModelInstall, ModelVersion, WeightsKind
from apps.catalog.sources.hub import HubSource
from apps.catalog.store import model_store
from apps.catalog.weights import set_weights
from engine.store import Manifest

ENDED = (InstallState.FAILED, InstallState.CANCELLED)
TWICE = "This model is being installed already, in this very revision."


def ask_install(*, actor: User, source: HubSource, wishes: Wishes, weights: WeightsKind) -> ModelInstall:
    """Put it into the queue. Raises CatalogError where the same is there already."""
    try:
        with transaction.atomic():
            install = ModelInstall.objects.create(
                asked_by=actor, source=source.address, revision=source.revision, model_id=wishes.model_id,
                name=wishes.name, license_id=wishes.license_id, base=wishes.base, weights=weights,
                total_bytes=sum(source.files.values()),
            )  # fmt: skip
            record("model.install.asked", actor=actor, target=install_target(install), revision=install.revision)
    except IntegrityError as error:
        raise CatalogError(TWICE) from error
    return install


@transaction.atomic
def cancel_install(*, actor: User, install: ModelInstall) -> bool:
    """What was fetched is deleted: at once where nobody works at it, else within a second or two. False where it has
    ended otherwise."""
    row = ModelInstall.objects.select_for_update(of=("self",)).get(pk=install.pk)
    if row.state in AT_WORK and row.cancel_requested_at is None:
        row.cancel_requested_at = Now()
    elif row.state in (InstallState.QUEUED, InstallState.FAILED):
        row.state, row.ended_at = InstallState.CANCELLED, Now()
        transaction.on_commit(lambda: discard(install))
    else:
        return False
    row.save(update_fields=["state", "ended_at", "cancel_requested_at"])
    record("model.install.cancelled", actor=actor, target=install_target(row))
    return True


def retry_install(*, actor: User, install: ModelInstall) -> bool:
    """Into the queue again, now in this person's name; it goes on with what was fetched. False where it hasn't ended
    without success. Raises CatalogError."""
    try:
        with transaction.atomic():
            rows = ModelInstall.objects.filter(pk=install.pk, state__in=ENDED)
            again = rows.update(
                state=InstallState.QUEUED, asked_by=actor, problem="", lost=0, cancel_requested_at=None, ended_at=None
            )
            if again:
                target = install_target(install)
                record("model.install.asked", actor=actor, target=target, revision=install.revision, again=True)
    except IntegrityError as error:
        raise CatalogError(TWICE) from error
    return bool(again)


@transaction.atomic
def finish_install(claim: Claim, manifest: Manifest, wishes: Wishes) -> bool:
    """Into the catalogue, proposed, as the command does it. False where it was cancelled or is another's by now.

    Raises CatalogError, and StoreError; then nothing has changed.
    """
    rows = held(claim).select_related("asked_by").select_for_update(of=("self",))
    install = rows.first()
    if install is None or install.cancel_requested_at is not None:
        let_go(claim)
        return False
    actor = install.asked_by
    if actor is None or Power.GOVERN not in powers_of(actor):
        raise CatalogError("Whoever asked for it may no longer govern models. Somebody who may can try it again.")
    version, is_new = add_version(actor=actor, manifest=manifest, wishes=wishes)
    if install.weights != WeightsKind.FULL:
        set_weights(actor=actor, version=version, weights=WeightsKind(install.weights))
    install.state, install.version, install.ended_at, install.lease_until = InstallState.DONE, version, Now(), None
    install.save(update_fields=["state", "version", "ended_at", "lease_until"])
    record(
        "model.install.done", actor=actor, target=install_target(install), model=version.hosted_model_id,
        digest=version.digest, is_new=is_new,
    )  # fmt: skip
    tell_all(install)
    return True


def wishes_of(install: ModelInstall) -> Wishes:
    return Wishes(model_id=install.model_id, name=install.name, license_id=install.license_id, base=install.base)


def source_of(install: ModelInstall) -> HubSource:
    return HubSource.parse(f"{install.source.removeprefix('hf:')}@{install.revision}")


def discard(install: ModelInstall) -> None:
    """Delete what was fetched, and what is in the store though nothing in the catalogue needs it."""
    store = model_store()
    source_of(install).done(downloads_of(store))
    store.clear_abandoned()
    for manifest in store.manifests():
        told = manifest.metadata
        ours = (told.get("source"), told.get("revision")) == (install.source, install.revision)
        if ours and not ModelVersion.objects.filter(digest=manifest.digest).exists():
            store.remove(manifest.digest)
