"""Prompts and comments as moderators see them; see `apps.moderation.kinds`."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.models.functions import Now
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.text import Truncator

from apps.accounts.models import User
from apps.lib.ids import is_id
from apps.moderation.kinds import Description, KindOfThing, register
from apps.prompts.access import get_prompt_for
from apps.prompts.models import Comment, Prompt

MAX_REASON = 500
Reader = User | AnonymousUser | None


def find_prompt(reader: Reader, prompt_id: str) -> Prompt:
    if reader is not None:
        return get_prompt_for(reader, prompt_id)
    kept = Prompt.objects.filter(deleted_at=None).select_related("author", "head")
    return get_object_or_404(kept, pk=prompt_id if is_id(prompt_id) else "")


def describe_prompt(prompt: Prompt) -> Description:
    """The revision that people are shown first, with its variables' names as they stand in it."""
    head = prompt.head
    parts = [prompt.summary, *((head.system, head.user) if head else ())]
    return Description(prompt.title, "\n\n".join(filter(None, parts)))


def hide_prompt(prompt: Prompt, reason: str) -> None:
    Prompt.objects.filter(pk=prompt.pk).update(hidden_at=Now(), hidden_reason=reason[:MAX_REASON])


def restore_prompt(prompt: Prompt) -> None:
    Prompt.objects.filter(pk=prompt.pk).update(hidden_at=None, hidden_reason="")


def find_comment(reader: Reader, comment_id: str) -> Comment:
    """Where the reader may read the prompt, and the comment is shown."""
    comments = Comment.objects.filter(deleted_at=None) if reader is None else Comment.objects.shown()
    related = comments.select_related("prompt", "author")
    found = get_object_or_404(related, pk=comment_id if is_id(comment_id) else "")
    if reader is not None:
        get_prompt_for(reader, found.prompt_id)
    return found


def describe_comment(comment: Comment) -> Description:
    return Description(Truncator(" ".join(comment.text.split())).chars(60), comment.text)


def comment_url(comment: Comment) -> str:
    return f"{reverse('prompt', args=[comment.prompt_id])}#comment-{comment.pk}"


def hide_comment(comment: Comment, reason: str) -> None:
    Comment.objects.filter(pk=comment.pk).update(hidden_at=Now(), hidden_reason=reason[:MAX_REASON])


def restore_comment(comment: Comment) -> None:
    Comment.objects.filter(pk=comment.pk).update(hidden_at=None, hidden_reason="")


PROMPT = KindOfThing(
    noun="prompt",
    find=find_prompt,
    describe=describe_prompt,
    url=lambda prompt: reverse("prompt", args=[prompt.pk]),
    author=lambda prompt: prompt.author,
    hide=hide_prompt,
    restore=restore_prompt,
)
COMMENT = KindOfThing(
    noun="comment",
    find=find_comment,
    describe=describe_comment,
    url=comment_url,
    author=lambda comment: comment.author,
    hide=hide_comment,
    restore=restore_comment,
)


def register_kinds() -> None:
    register("prompt", PROMPT)
    register("comment", COMMENT)
