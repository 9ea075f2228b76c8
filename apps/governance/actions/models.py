"""Move a model through its life, and put its licence before its use."""

from __future__ import annotations

from django.db import transaction

from apps.accounts.models import User
from apps.audit.record import record
from apps.catalog.actions import target_of
from apps.catalog.models import HostedModel, ModelState
from apps.governance.actions.lockout import one_at_a_time, refuse_to_deny_everyone, somebody_may_generate
from apps.governance.notices import permissions_changed


@transaction.atomic
def set_model_state(*, actor: User | None, model: HostedModel, state: ModelState) -> bool:
    """False where it was in this state before. What runs on a model that is no longer usable stops within a second
    or two. Raises GovernanceRefused where after this nobody could use any model."""
    one_at_a_time()
    before = HostedModel.objects.select_for_update().get(pk=model.pk).state
    if before == state:
        return False
    somebody_might = somebody_may_generate()
    HostedModel.objects.filter(pk=model.pk).update(state=state)
    if somebody_might:
        refuse_to_deny_everyone()
    model.state = state
    record("model.state.changed", actor=actor, target=target_of(model), before=before, after=str(state))
    permissions_changed()
    return True


@transaction.atomic
def set_licence_gate(*, actor: User | None, model: HostedModel, gated: bool) -> bool:
    """Whether people accept the licence before they first use the model. False where this changed nothing."""
    if not HostedModel.objects.filter(pk=model.pk, is_gated=not gated).update(is_gated=gated):
        return False
    model.is_gated = gated
    record("model.licence.gated" if gated else "model.licence.ungated", actor=actor, target=target_of(model))
    permissions_changed()
    return True
