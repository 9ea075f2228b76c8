"""People: User, invitations to sign up, one-time sign-in links and the site's own settings."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.utils import timezone

from apps.lib.ids import new_id


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **extra: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)


class SiteRole(models.TextChoices):
    """What a person does for the whole site, beside being one of its administrators. See `powers`."""

    MEMBER = "", "Member"
    GOVERNOR = "governor", "Governor"
    AUDITOR = "auditor", "Auditor"
    MODERATOR = "moderator", "Moderator"


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Signs in by email; `is_superuser` marks the site's administrators."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    display_name = models.CharField(max_length=80, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    site_role = models.CharField(max_length=12, choices=SiteRole.choices, default=SiteRole.MEMBER, blank=True)
    date_joined = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    objects = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_unique")]

    def __str__(self) -> str:
        return self.display_name or self.email.split("@")[0]

    @property
    def is_admin(self) -> bool:
        return self.is_active and self.is_superuser

    def can_sign_in_again(self) -> bool:
        """Whether there is any way back in: a password, a passkey or an account elsewhere."""
        return (
            self.has_usable_password()
            or self.socialaccount_set.exists()  # type: ignore[attr-defined]
            or self.authenticator_set.filter(type="webauthn").exists()  # type: ignore[attr-defined]
        )

    @property
    def initials(self) -> str:
        """One or two capital letters for the avatar."""
        words = str(self).replace(".", " ").replace("_", " ").replace("-", " ").split() or ["?"]
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


class SiteSettings(models.Model):
    """What administrators set for the whole site; one row."""

    class SignUp(models.TextChoices):
        OPEN = "open", "Open: anyone may sign up"
        INVITATION = "invitation", "By invitation"
        CLOSED = "closed", "Closed"

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    sign_up = models.CharField(max_length=12, choices=SignUp.choices, default=SignUp.OPEN)
    setup_code_hash = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="site_settings_one_row")]

    @classmethod
    def current(cls) -> SiteSettings:
        return cls.objects.get_or_create(id=1)[0]


class SignUpInvitationQuerySet(models.QuerySet["SignUpInvitation"]):
    def valid(self) -> Self:
        """Neither accepted, revoked nor expired, by the database's clock."""
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=Now())

    def forget(self, person: User, addresses: Collection[str]) -> None:
        """Take a person's addresses out of them; what was not accepted ends, or it would be for anybody."""
        theirs = self.filter(Q(email__in=addresses) | Q(accepted_by=person))
        theirs.filter(accepted_at=None, revoked_at=None).update(revoked_at=Now())
        theirs.update(email="")


class SignUpInvitation(models.Model):
    """A link with which one person may sign up while sign-up is by invitation.

    With `email`, only that person; without, the first who follows the link.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    token_hash = models.CharField(max_length=64, unique=True)
    email = models.EmailField(blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = SignUpInvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]


class SignInLinkQuerySet(models.QuerySet["SignInLink"]):
    def valid(self) -> Self:
        """Neither used nor expired, by the database's clock."""
        return self.filter(used_at=None, expires_at__gt=Now())


class SignInLink(models.Model):
    """A one-time link that signs one person in; made on the command line only."""

    token_hash = models.CharField(primary_key=True, max_length=64)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    objects = SignInLinkQuerySet.as_manager()
