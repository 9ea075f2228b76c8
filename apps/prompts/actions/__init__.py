"""Every write of this app: keyword-only, one transaction each, the audit record inside it."""

from apps.prompts.actions.audience import set_audience, set_production, set_visibility
from apps.prompts.actions.community import comment, delete_comment, star, unstar
from apps.prompts.actions.removal import delete, purge_overdue, undelete
from apps.prompts.actions.use import rate_run, record_use
from apps.prompts.actions.writing import create_prompt, fork, restore, revise

__all__ = [
    "comment", "create_prompt", "delete", "delete_comment", "fork", "purge_overdue", "rate_run", "record_use",
    "restore", "revise", "set_audience", "set_production", "set_visibility", "star", "undelete", "unstar",
]  # fmt: skip
