"""API tokens as the audit log names them: names are texts that people wrote, so they stay out of it."""

from __future__ import annotations

from apps.api.models import ApiToken
from apps.audit.record import Target


def token_target(token: ApiToken) -> Target:
    return Target("api_token", token.pk, f"…{token.hint}", token.user_id)
