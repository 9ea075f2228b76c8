"""Who may sign up, and what becomes of invitations."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.actions.invitations import invite_to_sign_up, revoke_invitation
from apps.accounts.models import SignUpInvitation, SiteSettings, User
from apps.accounts.signup import BY_INVITATION, CLOSED, allow_signup_in, may_sign_up
from apps.audit.models import AuditEvent
from tests.accounts.people import signed_in_as
from tests.world import PASSWORD, make_world

NEW = {"display_name": "Nora New", "email": "Nora@Example.org", "password1": PASSWORD}


def post(client: Client, **changes: str):
    return client.post(reverse("account_signup"), {**NEW, **changes})


def mode(value: str) -> None:
    SiteSettings.current()
    SiteSettings.objects.update(sign_up=value)


def invited(world, email: str = "", days: int = 7) -> tuple[SignUpInvitation, str]:
    invitation, token = invite_to_sign_up(actor=world.admin, email=email, days=days)
    return invitation, reverse("sign_up_invitation", args=[token])


def test_open_sign_up_makes_an_account_and_signs_in(world, client):
    assert post(client).status_code == 302
    person = User.objects.get(email="nora@example.org")
    assert (person.display_name, person.is_superuser, signed_in_as(client)) == ("Nora New", False, person.pk)
    assert EmailAddress.objects.get(user=person).primary
    assert AuditEvent.objects.filter(action="account.signed_up", actor_id=person.pk).count() == 1
    assert AuditEvent.objects.filter(action="account.signed_in", actor_id=person.pk).count() == 1


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("display_name", "", "required"),
        ("email", "nonsense", "valid email"),
        ("password1", "short", "at least 8"),
        ("password1", "password", "too common"),
        ("display_name", "x" * 81, "at most 80"),
        ("display_name", "a\0b", "Null characters"),
    ],
)
def test_bad_input_makes_nothing(world, client, field, value, sentence):
    before = User.objects.count()
    response = post(client, **{field: value})
    assert sentence in response.content.decode()
    assert User.objects.count() == before


@pytest.mark.parametrize(("value", "sentence"), [("invitation", BY_INVITATION), ("closed", CLOSED)])
def test_refusal_says_why(world, client, value, sentence):
    mode(value)
    for response in (client.get(reverse("account_signup")), post(client)):
        assert response.status_code == 403
        assert sentence in response.content.decode()
    assert not User.objects.filter(email="nora@example.org").exists()


def test_invitation_lets_one_person_in(world, client):
    mode("invitation")
    invitation, link = invited(world)
    assert client.get(link, follow=True).status_code == 200
    assert post(client).status_code == 302
    invitation.refresh_from_db()
    assert invitation.accepted_by.email == "nora@example.org"
    other = Client()
    assert other.get(link).status_code == 403
    assert post(other, email="late@example.org").status_code == 403


def test_invitation_by_mail_is_for_that_address_and_confirms_it(world, client):
    mode("invitation")
    _, link = invited(world, "nora@example.org")
    client.get(link)
    response = post(client, email="other@example.org")
    assert "This invitation is for nora@example.org" in response.content.decode()
    assert post(client).status_code == 302
    assert EmailAddress.objects.get(email="nora@example.org").verified


def test_an_invitation_confirms_no_other_address(world, client):
    _, link = invited(world, "nora@example.org")
    client.get(link)
    post(client, email="else@example.org")
    person = User.objects.get(email="else@example.org")
    assert list(EmailAddress.objects.filter(user=person).values_list("email", "verified")) == [(person.email, False)]


def test_revoked_and_expired_invitations_are_refused(world, client):
    mode("invitation")
    revoked, revoked_link = invited(world)
    client.get(revoked_link)
    assert revoke_invitation(actor=world.admin, invitation=revoked)
    assert post(client).status_code == 403
    expired, expired_link = invited(world)
    SignUpInvitation.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().get(expired_link).status_code == 403
    assert not revoke_invitation(actor=world.admin, invitation=expired)


def test_closed_is_closed_even_with_an_invitation(world, client):
    _, link = invited(world)
    mode("closed")
    client.get(link)
    assert post(client).status_code == 403


def test_other_apps_can_open_sign_up_for_a_browser(world, client, rf):
    mode("invitation")
    session = client.session
    allow_signup_in(session, email="nora@example.org")
    session.save()
    request = rf.get("/")
    request.session = session
    assert may_sign_up(request)
    assert post(client, email="else@example.org").status_code == 200
    assert post(client).status_code == 302


def test_a_permit_runs_out(world, client):
    mode("invitation")
    session = client.session
    allow_signup_in(session, minutes=0)
    session.save()
    assert post(client).status_code == 403


def test_the_token_itself_is_kept_nowhere(world):
    invitation, token = invite_to_sign_up(actor=world.admin, email="", days=1)
    assert token not in str(SignUpInvitation.objects.filter(pk=invitation.pk).values())
    assert token not in str(AuditEvent.objects.values_list("details", "target_label", "target_id"))


@pytest.mark.django_db(transaction=True)
def test_fifty_browsers_race_for_one_invitation(client):
    world = make_world()
    mode("invitation")
    _, link = invited(world)
    clients = [Client(REMOTE_ADDR=f"10.0.0.{n}") for n in range(50)]
    for one in clients:
        one.get(link)

    def race(number: int) -> int:
        try:
            return post(clients[number], email=f"racer{number}@example.org").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        codes = list(pool.map(race, range(50)))
    assert sorted(codes) == [302] + [403] * 49
    assert User.objects.filter(email__startswith="racer").count() == 1
