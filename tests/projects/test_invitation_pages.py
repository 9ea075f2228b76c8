"""Inviting by mail and by link, and joining, over HTTP."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client, override_settings
from django.urls import reverse

from apps.accounts.models import SiteSettings, User
from apps.projects.access import role_of
from apps.projects.actions.invitations import invite, revoke_invitation
from apps.projects.models import Invitation, Role
from tests.projects.conftest import SignedIn
from tests.world import PASSWORD, World


def invited(world: World, email: str = "", role: Role = Role.EDITOR) -> str:
    """The path of a new invitation's page."""
    _, token = invite(actor=world.owner, project=world.project, email=email, role=role, days=7)
    return reverse("invitation", args=[token])


def send(browser: Client, world: World, **data: object):
    url = reverse("project_invite", args=[world.project.pk])
    return browser.post(url, {"email": "", "role": 20, "days": 7, **data}, follow=True)


def test_by_link_it_is_shown_once(signed_in: SignedIn, world: World) -> None:
    browser = signed_in("owner")
    page = send(browser, world)
    link = re.search(r'value="(http://[^"]+/invitations/[^"]+)"', page.text)
    assert link
    assert not mail.outbox
    again = browser.get(reverse("project_members", args=[world.project.pk])).text
    assert "The invitation is ready" not in again
    assert "Anyone with the link" in again
    path = "/" + link[1].split("/", 3)[3]
    assert "Join Lighthouse" in signed_in("stranger").get(path).text


def test_by_mail(signed_in: SignedIn, world: World) -> None:
    page = send(signed_in("owner"), world, email="New@Example.org", role=10)
    assert "A mail is on its way to new@example.org" in page.text
    [letter] = mail.outbox
    assert letter.to == ["new@example.org"]
    assert "Owner invites you to Lighthouse" in letter.subject
    assert "as viewer" in letter.body
    assert re.search(r"http://\S+/invitations/\S{43}/", letter.body)


@pytest.mark.parametrize("wrong", [{"email": "no address"}, {"role": 40}, {"role": ""}, {"days": 8}, {"days": 365}])
def test_bad_input_is_explained_and_invites_nobody(signed_in: SignedIn, world: World, wrong: dict[str, object]) -> None:
    response = send(signed_in("owner"), world, **wrong)
    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.text
    assert not Invitation.objects.exists()


def test_a_member_is_not_invited_again(signed_in: SignedIn, world: World) -> None:
    response = send(signed_in("owner"), world, email="viewer@example.org")
    assert response.status_code == 422
    assert "is a member already" in response.text


def test_revoking(signed_in: SignedIn, world: World) -> None:
    path, browser = invited(world), signed_in("owner")
    url = reverse("project_uninvite", args=[world.project.pk, Invitation.objects.get().pk])
    assert "no longer works" in browser.post(url, follow=True).text
    assert "already used, revoked" in browser.post(url, follow=True).text
    assert signed_in("stranger").get(path).status_code == 410


def test_looking_changes_nothing_and_joining_does(signed_in: SignedIn, world: World) -> None:
    path, browser = invited(world), signed_in("stranger")
    page = browser.get(path)
    for part in ("Join Lighthouse", "Owner</strong>", "as editor", "stranger@example.org"):
        assert part in page.text
    assert page.headers["Cache-Control"].startswith("max-age=0")
    assert role_of(world.stranger, world.project) is None
    assert browser.post(path).headers["Location"] == reverse("project", args=[world.project.pk])
    assert role_of(world.stranger, world.project) is Role.EDITOR


def test_a_used_one_leads_its_user_to_the_project_and_tells_others(signed_in: SignedIn, world: World) -> None:
    path = invited(world)
    signed_in("stranger").post(path)
    assert signed_in("stranger").get(path).headers["Location"] == reverse("project", args=[world.project.pk])
    response = signed_in("admin").get(path)
    assert response.status_code == 410
    assert "has already been used" in response.text


def test_for_somebody_else(signed_in: SignedIn, world: World) -> None:
    path = invited(world, "someone@example.org")
    for response in (signed_in("stranger").get(path), signed_in("stranger").post(path)):
        assert response.status_code == 403
        assert "for someone@example.org" in response.text
    assert role_of(world.stranger, world.project) is None


def test_revoked_is_refused_to_signed_out_people_too(client: Client, world: World) -> None:
    path = invited(world)
    revoke_invitation(actor=world.owner, project=world.project, invitation_id=Invitation.objects.get().pk)
    assert client.get(path).status_code == 410
    assert client.post(path).status_code == 410


@pytest.mark.parametrize("token", ["x", "é", "a" * 400, "\x00"])
def test_an_unknown_token_is_not_found(client: Client, world: World, token: str) -> None:
    assert client.get(reverse("invitation", args=[token])).status_code == 404


def test_signed_out_people_sign_in_and_come_back(client: Client, world: World) -> None:
    path = invited(world)
    page = client.get(path).text
    login = re.search(r'href="([^"]*login[^"]*)"', page.partition("<main")[2])
    assert login
    response = client.post(login[1], {"login": "stranger@example.org", "password": PASSWORD})
    assert response.headers["Location"] == path
    client.post(path)
    assert role_of(world.stranger, world.project) is Role.EDITOR


@pytest.mark.parametrize("email", ["", "new@example.org"])
def test_an_invitation_opens_sign_up_where_it_is_by_invitation(client: Client, world: World, email: str) -> None:
    site = SiteSettings.current()
    site.sign_up = SiteSettings.SignUp.INVITATION
    site.save()
    assert client.get(reverse("account_signup")).status_code == 403
    path = invited(world, email)
    page = client.get(path).text
    signup = re.search(r'href="([^"]*signup[^"]*)"', page.partition("<main")[2])
    assert signup
    form = {"display_name": "New", "email": "new@example.org", "password1": PASSWORD}
    response = client.post(signup[1], form)
    assert response.headers["Location"] == path, response.text[:3000]
    client.post(path)
    assert role_of(User.objects.get(email="new@example.org"), world.project) is Role.EDITOR


def test_posting_while_signed_out_joins_nobody(client: Client, world: World) -> None:
    path = invited(world)
    assert client.post(path).status_code == 200
    assert world.project.memberships.count() == 3


@override_settings(ACCOUNT_RATE_LIMITS={"project_invite": "2/h/user"})
def test_too_many_invitations_at_once_are_refused(signed_in: SignedIn, world: World) -> None:
    browser = signed_in("owner")
    statuses = [send(browser, world, email=f"p{n}@example.org").status_code for n in range(3)]
    assert statuses == [200, 200, 429]
    assert len(mail.outbox) == 2
