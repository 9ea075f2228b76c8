"""Run a prompt here: fill it in, queue the generation, count the use; all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.generations.actions import submit_generation
from apps.generations.errors import Refused
from apps.projects.models import Project
from apps.prompts.actions.use import record_use
from apps.prompts.filling import filled_in
from apps.prompts.models import PromptRevision, PromptRun


@transaction.atomic
def run_prompt(
    *, actor: User, revision: PromptRevision, project: Project, model_id: str, values: Mapping[str, Any]
) -> PromptRun:
    """Raises ValidationError with a sentence for each wrong value, Refused where the model says no."""
    texts = filled_in(revision, values)
    model = HostedModel.objects.that_write().select_related("default_version").called(model_id)
    if model is None:
        raise Refused(status=422, code="unknown_model", message="There is no such model to choose. Pick another one.")
    if not texts["user"].strip():
        raise ValidationError("Filled in like this the prompt is empty. Fill in something.")
    messages = [{"role": role, "content": texts[role]} for role in ("system", "user") if texts[role]]
    job = submit_generation(actor=actor, project=project, model=model, messages=messages, params=revision.params)
    return record_use(actor=actor, revision=revision, job=job)
