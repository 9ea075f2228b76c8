"""The only way to a prompt and to what hangs on it. Being an administrator of the site opens none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404

from apps.accounts.models import User
from apps.lib.ids import is_id
from apps.projects.access import archived
from apps.projects.models import Role
from apps.prompts.models import Audience, Comment, Prompt, PromptRevision

M = TypeVar("M", bound=Model)
EDIT = "Only its author, or the editors of its project, can change this prompt. You can fork it and change your copy."
MANAGE = "Only its author, or an owner of its project, can change who sees this prompt."
RUN = "Its author lets only others than you run this prompt. You can read it."
FORK = "Its author does not let you fork this prompt."
SIGN_IN = "Sign in to do this."
HIDDEN = "A moderator has hidden this prompt: nobody can run, fork or comment on it for now."


@dataclass(frozen=True)
class Rights:
    """What somebody who may read a prompt may do with it."""

    edit: bool = False
    manage: bool = False
    run: bool = False
    fork: bool = False
    comment: bool = False


def get_prompt_for(
    user: User | AnonymousUser,
    prompt_id: str,
    *,
    edit: bool = False,
    manage: bool = False,
    run: bool = False,
    fork: bool = False,
    comment: bool = False,
    in_bin: bool = False,
) -> Prompt:
    """The prompt with its author, project, head and production revision; one query. With `in_bin` a deleted one that
    `user` may bring back.

    Raises Http404 where `user` may not read it (the same as for no such prompt), PermissionDenied with a sentence
    where they may read it and not do what is asked.
    """
    found = Prompt.objects.in_bin_of(user) if in_bin else Prompt.objects.visible_to(user)
    rows = found.select_related("author", "project", "head", "production").defer("body", "search")
    prompt = rows.filter(pk=prompt_id).first() if is_id(prompt_id) else None
    if prompt is None:
        raise Http404("There is no such prompt.")
    rights = rights_of(user, prompt)
    asked = {"edit": (edit, EDIT), "manage": (manage, MANAGE), "run": (run, RUN), "fork": (fork, FORK)}
    asked["comment"] = (comment, SIGN_IN)
    for name, (needed, sentence) in asked.items():
        if needed and not getattr(rights, name):
            raise PermissionDenied(_why_not(user, prompt, sentence))
    return prompt


def rights_of(user: User | AnonymousUser, prompt: Prompt) -> Rights:
    """For a prompt that came through `visible_to(user)` or `in_bin_of(user)`; asks the database nothing."""
    if not isinstance(user, User) or not user.is_active:
        return Rights()
    role = getattr(prompt, "role_there", None)
    own = prompt.author_id == user.pk
    writable = prompt.project is None or prompt.project.archived_at is None
    edit = own if prompt.project is None else (role or 0) >= Role.EDITOR
    edit = edit or (own and prompt.visibility == Audience.PRIVATE)
    near = own or (prompt.project_id is not None and role is not None)
    shown = not prompt.is_hidden and prompt.deleted_at is None
    return Rights(
        edit=edit and writable,
        manage=(edit and own) or role == Role.OWNER,
        run=shown and _within(prompt.run_audience, own=own, near=near),
        fork=shown and _within(prompt.fork_audience, own=own, near=near),
        comment=shown,
    )


def get_revision(prompt: Prompt, number: str | int | None = None) -> PromptRevision:
    """Revision `number` of this prompt; without one that labelled production, else the latest. Http404 for another."""
    if number in (None, ""):
        if prompt.production or prompt.head:
            return prompt.production or prompt.head  # type: ignore[return-value]  # one of them is there
        raise Http404("This prompt has no revision.")
    digits = str(number)
    found = prompt.revisions.filter(number=int(digits)).first() if digits.isdecimal() and len(digits) < 9 else None
    if found is None:
        raise Http404("There is no such revision of this prompt.")
    found.prompt = prompt
    return found


def get_revision_for(user: User | AnonymousUser, revision_id: str) -> PromptRevision:
    """A revision of any prompt that `user` may read, with its prompt."""
    rows = PromptRevision.objects.select_related("prompt", "author")
    visible = Prompt.objects.visible_to(user).values("pk")
    found = rows.filter(pk=revision_id, prompt__in=visible).first() if is_id(revision_id) else None
    if found is None:
        raise Http404("There is no such revision.")
    return found


def get_revision_to_run(user: User | AnonymousUser, revision_id: str) -> PromptRevision:
    """A revision of a prompt that `user` may run. Raises Http404, or PermissionDenied where they may only read it."""
    found = get_revision_for(user, revision_id)
    found.prompt = get_prompt_for(user, found.prompt_id, run=True)
    return found


def get_comment(prompt: Prompt, comment_id: str) -> Comment:
    found = Comment.objects.filter(prompt=prompt, pk=comment_id, deleted_at=None) if is_id(comment_id) else None
    comment = found.first() if found is not None else None
    if comment is None:
        raise Http404("There is no such comment.")
    return comment


def _within(audience: int, *, own: bool, near: bool) -> bool:
    """Whether somebody who reads a prompt belongs to `audience`, one of those who run or fork it."""
    if audience >= Audience.MEMBERS:
        return True
    return near if audience == Audience.PROJECT else own


def _why_not(user: User | AnonymousUser, prompt: Prompt, sentence: str) -> str:
    if not isinstance(user, User):
        return SIGN_IN
    if prompt.is_hidden:
        return HIDDEN
    if prompt.project and prompt.project.archived_at and sentence == EDIT:
        return archived(prompt.project)
    return sentence
