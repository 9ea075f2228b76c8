"""API tokens in every state that one can be in."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from apps.api.actions import create_token, revoke_token
from apps.api.models import ApiToken
from apps.projects.models import Membership, Project, Role
from tests.e2e.furniture.people import People

NAMES = ("Notebook of the tide tables", "Editor at work", "Old laptop", "Lost telephone")


def give(people: People) -> None:
    now = timezone.now()
    made = [_token(people, name) for name in NAMES]
    ApiToken.objects.filter(pk=made[0].pk).update(last_used_at=now - timedelta(minutes=4))
    ApiToken.objects.filter(pk=made[2].pk).update(expires_at=now - timedelta(days=2))
    revoke_token(actor=people.member, token=made[3])
    archive = Project.objects.create(name="Archive of the harbour", archived_at=now)
    Membership.objects.create(project=archive, user=people.member, role=Role.OWNER)
    create_token(actor=people.member, project=archive, name="Nightly summaries", days=None)
    create_token(actor=people.others[0], project=people.project, name="Compilers", days=365)


def _token(people: People, name: str) -> ApiToken:
    return create_token(actor=people.member, project=people.project, name=name, days=90)[0]
