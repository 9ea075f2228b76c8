"""Prompts for tests."""

from __future__ import annotations

from typing import Any

from apps.accounts.models import User
from apps.projects.models import Project
from apps.prompts.actions import create_prompt
from apps.prompts.models import Audience, Prompt

TIDES = {
    "title": "Tide table",
    "summary": "Explains the tides of a harbour",
    "system": "You are a {{ tone }} harbour pilot.",
    "user": "When is high tide in {{ harbour }}?",
    "variables": [
        {"name": "harbour", "type": "string", "label": "Harbour", "default": "Cuxhaven"},
        {"name": "tone", "type": "choice", "choices": ["calm", "gruff"], "default": "calm"},
    ],
    "tags": ["sea", "tables"],
}


def write(author: User, visibility: int = Audience.PUBLIC, project: Project | None = None, **content: Any) -> Prompt:
    return create_prompt(actor=author, content=TIDES | content, project=project, visibility=visibility)
