"""Make a link, revoke it. Who may share a thing is for its room to check, as are the limits for new accounts."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now

from apps.accounts.models import User
from apps.audit.record import Target, record
from apps.lib.ids import hash_token, new_token
from apps.projects.models import Project
from apps.sharing.models import MAX_LABEL_CHARS, ShareLink


@transaction.atomic
def create_link(
    *,
    actor: User,
    kind: str,
    target_id: str,
    label: str = "",
    project: Project | None = None,
    expires_at: datetime | None = None,
) -> tuple[ShareLink, str]:
    """The link and its token, which nobody can read again later."""
    token = new_token()
    link = ShareLink.objects.create(
        token_hash=hash_token(token),
        kind=kind,
        target_id=target_id,
        label=label[:MAX_LABEL_CHARS],
        created_by=actor,
        project=project,
        expires_at=expires_at,
    )
    _record("share.created", actor, link, expires=expires_at.isoformat() if expires_at else "")
    return link, token


@transaction.atomic
def revoke_link(*, actor: User, link: ShareLink) -> bool:
    """The link opens nothing from now on. False where it was revoked before."""
    if not ShareLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=Now()):
        return False
    link.refresh_from_db(fields=["revoked_at"])
    _record("share.revoked", actor, link)
    return True


def _record(action: str, actor: User, link: ShareLink, **details: str) -> None:
    target = Target(link.kind, link.target_id, link.kind)
    record(action, actor=actor, target=target, project_id=link.project_id or "", link=link.pk, **details)
