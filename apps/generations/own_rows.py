"""What a person may take with them, and what stops when they delete their account."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, F, TextField, Value, When

from apps.accounts.deletion import register_deletion_hook
from apps.accounts.export import register_exporter
from apps.accounts.models import User
from apps.catalog.models import ReasoningPolicy
from apps.generations.actions import request_cancel
from apps.generations.models import TERMINAL, Artifact, GenerationJob

EXPORTED = (
    "id", "project_id", "model_version__hosted_model_id", "kind", "state", "messages", "params", "output", "tool_calls",
    "finish_reason", "created_at", "started_at", "finished_at", "prompt_tokens", "completion_tokens",
    "usage_estimated", "reasoning_tokens", "steps", "queue_ms", "ttft_ms", "decode_ms", "reasoning_ms",
)  # fmt: skip

EXPORTED_OF_PICTURES = (
    "id", "project_id", "job_id", "origin", "width", "height", "size_bytes", "sha256", "created_at", "deleted_at",
)  # fmt: skip


def generations(user: User) -> list[dict[str, Any]]:
    """With what the models thought, where people may read that."""
    readable = Case(
        When(model_version__hosted_model__reasoning=ReasoningPolicy.SHOWN, then="reasoning"),
        default=Value(""),
        output_field=TextField(),
    )
    jobs = GenerationJob.objects.filter(user=user).order_by("created_at")
    return list(jobs.values(*EXPORTED, reasoning_text=readable, token_probabilities=F("certainty__tokens")))


def pictures(user: User) -> list[dict[str, Any]]:
    """Of theirs, what is known about each; the files are downloaded where they are shown."""
    rows = Artifact.objects.filter(user=user).order_by("created_at")
    return list(rows.values(*EXPORTED_OF_PICTURES, parameters=F("job__params")))


def stop_unfinished(user: User) -> None:
    """Nobody would be there to read what a worker is still busy with."""
    for job in GenerationJob.objects.filter(user=user).exclude(state__in=TERMINAL):
        request_cancel(actor=user, job=job)


def register() -> None:
    register_exporter("generations", generations)
    register_exporter("pictures", pictures)
    register_deletion_hook(stop_unfinished)
