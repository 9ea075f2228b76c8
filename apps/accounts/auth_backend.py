"""Sign-in by allauth; who is behind a request is read by a query that is compiled once."""

from __future__ import annotations

from allauth.account.auth_backends import AuthenticationBackend as AllauthBackend

from apps.accounts.models import User
from apps.accounts.sessions import PERSON


class AuthenticationBackend(AllauthBackend):  # type: ignore[misc]  # allauth tells no types
    def get_user(self, user_id: str) -> User | None:
        user = PERSON.first(person=user_id)
        return user if user is not None and self.user_can_authenticate(user) else None
