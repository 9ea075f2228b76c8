"""The email addresses of a person, for what has to be forgotten when they leave."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.db.models.functions import Lower

from apps.accounts.models import User
from apps.audit.erasure import addresses_of as in_the_log


def own_addresses(person: User) -> list[str]:
    """Those that they have or had and nobody else has now, in lower case."""
    confirmed = EmailAddress.objects.filter(user=person).values_list("email", flat=True)
    mine = {address.lower() for address in (person.email, *confirmed, *in_the_log(str(person.pk)))}
    others = User.objects.exclude(pk=person.pk).annotate(address=Lower("email")).filter(address__in=mine)
    theirs = EmailAddress.objects.exclude(user=person).annotate(address=Lower("email")).filter(address__in=mine)
    taken = set(others.values_list("address", flat=True)) | set(theirs.values_list("address", flat=True))
    return sorted(mine - taken)
