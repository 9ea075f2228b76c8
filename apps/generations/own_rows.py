"""What a person may take with them, and what stops when they delete their account."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, TextField, Value, When

from apps.accounts.deletion import register_deletion_hook
from apps.accounts.export import register_exporter
from apps.accounts.models import User
from apps.catalog.models import ReasoningPolicy
from apps.generations.actions import request_cancel
from apps.generations.models import TERMINAL, GenerationJob

EXPORTED = (
    "id", "project_id", "model_version__hosted_model_id", "state", "messages", "params", "output", "tool_calls",
    "finish_reason", "created_at", "started_at", "finished_at", "prompt_tokens", "completion_tokens",
    "usage_estimated", "reasoning_tokens", "queue_ms", "ttft_ms", "decode_ms", "reasoning_ms",
)  # fmt: skip


def generations(user: User) -> list[dict[str, Any]]:
    """With what the models thought, where people may read that."""
    readable = Case(
        When(model_version__hosted_model__reasoning=ReasoningPolicy.SHOWN, then="reasoning"),
        default=Value(""),
        output_field=TextField(),
    )
    jobs = GenerationJob.objects.filter(user=user).order_by("created_at")
    return list(jobs.values(*EXPORTED, reasoning_text=readable))


def stop_unfinished(user: User) -> None:
    """Nobody would be there to read what a worker is still busy with."""
    for job in GenerationJob.objects.filter(user=user).exclude(state__in=TERMINAL):
        request_cancel(actor=user, job=job)


def register() -> None:
    register_exporter("generations", generations)
    register_deletion_hook(stop_unfinished)
