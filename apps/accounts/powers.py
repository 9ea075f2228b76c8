"""What administrators, governors, auditors and moderators may do beyond their own projects."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase

from apps.accounts.models import SiteRole, User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


class Power(Enum):
    SEE = auto()
    """The pages of the console."""
    SEE_AUDIT = auto()
    SEE_REPORTS = auto()
    GOVERN = auto()
    """Models, grants, requests, quotas and prices."""
    MODERATE = auto()
    ADMINISTER = auto()
    """People, their roles, and the settings of the site."""


NEEDED = {
    Power.SEE: "This page is for administrators, governors and auditors.",
    Power.SEE_AUDIT: "The audit log is for administrators and auditors.",
    Power.SEE_REPORTS: "Reports are for administrators, moderators and auditors.",
    Power.GOVERN: "Only administrators and governors may change this.",
    Power.MODERATE: "Only administrators and moderators may do this.",
    Power.ADMINISTER: "Only administrators may change this.",
}
"""The sentence for who has another role on the site."""
POWERS = {
    SiteRole.MEMBER: frozenset[Power](),
    SiteRole.GOVERNOR: frozenset({Power.SEE, Power.GOVERN}),
    SiteRole.AUDITOR: frozenset({Power.SEE, Power.SEE_AUDIT, Power.SEE_REPORTS}),
    SiteRole.MODERATOR: frozenset({Power.SEE_REPORTS, Power.MODERATE}),
}


def powers_of(user: User | AnonymousUser) -> frozenset[Power]:
    """Nothing for signed-out and deactivated people; everything for administrators."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    return frozenset(Power) if user.is_superuser else POWERS[SiteRole(user.site_role)]


def people_with(power: Power) -> QuerySet[User]:
    """Everybody who has it, administrators included."""
    roles = [role for role, powers in POWERS.items() if power in powers]
    return User.objects.filter(Q(is_superuser=True) | Q(site_role__in=roles), is_active=True)


def power_required(power: Power) -> Callable[[View[P]], View[P]]:
    """The page does not exist for people without any power; who has another one reads whom it is for."""

    def decorate(view: View[P]) -> View[P]:
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            powers = powers_of(cast("User", request.user))
            if not powers:
                raise Http404
            if power not in powers:
                raise PermissionDenied(NEEDED[power])
            return view(request, *args, **kwargs)

        return cast("View[P]", guarded)

    return decorate
