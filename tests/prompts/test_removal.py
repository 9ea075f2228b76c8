"""A deleted prompt is gone for everybody, and comes back whole for those who may delete it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.prompts import actions
from apps.prompts.access import get_prompt_for, get_revision, rights_of
from apps.prompts.models import Audience, Prompt
from apps.sharing.actions import create_link
from tests.prompts.build import write
from tests.world import World

PEOPLE = ("owner", "editor", "viewer", "stranger", "admin")
PLACES = [(audience, in_project) for audience in Audience for in_project in (True, False)]


def managers(world: World, prompt: Prompt) -> set[str]:
    found = set()
    for name in PEOPLE:
        try:
            get_prompt_for(world.person(name), prompt.pk, manage=True)
        except (Http404, PermissionDenied):
            continue
        found.add(name)
    return found


@pytest.mark.parametrize("author", ["editor", "viewer"])
@pytest.mark.parametrize(("audience", "in_project"), [each for each in PLACES if each != (Audience.PROJECT, False)])
def test_who_may_delete_may_bring_back(world: World, author: str, audience: Audience, in_project: bool) -> None:
    prompt = write(world.person(author), audience, world.project if in_project else None)
    before = managers(world, prompt)
    actions.delete(actor=world.owner, prompt=prompt)
    binned = {name for name in PEOPLE if prompt in Prompt.objects.in_bin_of(world.person(name))}
    assert binned == before
    assert before
    assert managers(world, prompt) == set()
    assert not Prompt.objects.in_bin_of(AnonymousUser()).exists()


def test_a_form_deletes_and_the_library_offers_the_way_back(world: World, client: Client) -> None:
    prompt = write(world.editor)
    revisions = list(prompt.revisions.values_list("pk", flat=True))
    actions.star(actor=world.stranger, prompt=prompt)
    _, token = create_link(actor=world.editor, kind="prompt", target_id=prompt.pk)
    client.force_login(world.editor)
    page = client.post(f"/prompts/{prompt.pk}/delete/", follow=True)
    assert "Deleted. Under “Deleted” it can be restored for 7 days." in page.content.decode()
    for address in (f"/prompts/{prompt.pk}/", f"/prompts/shared/{token}/", f"/prompts/{prompt.pk}/export.md"):
        assert client.get(address).status_code == 404, address
    assert prompt.title not in client.get("/prompts/?scope=mine").content.decode()
    assert f"/prompts/{prompt.pk}/undelete/" in client.get("/prompts/?scope=deleted").content.decode()
    assert client.get("/prompts/search.json?scope=deleted").json() == {"prompts": []}
    assert client.post(f"/prompts/{prompt.pk}/undelete/").headers["Location"] == f"/prompts/{prompt.pk}/"
    assert client.get(f"/prompts/shared/{token}/").status_code == 200
    prompt.refresh_from_db()
    assert (prompt.deleted_at, prompt.star_count) == (None, 1)
    assert list(prompt.revisions.values_list("pk", flat=True)) == revisions
    said = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert [each for each in said if "delete" in each] == ["prompt.deleted", "prompt.undeleted"]


def test_a_script_deletes_and_undoes(world: World, client: Client) -> None:
    prompt = write(world.editor)
    client.force_login(world.editor)
    for change in ("delete", "undelete"):
        answer = client.post(f"/prompts/{prompt.pk}/{change}/", {}, content_type="application/json")
        assert (answer.status_code, answer.json()) == (200, {"prompt": prompt.pk})
        prompt.refresh_from_db()
        assert (prompt.deleted_at is None) == (change == "undelete")
    client.force_login(world.stranger)
    actions.delete(actor=world.editor, prompt=prompt)
    answer = client.post(f"/prompts/{prompt.pk}/undelete/", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "There is no such prompt.")
    assert prompt.title not in client.get("/prompts/?scope=deleted").content.decode()


def test_what_is_in_the_bin_can_only_be_brought_back(world: World) -> None:
    prompt = write(world.editor)
    Prompt.objects.filter(pk=prompt.pk).update(deleted_at=timezone.now())
    found = get_prompt_for(world.editor, prompt.pk, in_bin=True, manage=True)
    rights = rights_of(world.editor, found)
    assert not any((rights.run, rights.fork, rights.comment))
    assert get_revision(found)
