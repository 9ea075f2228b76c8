"""The console: people, invitations, settings."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse

from apps.accounts.actions.people import unmake_admin
from apps.accounts.errors import NotAllowed
from apps.accounts.models import SignUpInvitation, SiteSettings, User
from apps.audit.models import AuditEvent
from tests.accounts.people import post_sign_in, sign_in
from tests.world import make_world

PEOPLE = "/console/people/"


def change(client, person, what):
    return client.post(reverse("console_change_person", args=[person.pk, what]), follow=True)


@pytest.fixture
def console(world, client):
    sign_in(client, world.admin, fresh=True)
    return client


def test_list_search_and_pages(world, console, django_assert_max_num_queries):
    for number in range(60):
        User.objects.create_user(f"many{number:02}@example.org", None, display_name=f"Many {number:02}")
    with django_assert_max_num_queries(14):
        page = console.get(PEOPLE).content.decode()
    assert "Page 1 of 2" in page
    found = console.get(PEOPLE, {"q": "STRANGER"}).content.decode()
    assert "stranger@example.org" in found
    assert "owner@example.org" not in found
    assert "Nothing matches" in console.get(PEOPLE, {"q": "<nobody>\0"}).content.decode()
    assert console.get(PEOPLE, {"page": "-3"}).status_code == 200


def test_deactivation_ends_sessions_at_once(world, console):
    victim = Client()
    post_sign_in(victim, "owner@example.org")
    assert victim.get(reverse("profile")).status_code == 200
    change(console, world.owner, "deactivate")
    assert victim.get(reverse("profile")).status_code == 302
    assert post_sign_in(Client(), "owner@example.org").url == reverse("account_inactive")
    change(console, world.owner, "reactivate")
    assert victim.get(reverse("profile")).status_code == 302
    actions = list(AuditEvent.objects.filter(target_id=world.owner.pk).values_list("action", flat=True))
    assert {"person.deactivated", "person.reactivated", "account.session.revoked"} <= set(actions)


def test_admins_are_made_and_unmade(world, console):
    change(console, world.owner, "make-admin")
    assert User.objects.get(pk=world.owner.pk).is_admin
    change(console, world.owner, "unmake-admin")
    assert not User.objects.get(pk=world.owner.pk).is_admin
    assert AuditEvent.objects.filter(action__startswith="person.admin.").count() == 2


@pytest.mark.parametrize("what", ["deactivate", "unmake-admin"])
def test_the_last_admin_stays(world, console, what):
    assert "only administrator" in change(console, world.admin, what).content.decode()
    assert User.objects.get(pk=world.admin.pk).is_admin


def test_changes_ask_for_the_password_again(world, client):
    sign_in(client, world.admin)
    response = client.post(reverse("console_change_person", args=[world.owner.pk, "make-admin"]))
    assert response.url.startswith(reverse("account_reauthenticate"))
    assert not User.objects.get(pk=world.owner.pk).is_admin


@pytest.mark.django_db(transaction=True)
def test_two_admins_cannot_both_leave():
    world = make_world()
    User.objects.filter(pk=world.owner.pk).update(is_superuser=True)
    both = list(User.objects.filter(is_superuser=True))

    def leave(person: User) -> bool:
        try:
            unmake_admin(actor=person, person=person)
        except NotAllowed:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        left = list(pool.map(leave, both))
    assert sorted(left) == [False, True]
    assert User.objects.filter(is_superuser=True).count() == 1


def test_invite_by_mail_shows_the_link_once(world, console, settings):
    response = console.post(reverse("console_invite"), {"email": "New@example.org", "days": 3}, follow=True)
    invitation = SignUpInvitation.objects.get()
    link = next(word for word in mail.outbox[0].body.split() if "/sign-up/" in word)
    assert (mail.outbox[0].to, invitation.email) == (["new@example.org"], "new@example.org")
    assert link.startswith(settings.SITE_URL)
    assert link in response.content.decode()
    assert link not in console.get(PEOPLE).content.decode()
    console.post(reverse("console_uninvite", args=[invitation.pk]))
    assert not SignUpInvitation.objects.valid().exists()
    assert AuditEvent.objects.filter(action__startswith="signup.invitation.").count() == 2


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"email": "", "days": 0}, "greater than or equal to 1"),
        ({"email": "", "days": 91}, "less than or equal to 90"),
        ({"email": "nonsense", "days": 7}, "valid email"),
        ({"email": "OWNER@example.org", "days": 7}, "already has an account"),
    ],
)
def test_bad_invitations_make_nothing(world, console, data, sentence):
    response = console.post(reverse("console_invite"), data)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not SignUpInvitation.objects.exists()


def test_settings_are_saved_and_recorded(world, console):
    console.post(reverse("console_settings"), {"sign_up": "invitation"})
    assert SiteSettings.current().sign_up == "invitation"
    event = AuditEvent.objects.get(action="site.settings.changed")
    assert event.details == {"setting": "sign_up", "old": "open", "new": "invitation"}
    console.post(reverse("console_settings"), {"sign_up": "invitation"})
    console.post(reverse("console_settings"), {"sign_up": "everyone"})
    assert AuditEvent.objects.filter(action="site.settings.changed").count() == 1


@pytest.mark.parametrize("person", ["owner", "stranger"])
def test_nobody_else_changes_anything(world, client, person):
    sign_in(client, world.person(person), fresh=True)
    invite = client.post(reverse("console_invite"), {"email": "", "days": 7})
    deactivate = change(client, world.viewer, "deactivate")
    settings = client.post(reverse("console_settings"), {"sign_up": "closed"})
    assert [invite.status_code, deactivate.status_code, settings.status_code] == [404, 404, 404]
    assert User.objects.get(pk=world.viewer.pk).is_active


def test_unknown_people_and_changes_are_404(world, console):
    assert console.post("/console/people/0000000000000000/deactivate/").status_code == 404
    assert console.post(f"/console/people/{world.owner.pk}/promote/").status_code == 404
    assert console.post("/console/invitations/0000000000000000/revoke/").status_code == 404
