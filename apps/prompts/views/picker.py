"""What a picker needs: find a prompt, read its revision, say that it was used."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from apps.generations.json_views import PersonRequest, body_of, json_view, open_json_view
from apps.prompts.access import get_prompt_for, get_revision, rights_of
from apps.prompts.actions import record_use
from apps.prompts.search import Search, find
from apps.prompts.serializers import prompt_json, revision_json

SHOWN = 12


@require_GET
@open_json_view
def search(request: HttpRequest) -> HttpResponseBase:
    """`{"prompts": […]}`: up to twelve that this person may use, what they wrote or starred among them."""
    found = find(request.user, Search.read(request.GET))[: SHOWN * 2]
    usable = [prompt for prompt in found if not request.user.is_authenticated or rights_of(request.user, prompt).run]
    return JsonResponse({"prompts": [prompt_json(prompt) for prompt in usable[:SHOWN]]})


@require_GET
@open_json_view
def revision(request: HttpRequest, prompt_id: str) -> HttpResponseBase:
    """`{"prompt": …, "revision": …}`: revision `?revision=N`, else that labelled production, else the latest."""
    prompt = get_prompt_for(request.user, prompt_id)
    found = get_revision(prompt, request.GET.get("revision"))
    return JsonResponse({"prompt": prompt_json(prompt), "revision": revision_json(found)})


@require_POST
@json_view
def use(request: PersonRequest, prompt_id: str) -> HttpResponseBase:
    """Counts that `{"revision": N}` was put into a text."""
    prompt = get_prompt_for(request.user, prompt_id, run=True)
    run = record_use(actor=request.user, revision=get_revision(prompt, body_of(request).get("revision")))
    return JsonResponse({"run": run.pk}, status=201)
