"""One's own account: name, sessions, export, deletion."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.accounts import deletion, export, middleware
from apps.accounts.models import User
from apps.audit.models import AuditEvent
from tests.accounts.people import post_sign_in, sign_in, signed_in_as
from tests.world import PASSWORD


def test_a_name_can_be_changed(world, client):
    sign_in(client, world.owner)
    client.post(reverse("profile"), {"display_name": "Olga Owner"})
    world.owner.refresh_from_db()
    assert (str(world.owner), world.owner.initials) == ("Olga Owner", "OO")
    assert AuditEvent.objects.filter(action="account.renamed").count() == 1
    assert "required" in client.post(reverse("profile"), {"display_name": "  "}).content.decode()


def test_sessions_are_listed_and_ended_one_by_one(world, client):
    laptop, phone = client, Client(HTTP_USER_AGENT="Mozilla/5.0 (iPhone) Safari/604.1")
    for one in (laptop, phone):
        post_sign_in(one, "owner@example.org")
    page = laptop.get(reverse("usersessions_list")).content.decode()
    assert "Safari on iPhone" in page
    assert "This browser" in page
    session = UserSession.objects.get(session_key=phone.session.session_key)
    laptop.post(reverse("session_revoke", args=[session.pk]))
    assert phone.get(reverse("profile")).status_code == 302
    assert laptop.get(reverse("profile")).status_code == 200
    event = AuditEvent.objects.get(action="account.session.revoked")
    assert (event.actor_id, event.details) == (world.owner.pk, {"count": 1})


def test_all_other_sessions_end_at_once(world, client):
    others = [Client(), Client()]
    for one in (*others, client):
        post_sign_in(one, "owner@example.org")
    client.post(reverse("usersessions_list"))
    assert [one.get(reverse("profile")).status_code for one in (*others, client)] == [302, 302, 200]
    assert AuditEvent.objects.get(action="account.session.revoked").details == {"count": 2}


def test_ending_the_own_session_signs_out(world, client):
    post_sign_in(client, "owner@example.org")
    client.post(reverse("session_revoke", args=[UserSession.objects.get().pk]))
    assert not signed_in_as(client)


def test_nobody_ends_anothers_session(world, client):
    other = Client()
    post_sign_in(other, "owner@example.org")
    sign_in(client, world.stranger)
    response = client.post(reverse("session_revoke", args=[UserSession.objects.get(user=world.owner).pk]))
    assert response.status_code == 404
    assert other.get(reverse("profile")).status_code == 200


def test_export_holds_ones_own_rows_and_no_secret(world, client):
    sign_in(client, world.owner, fresh=True)
    response = client.post(reverse("account_export"))
    assert response["Content-Type"] == "application/zip"
    files = zipfile.ZipFile(io.BytesIO(response.content))
    account = json.loads(files.read("account.json"))
    assert [row["email"] for row in account] == ["owner@example.org"]
    everything = b"".join(files.read(name) for name in files.namelist()).decode()
    assert world.owner.password not in everything
    assert "stranger@" not in everything
    assert AuditEvent.objects.filter(action="account.exported", actor_id=world.owner.pk).exists()


def test_export_asks_for_the_password_and_then_goes_on(world, client):
    sign_in(client, world.owner)
    asked = client.post(reverse("account_export"))
    assert asked.url.startswith(reverse("account_reauthenticate"))
    response = client.post(asked.url, {"password": PASSWORD, "next": reverse("account_export")})
    assert response["Content-Type"] == "application/zip"


def test_other_apps_add_to_the_export(world, monkeypatch):
    monkeypatch.setattr(export, "_exporters", {})
    export.register_exporter("notes", lambda user: [{"text": user.email}])
    files = zipfile.ZipFile(io.BytesIO(export.export_of(world.owner)))
    assert json.loads(files.read("notes.json")) == [{"text": "owner@example.org"}]
    with pytest.raises(ValueError, match="notes"):
        export.register_exporter("notes", lambda user: [])


def test_an_account_is_deleted_after_typing_its_address(world, client):
    sign_in(client, world.stranger, fresh=True)
    wrong = client.post(reverse("account_delete"), {"confirm": "owner@example.org"})
    assert "not the address of this account" in wrong.content.decode()
    client.post(reverse("account_delete"), {"confirm": "Stranger@example.org"})
    assert not User.objects.filter(pk=world.stranger.pk).exists()
    assert not signed_in_as(client)
    assert AuditEvent.objects.filter(action="account.deleted", target_id=world.stranger.pk).exists()


def test_deletion_asks_for_the_password_first(world, client):
    sign_in(client, world.stranger)
    response = client.post(reverse("account_delete"), {"confirm": "stranger@example.org"})
    assert response.url.startswith(reverse("account_reauthenticate"))
    assert User.objects.filter(pk=world.stranger.pk).exists()


def test_the_last_admin_stays(world, client):
    sign_in(client, world.admin, fresh=True)
    page = client.get(reverse("account_delete")).content.decode()
    assert "only administrator" in page
    client.post(reverse("account_delete"), {"confirm": "admin@example.org"})
    assert User.objects.filter(pk=world.admin.pk).exists()
    User.objects.filter(pk=world.owner.pk).update(is_superuser=True)
    assert deletion.why_not(world.admin) == []


def test_other_apps_guard_and_follow_a_deletion(world, client, monkeypatch):
    gone = []
    monkeypatch.setattr(deletion, "_guards", [lambda user: "Not yet." if user == world.owner else None])
    monkeypatch.setattr(deletion, "_hooks", [lambda user: gone.append(user.pk)])
    for person in (world.owner, world.stranger):
        one = Client()
        sign_in(one, person, fresh=True)
        one.post(reverse("account_delete"), {"confirm": person.email})
    assert gone == [world.stranger.pk]
    assert User.objects.filter(pk=world.owner.pk).exists()


def test_a_new_address_can_become_the_primary_one(world, client):
    sign_in(client, world.owner, fresh=True)
    client.post(reverse("account_email"), {"action_add": "", "email": "olga@example.org"})
    assert AuditEvent.objects.filter(action="account.email.added").exists()
    client.post(reverse("account_email"), {"action_primary": "", "email": "olga@example.org"})
    world.owner.refresh_from_db()
    assert world.owner.email == "olga@example.org"
    assert EmailAddress.objects.get(user=world.owner, primary=True).email == "olga@example.org"
    client.post(reverse("account_email"), {"action_remove": "", "email": "owner@example.org"})
    assert list(EmailAddress.objects.filter(user=world.owner).values_list("email", flat=True)) == ["olga@example.org"]


def test_activity_is_noted_every_five_minutes_at_most(world, client, monkeypatch):
    monkeypatch.setattr(middleware, "NOTED_SECONDS", 0)  # ask the database at every request
    post_sign_in(client, "owner@example.org")
    seen = timezone.now() - timedelta(minutes=6)
    UserSession.objects.update(last_seen_at=seen)
    client.get(reverse("profile"))
    noted = UserSession.objects.get().last_seen_at
    assert noted > seen
    client.get(reverse("profile"))
    assert UserSession.objects.get().last_seen_at == noted


def test_activity_costs_one_statement_a_minute(world, client):
    post_sign_in(client, "owner@example.org")
    client.get(reverse("profile"))
    with CaptureQueriesContext(connection) as seen:
        client.get(reverse("profile"))
    assert not [query for query in seen.captured_queries if query["sql"].startswith('UPDATE "usersessions')]
