"""manage.py prepare: everything a site needs before it serves. Safe to run again, and by several at once."""

from __future__ import annotations

import gc
import io
import json
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import OperationalError

from aiplatform.collected import collect_static
from apps.catalog.completing import complete_image_facts
from apps.catalog.models import ModelVersion

LOCK = 0x41545249  # of our own choice: "ATRI"
DEMOS = ("demo:smollm2-135m", "demo:emoji-64")
"""One model of texts and one of pictures, which run on any processor."""


class Command(BaseCommand):
    help = "Migrate the database, collect static files, install a first model and make the first administrator."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help='end with {"sign_in_link": …}')
        parser.add_argument("--no-model", action="store_true", help="install no demo models")
        parser.add_argument("--no-admin", action="store_true", help="make no administrator")

    def handle(self, *args: Any, **options: Any) -> None:
        with _alone():
            if _is_behind():
                self._tell("bringing the database up to date")
                with _no_search_for_garbage():
                    call_command("migrate", interactive=False, verbosity=0, skip_checks=False)
            complete_image_facts()
            if collect_static():
                self._tell("static files collected")
            if not options["no_model"] and not ModelVersion.objects.exists():
                self._tell("installing the demo models; the first time takes a minute")
                for demo in DEMOS:
                    call_command("models", "install", demo, "--grant-everyone", stdout=self.stderr)
            link = "" if options["no_admin"] else _first_link()
        if options["json"]:
            self.stdout.write(json.dumps({"sign_in_link": link}))
        elif link:
            self.stdout.write(f"Sign in as the first administrator: {link}")

    def _tell(self, text: str) -> None:
        self.stderr.write(f"          {text}", self.style.SUCCESS)


@contextmanager
def _no_search_for_garbage() -> Iterator[None]:
    """All models are made anew for many of the migrations, and Python looks through them again and again: that is a
    third of their time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _alone() -> Iterator[None]:
    """One at a time on this database; the lock ends with the connection, however that ends."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            yield
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    except OperationalError as error:
        raise CommandError(f"The database can't be reached or refuses to work: {error}") from error


def _is_behind() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _first_link() -> str:
    """A one-time link for the first administrator, "" where one exists who can sign in."""
    output = io.StringIO()
    call_command("signin_link", create_admin=True, if_no_admin=True, json=True, stdout=output)
    return str(json.loads(output.getvalue()).get("url", ""))
