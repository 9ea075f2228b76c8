"""Move a model through its life, switch it on and off, and put its licence before its use."""

from __future__ import annotations

from django.db import transaction

from apps.accounts.models import User
from apps.audit.record import record
from apps.catalog.actions import choose_version, set_enabled, target_of
from apps.catalog.models import HostedModel, ModelState, ModelVersion
from apps.governance.actions.lockout import not_locking_everybody_out
from apps.governance.notices import permissions_changed


@transaction.atomic
def set_model_state(*, actor: User | None, model: HostedModel, state: ModelState) -> bool:
    """False where it was in this state before. What runs on a model that is no longer usable stops within a second
    or two. Raises GovernanceRefused where after this nobody could use any model."""
    with not_locking_everybody_out():
        before = HostedModel.objects.select_for_update().get(pk=model.pk).state
        if before == state:
            return False
        HostedModel.objects.filter(pk=model.pk).update(state=state)
    model.state = state
    record("model.state.changed", actor=actor, target=target_of(model), before=before, after=str(state))
    permissions_changed()
    return True


@transaction.atomic
def switch_model(*, actor: User, model: HostedModel, on: bool) -> bool:
    """As `set_enabled`, for those who govern: raises GovernanceRefused where after this nobody could use any model."""
    with not_locking_everybody_out():
        changed = set_enabled(actor=actor, model=model, enabled=on)
    permissions_changed()
    return changed


@transaction.atomic
def use_version(*, actor: User, version: ModelVersion) -> None:
    """As `choose_version`; a grant of another version no longer permits anything. Raises GovernanceRefused where
    after this nobody could use any model."""
    with not_locking_everybody_out():
        choose_version(actor=actor, version=version)
    permissions_changed()


@transaction.atomic
def set_licence_gate(*, actor: User | None, model: HostedModel, gated: bool) -> bool:
    """Whether people accept the licence before they first use the model. False where this changed nothing."""
    if not HostedModel.objects.filter(pk=model.pk, is_gated=not gated).update(is_gated=gated):
        return False
    model.is_gated = gated
    record("model.licence.gated" if gated else "model.licence.ungated", actor=actor, target=target_of(model))
    permissions_changed()
    return True
