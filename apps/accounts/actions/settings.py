"""The site's settings."""

from __future__ import annotations

from django.db import transaction

from apps.accounts.models import SiteSettings, User
from apps.accounts.targets import SITE
from apps.audit.record import record


@transaction.atomic
def change_site_settings(*, actor: User, sign_up: str) -> bool:
    """False where nothing changed."""
    SiteSettings.current()
    kept = SiteSettings.objects.select_for_update().get(id=1)
    if kept.sign_up == sign_up:
        return False
    record("site.settings.changed", actor=actor, target=SITE, setting="sign_up", old=kept.sign_up, new=sign_up)
    kept.sign_up = sign_up
    kept.save(update_fields=["sign_up"])
    return True
