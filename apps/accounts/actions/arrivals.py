"""How the first administrator comes in, and one-time links for whoever lost the way."""

from __future__ import annotations

from datetime import timedelta

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.errors import NotAllowed
from apps.accounts.firstrun import is_setup_code, needs_setup, plain_code
from apps.accounts.models import SignInLink, SiteSettings, User
from apps.accounts.targets import SITE, person_target
from apps.audit.record import record
from apps.lib.ids import hash_token, new_id, new_token

LINK_HOURS = 24


@transaction.atomic
def make_setup_code() -> str:
    """A new code for /setup/, in place of any older one. Only its hash is kept."""
    code = new_id()
    kept = SiteSettings.current()
    kept.setup_code_hash = hash_token(plain_code(code))
    kept.save(update_fields=["setup_code_hash"])
    record("site.setup_code.created", target=SITE)
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


@transaction.atomic
def set_up_site(*, code: str, display_name: str, email: str, password: str) -> User:
    """Create the first administrator. The lock makes the second of two who try find that the first was faster."""
    SiteSettings.current()
    SiteSettings.objects.select_for_update().get(id=1)
    if not needs_setup():
        raise NotAllowed("This site already has an administrator. Sign in instead.")
    if not is_setup_code(code):
        raise NotAllowed("This is not the setup code. Run “python manage.py setup_code” on the server for a new one.")
    person = create_admin(email=email, password=password, display_name=display_name)
    SiteSettings.objects.filter(id=1).update(setup_code_hash="")
    record("site.set_up", actor=person, target=SITE)
    return person


@transaction.atomic
def create_admin(*, email: str, password: str | None = None, display_name: str = "") -> User:
    """Their address counts as verified: whoever holds the server vouches for it. No password: none is usable."""
    person = User.objects.create_superuser(email, password, display_name=display_name)
    EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=True)
    record("person.admin.created", target=person_target(person))
    return person


@transaction.atomic
def make_sign_in_link(*, person: User) -> str:
    """The token of a new link. Only its hash is kept, for 24 hours."""
    token = new_token()
    until = timezone.now() + timedelta(hours=LINK_HOURS)
    SignInLink.objects.create(token_hash=hash_token(token), user=person, expires_at=until)
    record("signin_link.created", target=person_target(person))
    return token


@transaction.atomic
def use_sign_in_link(*, token: str) -> User | None:
    """Whoever the link is for; None where it is unknown, used or expired. Of many tries at once one succeeds."""
    link = SignInLink.objects.valid().filter(token_hash=hash_token(token))
    if not link.update(used_at=Now()):
        return None
    person = SignInLink.objects.select_related("user").get(token_hash=hash_token(token)).user
    record("signin_link.used", actor=person, target=person_target(person))
    return person
