"""Stars and comments. What authors do to their own prompts moves no score."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.accounts.models import User
from apps.moderation.limits import check_rate
from apps.prompts import trending
from apps.prompts.cleaning import clean_text
from apps.prompts.models import Comment, Prompt, PromptRevision, Star
from apps.prompts.models.community import MAX_COMMENT_CHARS
from apps.prompts.trail import note


@transaction.atomic
def star(*, actor: User, prompt: Prompt) -> bool:
    """False where `actor` had starred it already."""
    given, created = Star.objects.get_or_create(prompt=prompt, user=actor)
    if created:
        score = trending.with_event(trending.STARRED, given.created_at)
        _count(prompt, "star_count", 1, F("trending") if prompt.author_id == actor.pk else score)
        note("starred", actor, prompt)
    return created


@transaction.atomic
def unstar(*, actor: User, prompt: Prompt) -> bool:
    """Takes the star's share of the score back too, so that starring again and again gains nothing."""
    given = Star.objects.select_for_update().filter(prompt=prompt, user=actor).first()
    if given is None:
        return False
    given.delete()
    score = trending.without_event(trending.STARRED, given.created_at, prompt.created_at)
    _count(prompt, "star_count", -1, F("trending") if prompt.author_id == actor.pk else score)
    note("unstarred", actor, prompt)
    return True


@transaction.atomic
def comment(*, actor: User, prompt: Prompt, text: str, revision: PromptRevision | None = None) -> Comment:
    """Raises ValidationError for an empty or too long one, TooMany where a new account writes too many."""
    cleaned = clean_text(text, MAX_COMMENT_CHARS, "A comment")
    if not cleaned:
        raise ValidationError("Write something first: the comment is empty.")
    check_rate(actor, "prompt.comment")
    known = Comment.objects.filter(prompt=prompt, author=actor).exists() or prompt.author_id == actor.pk
    written = Comment.objects.create(prompt=prompt, revision=revision, author=actor, text=cleaned)
    score = F("trending") if known else trending.with_event(trending.COMMENTED, written.created_at)
    _count(prompt, "comment_count", 1, score)
    note("commented", actor, prompt, comment=written.pk, characters=len(cleaned))
    return written


@transaction.atomic
def delete_comment(*, actor: User, comment: Comment) -> None:
    """The text goes at once. The caller has checked that it is `actor`'s, or stands below a prompt of theirs."""
    rows = Comment.objects.filter(pk=comment.pk, deleted_at=None)
    if rows.update(deleted_at=timezone.now(), text=""):
        _count(comment.prompt, "comment_count", -1, F("trending"))
        note("comment.deleted", actor, comment.prompt, comment=comment.pk)


def _count(prompt: Prompt, field: str, change: int, score: object) -> None:
    Prompt.objects.filter(pk=prompt.pk).update(**{field: F(field) + change, "trending": score})
