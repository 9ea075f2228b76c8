"""Stop one model or the whole site at once, with a word to everybody, and let it go on."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from apps.accounts.models import User
from apps.audit.record import Target, record
from apps.catalog.actions import target_of
from apps.catalog.models import HostedModel
from apps.governance.errors import GovernanceRefused
from apps.governance.models import KillSwitch
from apps.governance.notices import permissions_changed


@transaction.atomic
def throw_switch(*, actor: User | None, model: HostedModel | None, message: str) -> KillSwitch:
    """Without `model` for the whole site. What runs stops within a second or two; people read `message`.

    Raises GovernanceRefused: without a message, or where it is thrown already.
    """
    message = " ".join(message.split())[:280]
    if not message:
        raise GovernanceRefused("Say why, in a sentence: people read it where they would have had an answer.")
    try:
        with transaction.atomic():
            switch = KillSwitch.objects.create(hosted_model=model, message=message, thrown_by=actor)
    except IntegrityError as error:
        raise GovernanceRefused(f"{model or 'This site'} is stopped already.") from error
    record("model.stopped" if model else "site.stopped", actor=actor, target=_target(model), switch=switch.pk)
    permissions_changed()
    return switch


@transaction.atomic
def release_switch(*, actor: User | None, switch: KillSwitch) -> bool:
    """False where it was released before. What was stopped isn't started again; it can be asked for again."""
    rows = KillSwitch.objects.filter(pk=switch.pk, released_at=None)
    if not rows.update(released_at=Now(), released_by=actor):
        return False
    model = switch.hosted_model
    record("model.resumed" if model else "site.resumed", actor=actor, target=_target(model), switch=switch.pk)
    permissions_changed()
    return True


def _target(model: HostedModel | None) -> Target:
    return target_of(model) if model else Target("site", "", "this site")
