"""Prompts as a kind of thing that a link can show."""

from __future__ import annotations

from django.urls import reverse

from apps.sharing import kinds


def home(prompt_id: str) -> str:
    return reverse("prompt", args=[prompt_id])


def register() -> None:
    kinds.register("prompt", kinds.Kind(noun="prompt", home=home))
