"""What the scripts of a prompt's page start from, as one JSON document."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from apps.accounts.models import User
from apps.generations.pickers import picks
from apps.projects.access import writable_projects_of
from apps.projects.recent import recent_project
from apps.prompts.access import Rights
from apps.prompts.models import Prompt, PromptRevision
from apps.prompts.runs import last_run, run_json
from apps.prompts.serializers import revision_json


def page_state(request: HttpRequest, prompt: Prompt, revision: PromptRevision, rights: Rights) -> dict[str, Any]:
    state: dict[str, Any] = {"revision": revision_json(revision), "run": None}
    if rights.run and isinstance(request.user, User):
        projects = writable_projects_of(request.user)
        here = recent_project(request.user, request.session)
        chosen = here if here in projects else next(iter(projects), None)
        last = last_run(request.user, prompt)
        state["run"] = {
            "last": run_json(last) if last else None,
            "projects": [{"id": each.pk, "name": each.name} for each in projects],
            "project": chosen.pk if chosen else None,
            "models": [pick for _, pick in picks(request.user, chosen)] if chosen else [],
            "urls": {
                "run": reverse("prompt_run", args=[prompt.pk]),
                "use": reverse("prompt_use", args=[prompt.pk]),
                "models": reverse("prompt_models"),
            },
        }
    return state
