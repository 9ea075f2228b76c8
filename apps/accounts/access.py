"""The only way to people and to the console."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from allauth.account.decorators import reauthentication_required
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from apps.accounts.models import SignUpInvitation, User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def admin_required(view: View[P]) -> View[P]:
    """The page does not exist for anyone but administrators; who isn't signed in is asked to."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not signed_in_user(request).is_admin:
            raise Http404
        return view(request, *args, **kwargs)

    return cast("View[P]", guarded)


def asks_again(view: View[P]) -> View[P]:
    """Whoever changes who can get in confirms their password or second factor first, unless they just did."""
    return cast("View[P]", reauthentication_required(view, allow_get=True))


def signed_in_user(request: HttpRequest) -> User:
    """The person behind a request that `login_required` let through."""
    assert isinstance(request.user, User)
    return request.user


def people() -> QuerySet[User]:
    return User.objects.order_by("-is_active", "-is_superuser", "display_name", "email", "pk")


def get_person(person_id: str) -> User:
    return get_object_or_404(User, pk=person_id)


def get_invitation(invitation_id: str) -> SignUpInvitation:
    return get_object_or_404(SignUpInvitation, pk=invitation_id)


def get_group(group_id: int) -> Group:
    return get_object_or_404(Group, pk=group_id)
