"""Prompts as a kind of thing that a link can show."""

from __future__ import annotations

from django.urls import reverse

from apps.sharing import kinds

KIND = "prompt"


def home(prompt_id: str) -> str:
    return reverse("prompt", args=[prompt_id])


def register() -> None:
    kinds.register(KIND, kinds.Kind(noun="prompt", home=home))
