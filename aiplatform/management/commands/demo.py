"""manage.py demo: one prompt, end to end, as a person's browser would send it."""

from __future__ import annotations

import socket
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from aiplatform.demo import DemoFailed
from aiplatform.demo.scene import play
from aiplatform.supervisor.background import background_site
from aiplatform.supervisor.plan import CannotStart, running_site

PROMPT = "What is the capital of France? Answer in one sentence."


class Command(BaseCommand):
    help = "Sign up, send a prompt and print its tokens as they arrive. Starts the site where it is not up."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="", help="a site elsewhere; without it the one of this folder")
        parser.add_argument("--prompt", default=PROMPT)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with _site(options["url"]) as url:
                play(url, options["prompt"])
        except (DemoFailed, CannotStart) as reason:
            raise CommandError(str(reason)) from reason


@contextmanager
def _site(url: str) -> Iterator[str]:
    """The address of a site that is up: the given one, the running one, or one started for this demo."""
    if url:
        yield url
    elif (found := running_site(settings.DATA_DIR)) and found["is_ready"]:
        yield found["url"]
    else:
        with background_site(settings.BASE_DIR, settings.DATA_DIR, port=_free_port()) as started:
            yield started


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
