"""Whether this site still waits for its first administrator."""

from __future__ import annotations

import secrets

from django.conf import settings

from apps.accounts.models import SiteSettings, User
from apps.lib.ids import hash_token


def needs_setup() -> bool:
    return not User.objects.filter(is_superuser=True, is_active=True).exists()


def is_setup_code(given: str) -> bool:
    """Whether `given` is the code that the server's operator holds. Case, spaces and dashes don't matter."""
    plain = plain_code(given)
    if settings.SETUP_CODE and secrets.compare_digest(hash_token(plain_code(settings.SETUP_CODE)), hash_token(plain)):
        return True
    kept = SiteSettings.current().setup_code_hash
    return bool(kept) and secrets.compare_digest(kept, hash_token(plain))


def plain_code(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()
