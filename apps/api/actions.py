"""Make an API token, revoke it."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.api.access import PREFIX
from apps.api.models import HINT_CHARS, MAX_NAME_CHARS, ApiCall, ApiToken
from apps.api.targets import token_target
from apps.audit.record import record
from apps.generations.actions import wipe_content
from apps.generations.erasing import erase_pictures
from apps.generations.models import Artifact, Kind, Origin
from apps.lib.ids import hash_token, new_token
from apps.moderation.notices import notify
from apps.projects.models import Project

MAX_LIVE = 20
ERASED_AT_ONCE = 200
A_MOMENT, A_DAY = timedelta(minutes=1), timedelta(days=1)
REVOKED = "{} revoked it. Programs that use it are refused; you can make a new one."


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
def revoke_token(*, actor: User, token: ApiToken, by: str = "An administrator of this site") -> bool:
    """It opens nothing from now on. False where it was revoked before. `by`: as what `actor` does it, for its person.

    The caller has checked that they may.
    """
    if not ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=Now()):
        return False
    token.refresh_from_db(fields=["revoked_at"])
    record("api.token.revoked", actor=actor, target=token_target(token), project_id=token.project_id)
    if actor != token.user:
        notify(token.user, f"Your API token “{token}” was revoked", REVOKED.format(by), url=reverse("api_tokens"))
    return True


@transaction.atomic
def forget_calls() -> int:
    """Erase what programs asked longer than API_KEEP_DAYS ago, with the pictures that they showed and the answers; how
    many. Nobody has a page on which they could. Pictures that were drawn hang in a gallery, and stay there."""
    since = Now() - timedelta(days=settings.API_KEEP_DAYS)
    # Where nothing is kept, a program still gets its answer.
    is_told = Q(job__finished_at__lt=Now() - A_MOMENT) | Q(created_at__lt=Now() - A_DAY)
    overdue = ApiCall.objects.filter(is_told, erased_at=None, created_at__lt=since, job__kind=Kind.TEXT)
    calls = list(overdue.order_by("created_at").select_for_update(skip_locked=True, of=("self",))[:ERASED_AT_ONCE])
    wipe_content([call.pk for call in calls])
    shown = [picture for call in calls for picture in call.pictures]
    erase_pictures(Artifact.objects.filter(pk__in=shown, origin=Origin.ATTACHED))
    ApiCall.objects.filter(pk__in=[call.pk for call in calls]).update(erased_at=Now(), pictures=[])
    return len(calls)
