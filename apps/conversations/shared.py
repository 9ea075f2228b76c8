"""The only way to a shared conversation: by its link, as its author, or as a moderator of a reported one."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import Http404

from apps.accounts.models import User
from apps.accounts.powers import Power, powers_of
from apps.catalog.models import HostedModel, ReasoningPolicy
from apps.conversations.models import SharedConversation
from apps.conversations.models.snapshot import SHARED
from apps.generations.formats import FORMATS
from apps.generations.models import Artifact
from apps.lib.ids import is_id
from apps.moderation.models import Case
from apps.sharing.access import open_link


def open_shared(token: str, *, count: bool = False) -> SharedConversation:
    """What the link with this token shows; `count` where its page is read. Raises Http404."""
    link = open_link(token, SHARED, count=count)
    rows = SharedConversation.objects.readable().select_related("created_by", "hosted_model")
    found = rows.filter(pk=link.target_id).first()
    if found is None:
        raise Http404("What this link showed is not there any more.")
    return found


def shown_messages(shared: SharedConversation) -> list[dict[str, Any]]:
    """Its messages without the reasoning of models whose policy hides it by now."""
    models = {message["model_id"] for message in shared.messages if "model_id" in message}
    shows = HostedModel.objects.filter(reasoning=ReasoningPolicy.SHOWN, pk__in=models) if models else ()
    readable = {model.pk for model in shows}
    return [_shown(message, with_reasoning=message.get("model_id") in readable) for message in shared.messages]


def _shown(message: dict[str, Any], *, with_reasoning: bool) -> dict[str, Any]:
    """With the name of its format."""
    hidden = {} if with_reasoning else {"reasoning": ""}
    return {**message, **hidden, "format_name": FORMATS.get(message.get("format", ""), "")}


def get_shared_picture(shared: SharedConversation, picture_id: str) -> Artifact:
    """A picture of these messages; Http404 for any other, also of the same conversation."""
    shown = {picture["id"] for message in shared.messages for picture in message.get("pictures", ())}
    found = Artifact.objects.filter(pk=picture_id).first() if picture_id in shown else None
    if found is None:
        raise Http404("There is no such picture in this conversation.")
    return found


def get_shared_for(user: User | AnonymousUser, shared_id: str) -> SharedConversation:
    """For its author, hidden or not; for moderators once it was reported. Http404 for everybody else."""
    rows = SharedConversation.objects.select_related("created_by", "hosted_model", "conversation").filter(pk=shared_id)
    found = rows.first() if is_id(shared_id) and isinstance(user, User) else None
    if found is None or not (found.created_by_id == user.pk or _moderates(user, shared_id)):
        raise Http404("There is no such shared conversation.")
    return found


def _moderates(user: User | AnonymousUser, shared_id: str) -> bool:
    if Power.SEE_REPORTS not in powers_of(user):
        return False
    return Case.objects.filter(kind=SHARED, thing_id=shared_id).exists()
