"""manage.py up: the whole site on this machine, until Ctrl-C."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from aiplatform.supervisor.plan import CannotStart, Plan
from aiplatform.supervisor.site import Site


class Command(BaseCommand):
    help = "Start PostgreSQL and Valkey (unless DATABASE_URL and REDIS_URL are set), the web process and one worker."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            Site(Plan.from_environment(settings.BASE_DIR, settings.DATA_DIR)).run()
        except CannotStart as reason:
            raise CommandError(str(reason)) from reason
