"""Prompts as a kind of thing that a link can show, and the only way to one through its link."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import reverse

from apps.lib.ids import is_id
from apps.prompts.access import get_prompt_for
from apps.prompts.models import Prompt
from apps.sharing import kinds
from apps.sharing.models import ShareLink

KIND = "prompt"


def get_shared_prompt(link: ShareLink) -> Prompt:
    """What a link shows, while whoever made it may still say who sees it. Raises Http404."""
    try:
        prompt = get_prompt_for(link.created_by, link.target_id, manage=True)
    except PermissionDenied:
        raise Http404("This link does not work any more.") from None
    if prompt.is_hidden:
        raise Http404("This link does not work any more.")
    return prompt


def get_link_to(prompt: Prompt, link_id: str) -> ShareLink:
    """A link to this prompt, whoever made it: who manages a prompt manages all of its links."""
    found = ShareLink.objects.to(KIND, prompt.pk).filter(pk=link_id).first() if is_id(link_id) else None
    if found is None:
        raise Http404("There is no such link.")
    return found


def home(prompt_id: str) -> str:
    return reverse("prompt", args=[prompt_id])


def register() -> None:
    kinds.register(KIND, kinds.Kind(noun="prompt", home=home))
