"""Prompts as Markdown files, out and in."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.errors import NotAllowed
from apps.generations.json_views import PersonRequest
from apps.prompts import actions
from apps.prompts.access import get_prompt_for, get_revision
from apps.prompts.frontmatter import MAX_CHARS, exported, imported
from apps.prompts.views.editor import errors_of


@require_GET
def export(request: HttpRequest, prompt_id: str) -> HttpResponse:
    prompt = get_prompt_for(request.user, prompt_id)
    revision = get_revision(prompt, request.GET.get("revision"))
    name = slugify(revision.title)[:60] or "prompt"
    return HttpResponse(
        exported(revision),
        content_type="text/markdown; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.md"'},
    )


@require_http_methods(["GET", "POST"])
@login_required
def import_prompt(request: PersonRequest) -> HttpResponse:
    """A file or a pasted text; it becomes a private prompt."""
    if request.method == "GET":
        return render(request, "prompts/import.html", {"text": "", "errors": {}})
    text = request.POST.get("text", "")
    try:
        text = _file(request) or text
        prompt = actions.create_prompt(actor=request.user, content=imported(text), note_text="Imported")
    except (ValidationError, NotAllowed) as refused:
        return render(request, "prompts/import.html", {"text": text, "errors": errors_of(refused)}, status=422)
    messages.success(request, "Imported. It is private until you share it.")
    return redirect("prompt", prompt.pk)


def _file(request: PersonRequest) -> str:
    """The text of the file that was sent, "" for none."""
    file = request.FILES.get("file")
    if file is None:
        return ""
    if (file.size or 0) > MAX_CHARS * 4:
        raise ValidationError("This file is too large for a prompt.")
    try:
        return bytes(file.read()).decode()
    except UnicodeDecodeError:
        raise ValidationError("This file is not text in UTF-8.") from None
