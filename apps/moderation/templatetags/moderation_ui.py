"""What every page shows of this room: how many notices are unread, and the way to report something."""

from __future__ import annotations

from typing import Any

from django import template

from apps.accounts.models import User
from apps.moderation.notices import unread_count

register = template.Library()


@register.simple_tag
def unread_notices(user: Any) -> int:
    """`{% unread_notices user as unread %}`: one query; 0 for signed-out people."""
    return unread_count(user) if isinstance(user, User) else 0
