"""manage.py setup_code: the code that opens /setup/ while the site has no administrator."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from apps.accounts.actions.arrivals import make_setup_code
from apps.accounts.firstrun import needs_setup


class Command(BaseCommand):
    help = "Print a new code for /setup/, where the first administrator is created. Older codes stop working."

    def handle(self, *args: Any, **options: Any) -> None:
        if not needs_setup():
            raise CommandError(
                "This site already has an administrator. For a way in, use “manage.py signin_link --email …”."
            )
        self.stdout.write(f"Setup code: {make_setup_code()}")
        self.stdout.write(f"Enter it at {settings.SITE_URL}{reverse('setup')}")
