"""Ask for access to a model; approve that with an end, or decline it with a word."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from apps.accounts.models import User
from apps.accounts.notices import access_changed
from apps.audit.record import record
from apps.catalog.actions import target_of
from apps.catalog.models import HostedModel
from apps.governance.actions.grants import create_grant
from apps.governance.errors import GovernanceRefused
from apps.governance.models import AccessRequest, Grant, RequestState
from apps.governance.request_notices import tell_approvers, tell_asker
from apps.projects.models import Project

MAX_REASON_CHARS = 500


@transaction.atomic
def request_access(
    *, actor: User, model: HostedModel, reason: str = "", project: Project | None = None
) -> AccessRequest:
    """`project` is the one in which they were refused. Approvers are told after the commit.

    Raises GovernanceRefused where they have asked already, or wrote too much.
    """
    reason = reason.strip()
    if len(reason) > MAX_REASON_CHARS:
        raise GovernanceRefused(f"At most {MAX_REASON_CHARS} characters, please: you wrote {len(reason):,}.")
    try:
        with transaction.atomic():
            asked = AccessRequest.objects.create(user=actor, hosted_model=model, project=project, reason=reason)
    except IntegrityError as error:
        raise GovernanceRefused(f"You have asked for {model} already; it waits for an answer.") from error
    record(
        "model.access.requested",
        actor=actor,
        target=target_of(model),
        project_id=project.pk if project else "",
        request=asked.pk,
        characters=len(reason),
    )
    tell_approvers(asked)
    return asked


@transaction.atomic
def approve_request(
    *,
    actor: User,
    request: AccessRequest,
    expires_at: datetime | None = None,
    max_params: Mapping[str, Any] | None = None,
    for_project: bool = False,
    answer: str = "",
) -> Grant:
    """Grant the model to the person, or with `for_project` to the project in which they asked.

    Raises GovernanceRefused; where somebody has decided before, it says what.
    """
    asked = _open(request)
    if for_project and asked.project is None:
        raise GovernanceRefused("This was not asked in a project, or that is gone. Approve it for the person.")
    grant = create_grant(
        actor=actor,
        model=asked.hosted_model,
        whom=asked.project if for_project and asked.project else asked.user,
        expires_at=expires_at,
        max_params=max_params,
        note="Asked for",
    )
    _decide(asked, actor, RequestState.APPROVED, answer, grant)
    return grant


@transaction.atomic
def decline_request(*, actor: User, request: AccessRequest, answer: str) -> AccessRequest:
    """Raises GovernanceRefused: without a word to the person, or where somebody has decided before."""
    if not answer.strip():
        raise GovernanceRefused("Say why, in a sentence: the person reads it.")
    asked = _open(request)
    _decide(asked, actor, RequestState.DECLINED, answer, None)
    return asked


@transaction.atomic
def withdraw_request(*, actor: User, request: AccessRequest) -> bool:
    """By the person who asked. False where it was decided before."""
    rows = AccessRequest.objects.filter(pk=request.pk, user=actor, state=RequestState.OPEN)
    if not rows.update(state=RequestState.WITHDRAWN, decided_at=Now(), decided_by=actor):
        return False
    record("model.access.withdrawn", actor=actor, target=target_of(request.hosted_model), request=request.pk)
    return True


def _open(request: AccessRequest) -> AccessRequest:
    """Locked until the transaction ends, so that the second of two approvers reads what the first has done."""
    rows = AccessRequest.objects.select_for_update(of=("self",), no_key=True)
    found = rows.select_related("user", "hosted_model", "project", "decided_by").filter(pk=request.pk).first()
    if found is None:
        raise GovernanceRefused("This request is gone: the person, or the model, was deleted.")
    if not found.is_open:
        who = str(found.decided_by or "somebody") if found.decided_by_id != found.user_id else "the person who asked"
        raise GovernanceRefused(f"{found.get_state_display()} already by {who}. Nothing was changed.")
    return found


def _close(asked: AccessRequest, **decision: Any) -> None:
    if not AccessRequest.objects.filter(pk=asked.pk, state=RequestState.OPEN).update(**decision):
        raise GovernanceRefused("This was decided meanwhile. Nothing was changed.")


def _decide(asked: AccessRequest, actor: User, state: RequestState, answer: str, grant: Grant | None) -> None:
    asked.state, asked.answer, asked.decided_by, asked.grant = state, answer.strip()[:MAX_REASON_CHARS], actor, grant
    _close(asked, state=state, answer=asked.answer, decided_by=actor, grant=grant, decided_at=Now())
    record(
        f"model.access.{state}",
        actor=actor,
        target=target_of(asked.hosted_model),
        request=asked.pk,
        person=asked.user_id,
        grant=grant.pk if grant else None,
        expires_at=grant.expires_at.isoformat() if grant and grant.expires_at else None,
    )
    access_changed(asked.user)
    tell_asker(asked)
