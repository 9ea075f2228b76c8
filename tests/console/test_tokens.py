"""API tokens of everybody, for those who answer for people."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.api.actions import create_token, revoke_token
from apps.api.models import ApiToken
from apps.audit.models import AuditEvent
from apps.moderation.models import Notice
from tests.console.conftest import Staff
from tests.world import World

URL = "/console/tokens/"


@pytest.fixture
def token(world: World) -> ApiToken:
    return create_token(actor=world.editor, project=world.project, name="Diary", days=30)[0]


def test_the_table_says_whose_and_where_and_not_what_they_call_it(staff: Staff, token: ApiToken) -> None:
    page = staff.client("auditor").get(URL).content.decode()
    assert all(told in page for told in ("Editor", "Lighthouse", f"…{token.hint}", "never", "Live"))
    assert "Diary" not in page
    assert "/revoke/" not in page


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_an_export_has_neither_hash_nor_name(staff: Staff, token: ApiToken) -> None:
    response = staff.client("auditor").get(URL, {"export": "csv"})
    text = b"".join(response).decode()  # type: ignore[arg-type]
    titles, line = csv.reader(io.StringIO(text))
    assert titles == ["Person", "Email", "Project", "Ends in", "Made", "Last used", "Until", "State"]
    assert line[:4] == ["Editor", "editor@example.org", "Lighthouse", token.hint]
    assert token.token_hash not in text
    assert "Diary" not in text


def test_the_states_are_told_apart(world: World, staff: Staff, token: ApiToken) -> None:
    expired, revoked = (
        create_token(actor=world.owner, project=world.project, name="Old", days=days)[0] for days in (30, None)
    )
    ApiToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(days=1))
    revoke_token(actor=world.owner, token=revoked)
    client = staff.client("governor")
    for state, found in (("live", token), ("expired", expired), ("revoked", revoked)):
        rows = client.get(URL, {"state": state}).context["shown"].page.rows
        assert [(row.pk, row.state) for row in rows] == [(found.pk, state)]


def test_an_administrator_revokes_one_and_its_person_is_told(world: World, staff: Staff, token: ApiToken) -> None:
    client = staff.client("admin")
    assert "/revoke/" in client.get(URL).content.decode()
    page = client.post(reverse("console_token_revoke", args=[token.pk]), follow=True).content.decode()
    assert f"The token of Editor that ends in {token.hint} is revoked." in page
    token.refresh_from_db()
    assert token.revoked_at
    assert AuditEvent.objects.get(action="api.token.revoked").actor_id == world.admin.pk
    notice = Notice.objects.get(user=world.editor)
    assert (notice.title, notice.url) == ("Your API token “Diary” was revoked", "/me/tokens/")
    again = client.post(reverse("console_token_revoke", args=[token.pk]), follow=True).content.decode()
    assert "was revoked before" in again
    assert Notice.objects.count() == 1


def test_nobody_is_told_what_they_did_themselves(world: World, token: ApiToken) -> None:
    revoke_token(actor=world.editor, token=token)
    assert not Notice.objects.exists()


def test_the_page_of_a_person_says_how_many_live_tokens_they_have(world: World, staff: Staff, token: ApiToken) -> None:
    other, _ = create_token(actor=world.editor, project=world.project, name="Other", days=30)
    client, page = staff.client("governor"), reverse("console_person", args=[world.editor.pk])
    assert "2 live tokens" in client.get(page).content.decode()
    revoke_token(actor=world.editor, token=other)
    shown = client.get(page)
    assert "1 live token<" in shown.content.decode()
    listed = client.get(URL, {"q": world.editor.email, "state": "live"}).context["shown"].page.rows
    assert listed == [token]
    assert "No live token" in client.get(reverse("console_person", args=[world.viewer.pk])).content.decode()
