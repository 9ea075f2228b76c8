"""What a person may take with them, and what stops when they delete their account."""

from __future__ import annotations

from typing import Any

from apps.accounts.deletion import register_deletion_hook
from apps.accounts.export import register_exporter
from apps.accounts.models import User
from apps.generations.actions import request_cancel
from apps.generations.models import TERMINAL, GenerationJob

EXPORTED = (
    "id", "project_id", "model_version__hosted_model_id", "state", "messages", "params", "output", "finish_reason",
    "created_at", "started_at", "finished_at", "prompt_tokens", "completion_tokens", "usage_estimated",
    "queue_ms", "ttft_ms", "decode_ms",
)  # fmt: skip


def generations(user: User) -> list[dict[str, Any]]:
    return list(GenerationJob.objects.filter(user=user).order_by("created_at").values(*EXPORTED))


def stop_unfinished(user: User) -> None:
    """Nobody would be there to read what a worker is still busy with."""
    for job in GenerationJob.objects.filter(user=user).exclude(state__in=TERMINAL):
        request_cancel(actor=user, job=job)


def register() -> None:
    register_exporter("generations", generations)
    register_deletion_hook(stop_unfinished)
