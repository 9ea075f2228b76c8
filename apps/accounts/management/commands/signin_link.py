"""manage.py signin_link: a one-time link that signs one person in."""

from __future__ import annotations

import ipaddress
import json
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.urls import reverse

from apps.accounts.actions.arrivals import create_admin, make_sign_in_link
from apps.accounts.models import User


class Command(BaseCommand):
    help = (
        "Print a link that signs one person in, once, within 24 hours. Without --email it is for the administrator "
        "who was created first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", default="", help="whom the link is for")
        parser.add_argument("--create-admin", action="store_true", help="create that person as an administrator if new")
        parser.add_argument(
            "--if-no-admin", action="store_true", help="do nothing where an administrator exists who can sign in"
        )
        parser.add_argument(
            "--json", action="store_true", help='print {"url": …, "email": …}, {} where nothing was done'
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["if_no_admin"] and _some_admin_can_sign_in():
            self._print({}, "This site has an administrator; no link was made.", as_json=options["json"])
            return
        with transaction.atomic():
            person = _person(options["email"].lower(), create=options["create_admin"])
            url = settings.SITE_URL + reverse("sign_in_link", args=[make_sign_in_link(person=person)])
        self._print({"url": url, "email": person.email}, url, as_json=options["json"])

    def _print(self, data: dict[str, str], text: str, *, as_json: bool) -> None:
        self.stdout.write(json.dumps(data) if as_json else text)


def _some_admin_can_sign_in() -> bool:
    """Someone created by an earlier start who never followed their link can't, and needs a new one."""
    admins = User.objects.filter(is_superuser=True, is_active=True)
    return any(admin.can_sign_in_again() for admin in admins)


def _person(email: str, *, create: bool) -> User:
    wanted = User.objects.filter(email__iexact=email) if email else User.objects.filter(is_superuser=True)
    if person := wanted.filter(is_active=True).order_by("date_joined").first():
        return person
    address = email or _default_email()
    if User.objects.filter(email__iexact=address).exists():
        raise CommandError(f"The account of {address} is deactivated. Name another one with --email.")
    if not create:
        who = f"account with the address {email}" if email else "administrator"
        raise CommandError(f"There is no {who}. Add --create-admin to create an administrator.")
    return create_admin(email=address, display_name="Administrator")


def _default_email() -> str:
    """admin@ the site's host, or @atrium.local where that is a number or this machine itself."""
    host = urlsplit(settings.SITE_URL).hostname or "localhost"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return f"admin@{host}" if "." in host else "admin@atrium.local"
    return "admin@atrium.local"
