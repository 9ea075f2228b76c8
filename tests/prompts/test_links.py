"""Links that show a prompt to whoever has them, for as long as that is wanted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.projects.models import Membership, Role
from apps.prompts import actions
from apps.prompts.models import Audience, Prompt
from apps.sharing.actions import create_link, revoke_link
from apps.sharing.models import ShareLink
from tests.prompts.build import TIDES, write
from tests.world import World

Change = Callable[[World, Prompt, ShareLink], object]


def shared(world: World) -> tuple[Prompt, ShareLink, str]:
    """A prompt of the project that only its author sees, and the editor's link to it."""
    prompt = write(world.editor, Audience.PROJECT, world.project)
    link, token = create_link(
        actor=world.editor, kind="prompt", target_id=prompt.pk, project=world.project,
        expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    return prompt, link, f"/prompts/shared/{token}/"


def test_a_link_shows_the_prompt_and_nothing_around_it(world: World, client: Client) -> None:
    prompt, link, address = shared(world)
    actions.comment(actor=world.viewer, prompt=prompt, text="Only among us")
    page = client.get(address)
    assert "harbour" in page.content.decode()
    assert "Only among us" not in page.content.decode()
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    link.refresh_from_db()
    assert link.opened == 1
    for other in ("", "edit/", "export.md", "diff/", "lineage/", "revision.json"):
        assert client.get(f"/prompts/{prompt.pk}/{other}").status_code in (302, 404)


ENDS: dict[str, Change] = {
    "revoked": lambda world, prompt, link: revoke_link(actor=world.editor, link=link),
    "expired": lambda world, prompt, link: ShareLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1)),
    "prompt deleted": lambda world, prompt, link: actions.delete(actor=world.editor, prompt=prompt),
    "prompt hidden": lambda world, prompt, link: Prompt.objects.update(hidden_at=timezone.now()),
    "maker suspended": lambda world, prompt, link: (
        type(world.editor).objects.filter(pk=world.editor.pk).update(is_active=False)
    ),
    "maker left the project": lambda world, prompt, link: Membership.objects.filter(user=world.editor).delete(),
    "maker only reads now": lambda world, prompt, link: Membership.objects.filter(user=world.editor).update(
        role=Role.VIEWER
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_link_ends_with_the_right_to_give_it(world: World, client: Client, end: str) -> None:
    prompt, link, address = shared(world)
    assert client.get(address).status_code == 200
    ENDS[end](world, prompt, link)
    assert client.get(address).status_code == 404


def test_who_manages_a_prompt_revokes_every_link_to_it_and_no_other(world: World, client: Client) -> None:
    prompt, link, address = shared(world)
    other, elsewhere, _ = shared(world)
    client.force_login(world.owner)
    assert f"/links/{link.pk}/revoke/" in client.get(f"/prompts/{prompt.pk}/sharing/").content.decode()
    assert client.post(f"/prompts/{prompt.pk}/links/{elsewhere.pk}/revoke/").status_code == 404
    assert client.post(f"/prompts/{prompt.pk}/links/{link.pk}/revoke/").status_code == 302
    assert client.get(address).status_code == 404
    client.force_login(world.viewer)
    assert client.post(f"/prompts/{other.pk}/links/{elsewhere.pk}/revoke/").status_code == 403


def test_a_link_shows_the_revision_that_is_to_be_used(world: World, client: Client) -> None:
    prompt, _, address = shared(world)
    actions.set_production(actor=world.editor, prompt=prompt, revision=prompt.head)
    actions.revise(actor=world.editor, prompt=prompt, content=TIDES | {"user": "A draft for {{ harbour }}"})
    assert "A draft for" not in client.get(address).content.decode()
