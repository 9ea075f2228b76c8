"""A person accepts the licence of a gated model."""

from __future__ import annotations

from django.db import transaction

from apps.accounts.models import User
from apps.audit.record import record
from apps.catalog.actions import target_of
from apps.catalog.models import ModelVersion
from apps.governance.models import LicenceAcceptance


@transaction.atomic
def accept_licence(*, actor: User, version: ModelVersion) -> bool:
    """For all versions of this model under the same licence. False where it was accepted before."""
    model, licence = version.hosted_model, version.license_id
    _, created = LicenceAcceptance.objects.get_or_create(user=actor, hosted_model=model, license_id=licence)
    if created:
        record("model.licence.accepted", actor=actor, target=target_of(model), license=licence, version=version.pk)
    return created
