"""The page of one's own API tokens."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.api.actions import MAX_LIVE, create_token
from apps.api.models import ApiCall, ApiToken
from apps.generations.models import GenerationJob
from apps.projects.models import Project
from tests.accounts.people import sign_in
from tests.generations.conftest import Submit, model, settings_of_tests, submit, tiny_store
from tests.world import PASSWORD, World

__all__ = ["model", "settings_of_tests", "submit", "tiny_store"]
URL = "/me/tokens/"
RAW = re.compile(r"atr_[\w-]{43}")


@pytest.fixture
def editor(world: World, client: Client) -> Client:
    sign_in(client, world.editor, fresh=True)
    return client


def sent(world: World, **fields: str) -> dict[str, str]:
    return {"name": "Notebook", "project": world.project.pk, "days": "30", **fields}


def test_a_new_token_is_shown_once_and_kept_nowhere(world: World, editor: Client) -> None:
    page = editor.post(URL, sent(world))
    assert page.status_code == 201
    assert "no-store" in page.headers["Cache-Control"]
    raw = RAW.findall(page.content.decode())[0]
    token = ApiToken.objects.get()
    assert (token.user, token.project, token.name, token.hint) == (world.editor, world.project, "Notebook", raw[-4:])
    assert token.expires_at
    assert abs(token.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)
    again = editor.get(URL)
    assert raw not in again.content.decode()
    assert f"…{raw[-4:]}" in again.content.decode()
    cookies = str(editor.cookies)
    sessions = [session.get_decoded() for session in Session.objects.all()]
    assert raw not in f"{cookies} {sessions} {page.headers}"


def test_it_says_what_to_do_with_it(world: World, editor: Client, settings: Any) -> None:
    settings.SITE_URL = "https://atrium.example.org"
    page = editor.post(URL, sent(world)).content.decode()
    assert "OPENAI_BASE_URL=https://atrium.example.org/v1\nexport OPENAI_API_KEY=atr_" in page
    assert "$OPENAI_BASE_URL/chat/completions" in page


def test_it_need_not_expire(world: World, editor: Client) -> None:
    editor.post(URL, sent(world, days="never"))
    assert ApiToken.objects.get().expires_at is None
    assert "until it is revoked" in editor.get(URL).content.decode()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"name": "a\0b"}, "Null characters are not allowed"),
        ({"project": "0123456789abcdef"}, "Choose one of your projects in which you may ask models."),
        ({"project": "\0"}, "Choose one of your projects in which you may ask models."),
        ({"days": "31"}, "Choose how long it is to last"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    world: World, editor: Client, fields: dict[str, str], told: str
) -> None:
    page = editor.post(URL, sent(world, name="Tide tables") | fields)
    assert page.status_code == 422
    assert told in page.content.decode()
    assert "name" in fields or 'value="Tide tables"' in page.content.decode()
    assert not ApiToken.objects.exists()


def test_one_too_many_is_refused_in_words(world: World, editor: Client) -> None:
    for _ in range(MAX_LIVE):
        create_token(actor=world.editor, project=world.project, name="One of many", days=30)
    page = editor.post(URL, sent(world))
    assert page.status_code == 422
    assert "as many as one person may" in page.content.decode()
    assert 'value="Notebook"' in page.content.decode()


def test_the_password_is_asked_again_first_and_then_it_goes_on(world: World, client: Client) -> None:
    sign_in(client, world.editor)
    assert client.get(URL).status_code == 200
    response = client.post(URL, sent(world))
    assert response.headers["Location"].startswith("/accounts/reauthenticate/")
    assert not ApiToken.objects.exists()
    page = client.post(response.headers["Location"], {"password": PASSWORD})
    assert page.status_code == 201
    assert RAW.search(page.content.decode())
    assert "no-store" in page.headers["Cache-Control"]


@pytest.mark.parametrize("person", ["viewer", "stranger"])
def test_who_may_ask_in_no_project_reads_how_to_come_by_one(world: World, client: Client, person: str) -> None:
    sign_in(client, world.person(person), fresh=True)
    assert reverse("project_new") in client.get(URL).content.decode()
    page = client.post(URL, sent(world))
    assert page.status_code == 422
    assert not ApiToken.objects.exists()


def test_the_list_has_ones_own_and_says_why_one_opens_nothing(world: World, editor: Client) -> None:
    assert "No tokens yet" in editor.get(URL).content.decode()
    create_token(actor=world.editor, project=world.project, name="Mine", days=30)
    create_token(actor=world.owner, project=world.project, name="Theirs", days=30)
    page = editor.get(URL).content.decode()
    assert "Mine" in page
    assert "never used" in page
    assert "Theirs" not in page
    Project.objects.update(archived_at=timezone.now())
    page = editor.get(URL).content.decode()
    assert "opens nothing now" in page
    assert "Lighthouse is archived" in page


def test_the_list_tells_how_often_each_was_used_lately(world: World, editor: Client, submit: Submit) -> None:
    mine, other = (create_token(actor=world.editor, project=world.project, name=name, days=30)[0] for name in "AB")
    calls = [ApiCall.objects.create(job=submit(), token=token) for token in (mine, mine, mine, other)]
    GenerationJob.objects.filter(pk__in=[call.pk for call in calls[:2]]).update(device_ms=2250)
    page = editor.get(URL).content.decode()
    assert "· 3 requests and 4.5 s of the device in 30 days" in page
    assert "· 1 request and 0.0 s of the device in 30 days" in page
    ApiCall.objects.filter(pk=calls[-1].pk).update(created_at=timezone.now() - timedelta(days=31))
    assert "1 request" not in editor.get(URL).content.decode()


def test_the_list_takes_as_many_queries_for_many_as_for_one(
    world: World, editor: Client, django_assert_max_num_queries: Any
) -> None:
    def queries() -> int:
        with django_assert_max_num_queries(20) as seen:
            editor.get(URL)
        return len(seen)

    create_token(actor=world.editor, project=world.project, name="One", days=30)
    editor.get(URL)
    one = queries()
    for _ in range(5):
        create_token(actor=world.editor, project=world.project, name="More", days=30)
    assert queries() == one


@pytest.mark.parametrize(
    ("longest", "choices", "first"),
    [
        (None, [30, 90, 365, "never"], 90),
        (1, [1], 1),
        (60, [30, 60], 60),
        (90, [30, 90], 90),
        (1000, [30, 90, 365, 1000], 90),
    ],
)
def test_no_longer_life_can_be_chosen_than_the_site_allows(
    editor: Client, settings: Any, longest: int | None, choices: list[object], first: int
) -> None:
    settings.API_TOKEN_DAYS = longest
    field = editor.get(URL).context["form"].fields["days"]
    assert ([value for value, _ in field.choices], field.initial) == (choices, first)


def test_a_site_without_tokens_has_no_page_of_them(editor: Client, settings: Any) -> None:
    assert URL in editor.get("/me/").content.decode()
    settings.API_TOKEN_DAYS = 0
    assert URL not in editor.get("/me/").content.decode()
    assert editor.get(URL).status_code == editor.post(URL).status_code == 404


def test_revoking_ends_it(world: World, editor: Client) -> None:
    token, _ = create_token(actor=world.editor, project=world.project, name="Lost", days=30)
    page = editor.post(reverse("api_token_revoke", args=[token.pk]), follow=True).content.decode()
    assert "“Lost” is revoked" in page
    token.refresh_from_db()
    assert token.revoked_at
    assert "/revoke/" not in page
    editor.force_login(world.owner)
    assert editor.post(reverse("api_token_revoke", args=[token.pk])).status_code == 404


def test_a_token_signs_nobody_in_on_pages(world: World, client: Client) -> None:
    _, raw = create_token(actor=world.editor, project=world.project, name="Notebook", days=30)
    response = client.get(URL, headers={"authorization": f"Bearer {raw}"})
    assert response.status_code == 302
    assert "sessionid" not in client.cookies
    assert User.objects.get(pk=world.editor.pk).last_login is None
