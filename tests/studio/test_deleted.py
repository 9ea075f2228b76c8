"""The deleted pictures of a project: who sees them, how long they stay, how they come back."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.catalog.models import HostedModel
from apps.generations.models import Artifact
from apps.generations.picture_store import path_of, write
from apps.projects.models import Project
from apps.studio.models import Mask
from tests.generations.pictures import picture, png_of
from tests.studio.build import painted, uploaded
from tests.world import World

RESTORE = re.compile(r'action="/artifacts/(\w+)/restore/"')


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> None:
    settings.ARTIFACT_STORE = tmp_path / "artifacts"


def delete(artifact: Artifact, days: float = 0) -> Artifact:
    Artifact.objects.filter(pk=artifact.pk).update(deleted_at=timezone.now() - timedelta(days=days))
    return artifact


def page_of(client: Client, project: Project) -> str:
    response = client.get(f"/p/{project.pk}/studio/deleted/")
    assert response.status_code == 200
    return response.content.decode()


def test_deleted_pictures_wait_with_the_days_that_are_left(
    world: World, editor: Client, painter: HostedModel, apple: Artifact
) -> None:
    boat = delete(painted(world.project, world.owner, painter, "a boat"), days=3.5)
    photo = delete(uploaded(world.project, world.editor), days=6.2)
    delete(uploaded(Project.objects.create(name="Elsewhere"), world.editor))
    Mask.objects.create(artifact=delete(uploaded(world.project, world.editor)))
    page = page_of(editor, world.project)
    assert RESTORE.findall(page) == [boat.pk, photo.pk], "the latest first; neither a mask nor what is still there"
    assert "a boat" in page
    assert "3 days left" in page
    assert "Less than a day left" in page
    assert "restored for 7 days" in page
    assert f'href="/p/{world.project.pk}/studio/" aria-current="true"' in page, "the sidebar says where one is"
    assert editor.post(reverse("artifact_restore", args=[boat.pk])).status_code == 200
    assert RESTORE.findall(page_of(editor, world.project)) == [photo.pk]
    studio = f"/p/{world.project.pk}/studio/"
    assert f'href="{studio}deleted/"' in editor.get(studio).content.decode()


def test_an_empty_one_says_what_it_is_for(world: World, editor: Client) -> None:
    assert "Nothing deleted" in page_of(editor, world.project)


def test_only_who_may_restore_them_sees_them(world: World, editor: Client, apple: Artifact) -> None:
    write(path_of(apple.pk), png_of(picture(1)))
    thumbnail = reverse("artifact_thumbnail", args=[apple.pk, 256])
    addresses = [f"/p/{world.project.pk}/studio/deleted/", f"{thumbnail}?deleted=1"]
    viewer, stranger = Client(), Client()
    viewer.force_login(world.viewer)
    stranger.force_login(world.stranger)
    assert editor.get(addresses[1]).status_code == 404, "it is still there"
    delete(apple)
    for address in addresses:
        answers = [client.get(address).status_code for client in (editor, viewer, stranger)]
        assert answers == [200, 403, 404], address
    assert [client.get(thumbnail).status_code for client in (editor, viewer)] == [404, 404]
    assert "studio/deleted" not in viewer.get(f"/p/{world.project.pk}/studio/").content.decode()
    Project.objects.update(archived_at=timezone.now())
    assert [editor.get(address).status_code for address in addresses] == [403, 403]
