"""The buttons of a prompt's pages. Each is a form that comes back with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from apps.accounts.errors import NotAllowed
from apps.generations.json_views import PersonRequest
from apps.prompts import actions
from apps.prompts.access import get_comment, get_prompt_for, get_revision, rights_of

View = Callable[..., HttpResponseBase]


def button(view: View) -> View:
    """A POST of somebody signed in; what an action refuses is shown on the page it came from."""

    @require_POST
    @login_required
    @wraps(view)
    def wrapped(request: PersonRequest, prompt_id: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, prompt_id, *args, **kwargs)
        except ValidationError as invalid:
            messages.error(request, " ".join(invalid.messages))
        except NotAllowed as refusal:
            messages.error(request, str(refusal))
        return redirect("prompt", prompt_id)

    return wrapped


@button
def star(request: PersonRequest, prompt_id: str) -> HttpResponse:
    prompt = get_prompt_for(request.user, prompt_id, comment=True)
    change = actions.star if request.POST.get("on") != "0" else actions.unstar
    change(actor=request.user, prompt=prompt)
    return redirect("prompt", prompt.pk)


@button
def fork(request: PersonRequest, prompt_id: str) -> HttpResponse:
    prompt = get_prompt_for(request.user, prompt_id, fork=True)
    copy = actions.fork(actor=request.user, revision=get_revision(prompt, request.POST.get("revision")))
    messages.success(request, "Forked. This copy is yours, and private until you share it.")
    return redirect("prompt_edit", copy.pk)


@button
def restore(request: PersonRequest, prompt_id: str) -> HttpResponse:
    prompt = get_prompt_for(request.user, prompt_id, edit=True)
    revision = get_revision(prompt, request.POST.get("revision"))
    restored = actions.restore(actor=request.user, prompt=prompt, revision=revision)
    messages.success(request, f"Restored as revision {restored.number}.")
    return redirect("prompt_revisions", prompt.pk)


@button
def production(request: PersonRequest, prompt_id: str) -> HttpResponse:
    """`revision` is the number of the one to label; empty takes the label away."""
    prompt = get_prompt_for(request.user, prompt_id, edit=True)
    number = request.POST.get("revision", "")
    revision = get_revision(prompt, number) if number else None
    actions.set_production(actor=request.user, prompt=prompt, revision=revision)
    said = f"Revision {revision.number} is now used by everybody." if revision else "The latest revision is used again."
    messages.success(request, said)
    return redirect("prompt_revisions", prompt.pk)


@button
def comment(request: PersonRequest, prompt_id: str) -> HttpResponse:
    prompt = get_prompt_for(request.user, prompt_id, comment=True)
    revision = get_revision(prompt, request.POST.get("revision"))
    written = actions.comment(actor=request.user, prompt=prompt, text=request.POST.get("text", ""), revision=revision)
    page = redirect("prompt", prompt.pk)
    page.headers["Location"] += f"#comment-{written.pk}"
    return page


@button
def delete_comment(request: PersonRequest, prompt_id: str, comment_id: str) -> HttpResponse:
    prompt = get_prompt_for(request.user, prompt_id)
    found = get_comment(prompt, comment_id)
    if found.author_id != request.user.pk and not rights_of(request.user, prompt).manage:
        raise PermissionDenied("Only who wrote a comment, or the author of the prompt, can delete it.")
    actions.delete_comment(actor=request.user, comment=found)
    messages.success(request, "Comment deleted.")
    return redirect("prompt", prompt.pk)
