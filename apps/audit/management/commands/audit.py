"""manage.py audit: verify the log, export it, show or change the key that signs it."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from apps.audit import export, keys
from apps.audit.record import Target, record
from apps.audit.sealing import seal_and_sign
from apps.audit.verify_database import Report, verify_database
from apps.audit.verify_file import NotAnExport, sentence, verify_file
from apps.audit.witness import read_witness


class Command(BaseCommand):
    help = "Verify the audit log or an exported file, export it, show or change the key that signs it."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        verify = commands.add_parser("verify", help="name the first bad event, or say that there is none")
        verify.add_argument("--file", type=Path, help="an exported file, in place of the database")
        verify.add_argument("--public-key", type=Path, action="append", help="PEM; may be given several times")
        out = commands.add_parser("export", help="write the whole log as JSON lines that can be verified")
        out.add_argument("--output", type=Path, help="a new file; left away: standard output")
        key = commands.add_parser("key", help="show the public keys")
        key.add_argument("--new", action="store_true", help="sign with a new key from now on")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['command']}")(options)
        except (keys.BadKey, NotAnExport, OSError, ValueError) as error:
            raise CommandError(str(error)) from error

    def _verify(self, options: dict[str, Any]) -> None:
        folder: Path = settings.AUDIT_KEYS
        given = options["public_key"]
        known = keys.read_public_keys(given) if given else keys.public_keys(folder)
        began = time.perf_counter()
        if options["file"]:
            with options["file"].open("rb") as file:
                found = verify_file(file, known)
            first, text = found.first, sentence(found)
        else:
            report = verify_database(known, read_witness(folder))
            first, text = report.first, _sentence(report)
        if first:
            raise CommandError(text, returncode=1)
        self.stdout.write(f"{text} ({time.perf_counter() - began:.1f} s)")

    def _export(self, options: dict[str, Any]) -> None:
        record("audit.exported", target=Target("audit", "log", "by command"), form="jsonl")
        seal_and_sign()
        last = export.last_checkpoint()
        out = options["output"].open("xb") if options["output"] else sys.stdout.buffer
        for piece in export.pieces(
            export.jsonl_head(last, is_complete=True), export.complete_piece(last.position if last else 0)
        ):
            out.write(piece)
        if options["output"]:
            out.close()
            self.stdout.write(f"Written to {options['output']}. Its public keys: manage.py audit key")

    def _key(self, options: dict[str, Any]) -> None:
        folder: Path = settings.AUDIT_KEYS
        if options["new"]:
            self._change_key(folder)
        else:
            keys.signing_key(folder)  # made where there is none
        for key_id, key in keys.public_keys(folder).items():
            self.stderr.write(f"# {key_id}")
            self.stdout.write(keys.pem_of(key).decode().rstrip())

    def _change_key(self, folder: Path) -> None:
        """What is there is signed with the old key first, the event that names the new one with the new one."""
        seal_and_sign()
        with transaction.atomic():
            key_id = keys.new_signing_key(folder)
            record("audit.key.created", target=Target("audit_key", key_id, key_id))
        seal_and_sign()


def _sentence(report: Report) -> str:
    if report.first:
        return f"BAD. The first bad event is {json.dumps(report.first.event_id)}: {report.first}."
    if not report.events:
        return f"Empty: nothing is sealed yet; {report.waiting} events wait."
    signed = f"signed up to position {report.signed_up_to} at {report.signed_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"Good: {report.events} events, each of them as it was; {signed}; {report.waiting} wait to be sealed."
