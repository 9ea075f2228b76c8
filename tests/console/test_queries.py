"""However much there is, a page of the console asks the database the same number of questions."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import SignUpInvitation, User
from apps.api.actions import create_token
from apps.catalog.models import HostedModel
from apps.governance.models import AccessRequest, Grant, KillSwitch, Subject
from apps.moderation.models import Case
from apps.quotas.models import Metric, Period, Quota
from apps.quotas.models import Subject as Whose
from tests.console.conftest import Staff
from tests.matrix.rooms import console
from tests.matrix.tables import rows
from tests.world import World

MOST = 32
PAGES = [row.route for row in rows(console.ROWS) if row.method == "GET"]


def more(world: World, number: int) -> None:
    """One more of everything that a page may list."""
    person = User.objects.create_user(f"more{number}@example.org", None, display_name=f"More {number}")
    group = Group.objects.create(name=f"Group {number}")
    group.user_set.add(person, world.stranger)
    Group.objects.get(name="Readers of the matrix").user_set.add(person)
    matrix_model = HostedModel.objects.get(pk=console.MODEL)
    model = HostedModel.objects.create(id=f"more-{number}", name=f"More {number}", state="approved")
    for hosted in (model, matrix_model):
        Grant.objects.create(subject_type=Subject.GROUP, group=group, hosted_model=hosted, created_by=world.admin)
        Grant.objects.create(subject_type=Subject.USER, user=world.stranger, hosted_model=hosted)
    AccessRequest.objects.create(user=person, hosted_model=model, project=world.project)
    KillSwitch.objects.create(hosted_model=model, message="Stopped.", thrown_by=person)
    Quota.objects.create(subject=Whose.USER, user=person, metric=Metric.TOKENS, period=Period.DAY, created_by=person)
    case = Case.objects.create(kind="prompt", thing_id=f"{number}", author=person, label="Buy this")
    case.reports.create(reporter=world.stranger, reason="spam")
    case.decisions.create(moderator=world.admin, outcome="warn")
    create_token(actor=person, project=world.project, name="Notebook", days=30)
    expires = "2099-01-01T00:00Z"
    SignUpInvitation.objects.create(token_hash=f"{number}", created_by=person, expires_at=expires)


def count(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert client.get(url).status_code == 200
    return len(asked)


def test_the_number_of_queries_is_constant(world: World, staff: Staff) -> None:
    parts: dict[str, Any] = console.things(world)
    urls, client = {route: reverse(route, kwargs=parts.get(route)) for route in PAGES}, staff.client("admin")
    for number in range(2):
        more(world, number)
    for url in urls.values():
        client.get(url)  # the first visit also notes the session as seen
    few = {route: count(client, url) for route, url in urls.items()}
    for number in range(2, 12):
        more(world, number)
    assert {route: count(client, url) for route, url in urls.items()} == few
    assert {route: number for route, number in few.items() if number > MOST} == {}
