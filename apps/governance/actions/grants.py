"""Give and take the use of models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import record
from apps.catalog.actions import target_of
from apps.catalog.models import HostedModel, ModelVersion
from apps.governance.actions.lockout import not_locking_everybody_out
from apps.governance.errors import GovernanceRefused
from apps.governance.limits import clean_limits
from apps.governance.models import Grant, Subject
from apps.governance.notices import permissions_changed
from apps.projects.models import Project

Whom: TypeAlias = Group | Project | User | Literal[Subject.EVERYONE]
NOUNS = {Subject.GROUP: "group", Subject.PROJECT: "project", Subject.USER: "person"}


@transaction.atomic
def create_grant(
    *,
    actor: User | None,
    model: HostedModel,
    whom: Whom,
    version: ModelVersion | None = None,
    expires_at: datetime | None = None,
    max_params: Mapping[str, Any] | None = None,
    note: str = "",
) -> Grant:
    """Let `whom` use `model`, or only `version` of it; `actor` is None on the command line.

    Raises GovernanceRefused: the subject is gone, the time is past, a limit permits nothing, or there is this grant.
    """
    limits = clean_limits(max_params or {})
    if expires_at is not None and expires_at <= timezone.now():
        raise GovernanceRefused("The time at which this access ends is past. Choose a later one, or none.")
    if version is not None and version.hosted_model_id != model.pk:
        raise GovernanceRefused(f"This version is of another model than {model}.")
    about = {**_subject(whom), "hosted_model": model, "model_version": version}
    same = Grant.objects.live().filter(**about, expires_at=expires_at)
    if any(grant.max_params == limits for grant in same):
        raise GovernanceRefused(f"There is this very grant of {model} already.")
    grant = Grant.objects.create(
        **about, expires_at=expires_at, max_params=limits, note=note.strip()[:280], created_by=actor
    )
    record("model.grant.created", actor=actor, target=target_of(model), **grant_facts(grant))
    permissions_changed()
    return grant


@transaction.atomic
def revoke_grant(*, actor: User, grant: Grant) -> bool:
    """What runs by this grant alone stops within a second or two. False where it was revoked before.

    Raises GovernanceRefused where it is the last one by which anybody may use any model.
    """
    rows = Grant.objects.filter(pk=grant.pk, revoked_at=None)
    with not_locking_everybody_out():
        if not rows.update(revoked_at=Now(), revoked_by=actor):
            return False
    record("model.grant.revoked", actor=actor, target=target_of(grant.hosted_model), **grant_facts(grant))
    permissions_changed()
    return True


def grant_facts(grant: Grant) -> dict[str, Any]:
    """What the audit log keeps of a grant."""
    return {
        "grant": grant.pk,
        "subject_type": str(grant.subject_type),
        "subject_id": grant.subject_id,
        "version": grant.model_version_id,
        "expires_at": grant.expires_at.isoformat() if grant.expires_at else None,
        "max_params": grant.max_params,
    }


def _subject(whom: Whom) -> dict[str, Any]:
    """The columns for `whom`, whose row is locked: it can't be deleted before the grant is there, and go with it."""
    if isinstance(whom, Subject):
        return {"subject_type": Subject.EVERYONE}
    kind = {Group: Subject.GROUP, Project: Subject.PROJECT, User: Subject.USER}[type(whom)]
    rows: Any = type(whom)
    if not rows.objects.select_for_update(no_key=True).filter(pk=whom.pk).exists():
        raise GovernanceRefused(f"This {NOUNS[kind]} was deleted meanwhile; nobody was given access.")
    return {"subject_type": kind, str(kind): whom}
