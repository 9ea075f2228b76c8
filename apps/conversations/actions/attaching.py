"""Attach a picture to the message that somebody is writing, take it back, send it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import Target, record
from apps.conversations.inputs import refused
from apps.conversations.models import Attachment, Conversation, PictureFacts
from apps.conversations.models.attachment import MAX_NAME_CHARS
from apps.generations.artifact_actions import FULL, upload_artifact
from apps.generations.erasing import erase_pictures
from apps.generations.kept_pictures import copied
from apps.generations.models import Artifact, Origin

MAX_UNSENT = 20
"""Of one person in one conversation."""
UNSENT_DAYS = 1
REMOVED_AT_ONCE = 50
GONE = "One of the pictures is not there any more. Attach it once more."
NOT_THERE = "This picture is not there any more. Choose another one."
ERASED = "A picture of this conversation is not there any more, so it can't be continued."
UNPRINTED = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")


def attach_picture(
    *, actor: User, conversation: Conversation, data: bytes, name: str = "", declared: str = ""
) -> Attachment:
    """Only its pixels are kept, as of any upload. Raises Refused, and then nothing is kept."""
    _refuse_hoard(actor, conversation)
    project, origin = conversation.project, Origin.ATTACHED
    with transaction.atomic():
        artifact = upload_artifact(actor=actor, project=project, data=data, name=name, declared=declared, origin=origin)
        return Attachment.objects.create(artifact=artifact, conversation=conversation, name=_name(name))


@transaction.atomic
def attach_copy(*, actor: User, conversation: Conversation, artifact: Artifact, words: str) -> Attachment:
    """A picture of the same project, as it is now: what happens to that one later changes no conversation. The caller
    has checked that `actor` may see it; `words` stand for it. Raises Refused."""
    _refuse_hoard(actor, conversation)
    copy = _copy(actor, conversation, artifact, _shown(words), gone=NOT_THERE)
    record(
        "conversation.picture_attached",
        actor=actor,
        target=Target("conversation", conversation.pk, "conversation"),
        project_id=conversation.project_id,
        picture=copy.pk,
        copied_from=artifact.pk,
    )
    return copy


def attached(actor: User, conversation: Conversation, picture_ids: Sequence[str]) -> list[PictureFacts]:
    """For a message with these pictures, in the transaction of the caller; from now on they stay. Raises Refused."""
    if not picture_ids:
        return []
    known = conversation.attachments.shown_to(actor).select_related("artifact")
    rows = known.select_for_update(of=("self",)).in_bulk(picture_ids)
    if len(rows) < len(picture_ids):
        raise refused("picture_gone", GONE, status=409)
    conversation.attachments.filter(pk__in=rows, sent_at=None).update(sent_at=Now())
    return [rows[picture].facts for picture in picture_ids]


def copied_pictures(
    actor: User, conversation: Conversation, pictures: Sequence[PictureFacts]
) -> dict[str, PictureFacts]:
    """Pictures of another conversation as `conversation`'s own, by the ids that they have there; in the transaction of
    the caller. Raises Refused."""
    by_id = {picture["id"]: picture for picture in pictures}
    found = Artifact.objects.in_bulk(by_id)
    if len(found) < len(by_id):
        raise refused("picture_gone", ERASED, status=409)
    now = timezone.now()
    return {
        key: _copy(actor, conversation, found[key], picture["name"], gone=ERASED, sent_at=now).facts
        for key, picture in by_id.items()
    }


@transaction.atomic
def remove_unsent(*, actor: User | None, attachment_id: str) -> bool:
    """Erase a picture that goes with no message; False where it was sent, or is gone. Locked, so that a send at the
    same moment has it or finds that it is gone."""
    rows = Attachment.objects.select_for_update(of=("self",)).select_related("conversation")
    attachment = rows.filter(pk=attachment_id, sent_at=None).first()
    if attachment is None:
        return False
    conversation = attachment.conversation
    record(
        "conversation.picture_removed",
        actor=actor,
        target=Target("conversation", conversation.pk, "conversation"),
        project_id=conversation.project_id,
        picture=attachment_id,
    )
    erase_pictures(Artifact.objects.filter(pk=attachment_id))
    return True


def forget_unsent() -> int:
    """Erase what waited to be sent for longer than UNSENT_DAYS; how many."""
    overdue = Attachment.objects.filter(sent_at=None, artifact__created_at__lt=Now() - timedelta(days=UNSENT_DAYS))
    found = list(overdue.values_list("pk", flat=True)[:REMOVED_AT_ONCE])
    return sum(remove_unsent(actor=None, attachment_id=attachment_id) for attachment_id in found)


def erase_unsent_of(person: User) -> None:
    """With their account, in its transaction: nobody else ever saw these."""
    erase_pictures(Artifact.objects.filter(attachment__in=Attachment.objects.unsent_of(person)))


def _refuse_hoard(actor: User, conversation: Conversation) -> None:
    unsent = conversation.attachments.unsent_of(actor).count()
    if unsent >= MAX_UNSENT:
        raise refused("too_many_pictures", f"{unsent} pictures wait here to be sent. Send some, or remove them first.")


def _copy(
    actor: User,
    conversation: Conversation,
    artifact: Artifact,
    name: str,
    *,
    gone: str,
    sent_at: datetime | None = None,
) -> Attachment:
    try:
        kept = copied(artifact)
    except FileNotFoundError as error:
        raise refused("picture_gone", gone, status=409) from error
    except OSError as error:
        raise refused("storage", FULL.format(error=error.strerror), status=507) from error
    row = kept.row(project_id=conversation.project_id, user_id=actor.pk, job_id=None, origin=Origin.ATTACHED)
    row.save(force_insert=True)
    return Attachment.objects.create(artifact=row, conversation=conversation, name=name, sent_at=sent_at)


def _name(name: str) -> str:
    """Of a file, as it may be shown."""
    return _shown(PurePosixPath(name.replace("\\", "/")).name)


def _shown(words: str) -> str:
    return " ".join(UNPRINTED.sub(" ", words).split())[:MAX_NAME_CHARS] or "Picture"
