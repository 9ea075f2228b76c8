"""What the audit log says about prompts: ids and counts, never texts."""

from __future__ import annotations

from typing import Any

from apps.accounts.models import User
from apps.audit.record import JSON, Target, record
from apps.prompts.models import Prompt


def note(action: str, actor: User | None, prompt: Prompt, **details: JSON) -> None:
    """Write `prompt.<action>` in the caller's transaction."""
    target = Target("prompt", prompt.pk, "prompt")
    more: dict[str, Any] = {"project_id": prompt.project_id or "", **details}
    record(f"prompt.{action}", actor=actor, target=target, **more)
