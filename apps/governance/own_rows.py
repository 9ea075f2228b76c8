"""What goes when an account is deleted, beside what hangs on it."""

from __future__ import annotations

from apps.accounts.deletion import register_deletion_hook
from apps.accounts.models import User
from apps.governance.request_notices import notices_about
from apps.moderation.notices import forget_notices


def forget_that_they_asked(user: User) -> None:
    """Approvers were told their name."""
    forget_notices(notices_about(user))


def register() -> None:
    register_deletion_hook(forget_that_they_asked)
