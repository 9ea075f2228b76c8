"""Create, pin, archive, put into the bin, restore, erase."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import Target, record
from apps.catalog.models import HostedModel
from apps.conversations.broadcast import changes_to_all, recheck_all
from apps.conversations.inputs import refused
from apps.conversations.models import Conversation
from apps.generations.actions import request_cancel, wipe_content
from apps.generations.erasing import erase_pictures
from apps.generations.models import TERMINAL, Artifact, GenerationJob
from apps.governance.access import usable_models
from apps.projects.models import Project

PURGED_AT_ONCE = 20
BLIND = "No model that you may use in this project sees pictures. Ask for access to one that does."


@transaction.atomic
def create_conversation(*, actor: User, project: Project, sees: bool = False) -> Conversation:
    """An empty conversation with the model that this person used last here, else the first that they may use; where
    they may use none with the first of the catalogue, so that they read why and can ask for it.

    With `sees` only models that see pictures count. Raises Refused where they may use none of these."""
    return _create(actor, project, first_model(actor, project, sees=sees))


@transaction.atomic
def start_conversation(*, actor: User, project: Project, model_id: str = "") -> Conversation:
    """With the model of this id where they may use it, else as `create_conversation`. Where this person has such a
    one that nobody has used yet, it is that: it comes first in the list again, and they leave no row of empty ones for
    everybody in the project."""
    wished = (
        next((model for model in usable_models(actor, project) if model_id == model.pk), None) if model_id else None
    )
    model = wished or first_model(actor, project)
    unused = Conversation.objects.as_new().filter(project=project, created_by=actor, hosted_model=model).first()
    if unused is None:
        return _create(actor, project, model)
    Conversation.objects.filter(pk=unused.pk).update(updated_at=timezone.now())
    return unused


def first_model(actor: User, project: Project, *, sees: bool = False) -> HostedModel | None:
    """Of a new conversation: see `create_conversation`."""
    mine = Conversation.objects.filter(project=project, created_by=actor)
    usable = [model for model in usable_models(actor, project) if not sees or model.sees]
    if sees and not usable:
        raise refused("blind", BLIND)
    last = mine.filter(hosted_model__in=usable).order_by("-updated_at").first()
    return last.hosted_model if last else next(iter(usable), HostedModel.objects.that_write().first())


def _create(actor: User, project: Project, model: HostedModel | None) -> Conversation:
    conversation = Conversation.objects.create(project=project, created_by=actor, hosted_model=model)
    _record("conversation.created", actor, conversation)
    return conversation


@transaction.atomic
def set_pinned(*, actor: User, conversation: Conversation, pinned: bool) -> None:
    if Conversation.objects.filter(pk=conversation.pk).exclude(is_pinned=pinned).update(is_pinned=pinned):
        conversation.is_pinned = pinned
        changes_to_all(conversation.pk, is_pinned=pinned)


@transaction.atomic
def set_archived(*, actor: User, conversation: Conversation, archived: bool) -> None:
    rows = Conversation.objects.filter(pk=conversation.pk, archived_at__isnull=archived)
    at = timezone.now() if archived else None
    if rows.update(archived_at=at):
        conversation.archived_at = at
        _record("conversation.archived" if archived else "conversation.unarchived", actor, conversation)
        changes_to_all(conversation.pk, archived=archived)


@transaction.atomic
def delete_conversation(*, actor: User, conversation: Conversation) -> None:
    """Put it into the bin, where it stays restorable for CONVERSATION_BIN_DAYS, and stop what it still generates."""
    if not Conversation.objects.visible().filter(pk=conversation.pk).update(deleted_at=timezone.now()):
        return
    for job in _jobs(conversation).exclude(state__in=TERMINAL):
        request_cancel(actor=actor, job=job)
    _record("conversation.deleted", actor, conversation)
    changes_to_all(conversation.pk, deleted=True)
    recheck_all(conversation.pk)
    # The bin empties itself as it is used; `manage.py purge_conversations` does it where nobody deletes.
    transaction.on_commit(purge_overdue, robust=True)


@transaction.atomic
def restore_conversation(*, actor: User, conversation: Conversation) -> None:
    if Conversation.objects.in_bin().filter(pk=conversation.pk).update(deleted_at=None):
        conversation.deleted_at = None
        _record("conversation.restored", actor, conversation)


def purge_overdue() -> int:
    """Erase what was in the bin for longer than CONVERSATION_BIN_DAYS, a few at once; how many that were."""
    erased = 0
    overdue = Conversation.objects.overdue(settings.CONVERSATION_BIN_DAYS).order_by("deleted_at")
    for conversation in overdue[:PURGED_AT_ONCE]:
        erased += _purge(conversation)
    return erased


@transaction.atomic
def _purge(conversation: Conversation) -> bool:
    """Texts and pictures go, prompts and completions both; the jobs' counts stay for accounting."""
    locked = Conversation.objects.in_bin().select_for_update(skip_locked=True).filter(pk=conversation.pk).first()
    if locked is None:
        return False
    wipe_content(_jobs(locked))
    erase_pictures(Artifact.objects.filter(attachment__conversation=locked))
    _record("conversation.purged", None, locked)
    locked.delete()
    return True


def _jobs(conversation: Conversation) -> QuerySet[GenerationJob]:
    return GenerationJob.objects.filter(message__conversation=conversation)


def _record(action: str, actor: User | None, conversation: Conversation) -> None:
    record(
        action,
        actor=actor,
        target=Target("conversation", conversation.pk, "conversation"),
        project_id=conversation.project_id,
    )
