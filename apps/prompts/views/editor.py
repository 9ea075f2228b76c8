"""Write a prompt, or the next revision of one."""

from __future__ import annotations

import json

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from apps.accounts.errors import NotAllowed
from apps.catalog.models import HostedModel
from apps.generations.formats import FORMATS
from apps.generations.json_views import PersonRequest
from apps.generations.params import FORMAT_NAMES, PARAMETERS
from apps.projects.access import writable_projects_of
from apps.prompts import actions
from apps.prompts.access import get_prompt_for, get_revision
from apps.prompts.content import LICENCES, Content
from apps.prompts.models import Audience, Prompt
from apps.prompts.variables import TYPES
from apps.prompts.views.forms import audience_in, content_in, project_in

EMPTY: Content = {
    "title": "", "summary": "", "system": "", "user": "", "variables": [], "model_id": "", "params": {}, "tags": [],
    "licence": "",
}  # fmt: skip


@require_http_methods(["GET", "POST"])
@login_required
def new(request: PersonRequest) -> HttpResponse:
    if request.method == "GET":
        return editor(request, EMPTY)
    try:
        prompt = actions.create_prompt(
            actor=request.user,
            content=content_in(request.POST),
            project=project_in(request.user, request.POST),
            visibility=audience_in(request.POST, "visibility"),
        )
    except (ValidationError, NotAllowed) as refused:
        return editor(request, sent_back(request), refused=refused)
    messages.success(request, "Saved.")
    return redirect("prompt", prompt.pk)


@require_http_methods(["GET", "POST"])
@login_required
def edit(request: PersonRequest, prompt_id: str) -> HttpResponse:
    prompt = get_prompt_for(request.user, prompt_id, edit=True)
    if request.method == "GET":
        return editor(request, get_revision(prompt, prompt.revision_count).content(), prompt=prompt)
    try:
        revision = actions.revise(
            actor=request.user,
            prompt=prompt,
            content=content_in(request.POST),
            note_text=request.POST.get("note", ""),
            based_on=_number(request.POST.get("based_on", "")),
        )
    except (ValidationError, NotAllowed) as refused:
        return editor(request, sent_back(request), prompt=prompt, refused=refused)
    messages.success(request, f"Saved as revision {revision.number}.")
    return redirect("prompt", prompt.pk)


def editor(
    request: PersonRequest, content: Content, *, prompt: Prompt | None = None, refused: Exception | None = None
) -> HttpResponse:
    """The page; 422 with a sentence for each wrong field where something was `refused`."""
    errors = errors_of(refused) if refused else {}
    context = {
        "content": content,
        "prompt": prompt,
        "errors": errors,
        "tags": ", ".join(content["tags"]) if isinstance(content["tags"], list) else content["tags"],
        "state": {
            "variables": content["variables"],
            "params": content["params"],
            "types": TYPES,
            "wrong": {name: " ".join(errors[name]) for name in FORMAT_NAMES if name in errors},
        },
        "formats": FORMATS,
        "parameters": [each for each in PARAMETERS if each.kind != "choice"],
        "models": HostedModel.objects.visible_to(request.user),
        "licences": LICENCES,
        "audiences": Audience.choices,
        "visibility": request.POST.get("visibility", str(int(Audience.PRIVATE))),
        "projects": writable_projects_of(request.user) if prompt is None else [],
    }
    return render(request, "prompts/editor.html", context, status=422 if refused else 200)


def errors_of(refused: Exception) -> dict[str, list[str]]:
    """By field; "" for what belongs to none."""
    if isinstance(refused, ValidationError):
        return refused.message_dict if hasattr(refused, "error_dict") else {"all": refused.messages}
    return {"all": [str(refused)]}


def sent_back(request: PersonRequest) -> Content:
    """What was typed, as far as it can be shown again."""
    try:
        content = content_in(request.POST)
    except ValidationError:
        content = {**EMPTY, **{name: request.POST.get(name, "") for name in ("title", "summary", "system", "user")}}
    if not isinstance(content["variables"], list):
        content["variables"] = []
    if not isinstance(content["params"], dict):
        content["params"] = {}
    return json.loads(json.dumps(content))  # type: ignore[no-any-return]


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 9 else None
