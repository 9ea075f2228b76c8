"""After an account is deleted its address is nowhere: every column of every table is searched for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.accounts.actions.invitations import invite_to_sign_up
from apps.accounts.actions.profile import delete_account
from apps.accounts.models import SignUpInvitation, User
from apps.api.actions import create_token, revoke_token
from apps.audit.erasure import erase_stragglers
from apps.audit.labels import forget_all
from apps.audit.models import ERASED, AuditEvent, Label
from apps.audit.record import record
from apps.audit.sealing import seal_and_sign
from apps.governance.actions.requests import approve_request, request_access
from apps.moderation.models import Notice
from apps.projects.actions.invitations import accept_invitation, invite
from apps.projects.actions.projects import create_project
from apps.projects.models import Invitation, Project, Role
from apps.quotas.governing import set_quota
from apps.quotas.models import Metric, Period, Subject
from tests.accounts.people import post_sign_in, sign_in
from tests.audit.copies import verify
from tests.conversations.build import listed_model
from tests.governance.permits import open_to_everyone
from tests.moderation.build import report
from tests.world import PASSWORD, World

ADDRESS, FORMER = "grace.hopper@example.org", "grace@navy.example.org"


def places_of(text: str) -> set[str]:
    """The tables with a row in any of whose columns `text` stands, JSON and sessions included."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(
                f'SELECT EXISTS (SELECT FROM "{table}" AS row WHERE strpos(lower(row::text), %s) > 0)', [text]
            )
            if cursor.fetchone()[0]:
                found.add(table)
    if any(text in str(session.get_decoded()) for session in Session.objects.all()):
        found.add(Session._meta.db_table)
    return found


@pytest.fixture
def grace(world: World) -> User:
    """Somebody without a name, who did and was done to whatever may leave an address behind."""
    invite_to_sign_up(actor=world.admin, email=FORMER, days=7)
    invite_to_sign_up(actor=world.admin, email=ADDRESS, days=7)
    person = User.objects.create_user(FORMER, PASSWORD)
    record("account.signed_up", actor=person)
    person.email = ADDRESS
    person.save()
    EmailAddress.objects.create(user=person, email=ADDRESS, primary=True, verified=True)
    signed = SignUpInvitation.objects.filter(email=FORMER)
    signed.update(accepted_at=timezone.now(), accepted_by=person)
    invitation, _ = invite(actor=world.owner, project=world.project, email=ADDRESS, role=Role.EDITOR, days=7)
    accept_invitation(actor=person, invitation=invitation)
    other = create_project(actor=world.editor, name="Elsewhere", description="")
    invite(actor=world.editor, project=other, email=ADDRESS, role=Role.VIEWER, days=7)
    create_project(actor=person, name="Mine alone", description="")
    model = listed_model("mira")
    asked = request_access(actor=person, model=model, project=world.project)
    approve_request(actor=world.admin, request=asked, for_project=True)
    request_access(actor=person, model=model)
    report(world, person)
    token, _ = create_token(actor=person, project=world.project, name=f"Laptop of {ADDRESS}", days=30)
    revoke_token(actor=world.admin, token=token)
    quota = {"subject": Subject.USER, "metric": Metric.TOKENS, "period": Period.DAY, "limit": 10}
    set_quota(actor=world.admin, user=person, **quota)
    return person


def visit(world: World) -> Client:
    """Over HTTP: sign-ins that fail and succeed, on two devices, and others who look for the address."""
    post_sign_in(Client(), ADDRESS, "not it", REMOTE_ADDR="192.0.2.77")
    for _ in range(2):
        client = Client()
        post_sign_in(client, ADDRESS)
        assert client.get("/projects/").status_code == 200
    admin = Client()
    sign_in(admin, world.admin, fresh=True)
    for address in (f"audit/?actor={ADDRESS}", f"audit/export.csv?target={ADDRESS}", f"people/?q={ADDRESS}&export=csv"):
        assert admin.get(f"/console/{address}").status_code == 200
    return client


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_no_row_of_any_table_has_the_address(world: World, grace: User, keys: Path, settings: Any) -> None:
    client = visit(world)
    seal_and_sign()
    forget_all()  # as in a process that was started just now, which writes the labels of its first events anew
    before = places_of(ADDRESS)
    known = {"accounts_user", "account_emailaddress", "accounts_signupinvitation", "projects_invitation", "audit_label"}
    assert known | {"django_session"} <= before
    assert places_of(FORMER) == {"accounts_signupinvitation", "audit_label"}
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.post("/me/delete/", {"confirm": ADDRESS})
    assert not User.objects.filter(pk=grace.pk).exists()
    assert places_of(ADDRESS) == places_of(FORMER) == places_of("192.0.2.77") == set()
    assert places_of("grace.hopper") == set()
    seal_and_sign()
    assert verify(keys).first is None
    invited = AuditEvent.objects.filter(action="signup.invitation.created")
    assert {event.target_label for event in invited} == {ERASED}


def test_an_open_invitation_ends_and_is_for_nobody_else(world: World, grace: User) -> None:
    delete_account(person=grace)
    assert not Invitation.objects.filter(project__name="Elsewhere").open().exists()
    assert not SignUpInvitation.objects.valid().exists()
    assert not Project.objects.filter(name="Mine alone").exists()
    assert Invitation.objects.exclude(email="").count() == 0


def test_approvers_and_others_keep_what_is_not_about_them(world: World, grace: User) -> None:
    open_to_everyone(listed_model("nova"))
    request_access(actor=world.viewer, model=listed_model("luna"))
    invite_to_sign_up(actor=world.admin, email="ada@example.org", days=7)
    delete_account(person=grace)
    titles = list(Notice.objects.filter(user=world.admin).values_list("title", flat=True))
    assert "Viewer asks for access to Luna" in titles
    assert not any("grace" in title for title in titles)
    assert SignUpInvitation.objects.valid().get().email == "ada@example.org"
    assert Label.objects.filter(text="ada@example.org").exists()


def test_an_address_that_somebody_else_has_now_is_theirs(world: World, grace: User) -> None:
    User.objects.filter(pk=world.viewer.pk).update(email=FORMER)
    world.viewer.refresh_from_db()
    record("account.renamed", actor=world.viewer)
    delete_account(person=grace)
    assert AuditEvent.objects.get(action="account.renamed").actor_label == FORMER
    assert places_of(ADDRESS) == set()


def test_what_was_under_way_is_erased_afterwards(world: World, grace: User) -> None:
    late = User(pk=grace.pk, email=ADDRESS)
    delete_account(person=grace)
    forget_all()
    record("generation.succeeded", actor=late)
    assert places_of(ADDRESS) == {"audit_label"}
    assert erase_stragglers()
    assert places_of(ADDRESS) == set()
