"""Make an API token, revoke it."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.api.access import PREFIX
from apps.api.models import HINT_CHARS, MAX_NAME_CHARS, ApiToken
from apps.api.targets import token_target
from apps.audit.record import record
from apps.lib.ids import hash_token, new_token
from apps.moderation.notices import notify
from apps.projects.models import Project

MAX_LIVE = 20
REVOKED = "An administrator of this site revoked it. Programs that use it are refused; you can make a new one."


@transaction.atomic
def create_token(*, actor: User, project: Project, name: str, days: int | None) -> tuple[ApiToken, str]:
    """The token and what stands for it, which nobody can read again later. Without `days` it doesn't expire.

    The caller has checked that `actor` may generate in `project`. Raises NotAllowed where they have too many.
    """
    # Their row is locked, so that two forms sent at once can't both be the last that is allowed.
    User.objects.select_for_update().get(pk=actor.pk)
    if ApiToken.objects.live().filter(user=actor).count() >= MAX_LIVE:
        raise NotAllowed(f"You have {MAX_LIVE} API tokens, as many as one person may. Revoke one that you don't need.")
    raw = PREFIX + new_token()
    token = ApiToken.objects.create(
        user=actor,
        project=project,
        name=name[:MAX_NAME_CHARS],
        # A slow hash makes guessing dear where people choose what is hashed. 256 random bits can't be guessed at all,
        # and every request has to be fast.
        token_hash=hash_token(raw),
        hint=raw[-HINT_CHARS:],
        expires_at=timezone.now() + timedelta(days=days) if days else None,
    )
    record("api.token.created", actor=actor, target=token_target(token), project_id=project.pk, days=days)
    return token, raw


@transaction.atomic
def revoke_token(*, actor: User, token: ApiToken) -> bool:
    """It opens nothing from now on. False where it was revoked before."""
    if not ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=Now()):
        return False
    token.refresh_from_db(fields=["revoked_at"])
    record("api.token.revoked", actor=actor, target=token_target(token), project_id=token.project_id)
    if actor != token.user:
        notify(token.user, f"Your API token “{token}” was revoked", REVOKED, url=reverse("api_tokens"))
    return True
