"""The gallery: who sees it, what narrows it, and how it goes on."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.catalog.models import HostedModel
from apps.generations.models import Artifact
from apps.projects.models import Project
from apps.studio import gallery
from apps.studio.actions.boards import create_board, put_on_board
from apps.studio.actions.favourites import set_favourite
from apps.studio.models import Mask
from tests.studio.build import painted, painting, uploaded
from tests.world import World

PICTURE = re.compile(r'data-picture="(\w+)"')


def shown(client: Client, project: Project, query: str = "") -> list[str]:
    response = client.get(f"/p/{project.pk}/studio/?{query}")
    assert response.status_code == 200
    return PICTURE.findall(response.content.decode())


@pytest.mark.parametrize("name", ["owner", "editor", "viewer"])
def test_members_see_all_pictures_and_only_editors_the_form(world: World, apple: Artifact, name: str) -> None:
    client = Client()
    client.force_login(world.person(name))
    page = client.get(f"/p/{world.project.pk}/studio/").content.decode()
    assert PICTURE.findall(page) == [apple.pk]
    assert 'alt="a red apple"' in page
    assert ("data-form" in page) == (name != "viewer")
    assert f'data-person="{world.person(name).pk}"' in page, "drafts are kept for each person apart"


@pytest.mark.parametrize("name", ["stranger", "admin"])
def test_strangers_find_nothing(world: World, apple: Artifact, name: str) -> None:
    client = Client()
    client.force_login(world.person(name))
    for address in (f"/p/{world.project.pk}/studio/", f"/p/{world.project.pk}/studio/tiles/", f"/pictures/{apple.pk}/"):
        assert client.get(address).status_code == 404


def test_every_filter_keeps_what_it_says(world: World, editor: Client, painter: HostedModel, apple: Artifact) -> None:
    car = painted(world.project, world.owner, painter, "a blue car")
    photo = uploaded(world.project, world.owner)
    gone = painted(world.project, world.editor, painter, "gone")
    Artifact.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    old = painted(world.project, world.owner, painter, "an old apple")
    Artifact.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=40))
    board = create_board(actor=world.owner, project=world.project, name="Fruit")
    put_on_board(actor=world.owner, board=board, pictures=[apple, gone])
    set_favourite(actor=world.editor, pictures=[car], on=True)
    set_favourite(actor=world.owner, pictures=[photo], on=True)
    today = timezone.localdate()
    cases = {
        "": [photo, car, apple, old],
        "q=APPLE": [apple, old],
        "q=apple&person=" + world.editor.pk: [apple],
        "model=painter": [car, apple, old],
        "model=another": [],
        f"person={world.owner.pk}": [photo, car, old],
        "origin=uploaded": [photo],
        "origin=nonsense": [photo, car, apple, old],
        f"board={board.pk}": [apple],
        "liked=1": [car],
        f"since={today - timedelta(days=2)}": [photo, car, apple],
        f"until={today - timedelta(days=20)}": [old],
        "since=not-a-day&q=%00": [photo, car, apple, old],
    }
    assert {query: shown(editor, world.project, query) for query in cases} == {
        query: [each.pk for each in pictures] for query, pictures in cases.items()
    }


def test_masks_and_other_projects_are_left_out(world: World, editor: Client, apple: Artifact) -> None:
    Mask.objects.create(artifact=uploaded(world.project, world.editor))
    uploaded(Project.objects.create(name="Elsewhere"), world.editor)
    assert shown(editor, world.project) == [apple.pk]


def test_a_picture_that_was_made_again_hangs_once(
    world: World, editor: Client, painter: HostedModel, apple: Artifact
) -> None:
    """The twin is on its receipt; whoever marks it or puts it on a board finds it there."""
    photo = uploaded(world.project, world.editor)
    twin = painted(world.project, world.owner, painter, reproduces=apple.job_id)
    assert shown(editor, world.project) == [photo.pk, apple.pk]
    assert editor.get(f"/pictures/{twin.pk}/").status_code == 200
    board = create_board(actor=world.owner, project=world.project, name="Twins")
    put_on_board(actor=world.owner, board=board, pictures=[apple, twin])
    set_favourite(actor=world.editor, pictures=[twin], on=True)
    assert shown(editor, world.project, f"board={board.pk}") == [twin.pk, apple.pk]
    assert shown(editor, world.project, "liked=1") == [twin.pk]


def test_pages_follow_one_another_without_a_gap(
    world: World, editor: Client, painter: HostedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "PAGE_SIZE", 3)
    made = [painted(world.project, world.editor, painter, f"number {number}").pk for number in range(7)]
    same = timezone.now()
    Artifact.objects.filter(pk__in=made[:5]).update(created_at=same)
    found, query = [], ""
    while True:
        page = editor.get(f"/p/{world.project.pk}/studio/?{query}").content.decode()
        found += PICTURE.findall(page)
        more = re.search(r'href="[^"]*\?(after=[^"]+)"', page)
        if more is None:
            break
        painted(world.project, world.editor, painter, "newer")  # moves nothing that was to come
        query = more[1]
    assert sorted(found) == sorted(made)
    assert len(found) == len(set(found))


def test_a_piece_has_only_the_tiles_that_were_asked_for(world: World, editor: Client, painter: HostedModel) -> None:
    apple, car = (painted(world.project, world.editor, painter, prompt) for prompt in ("an apple", "a car"))
    elsewhere = uploaded(Project.objects.create(name="Elsewhere"), world.editor)
    address = f"/p/{world.project.pk}/studio/tiles/?ids={apple.pk},{car.pk},{elsewhere.pk},nonsense"
    assert PICTURE.findall(editor.get(address).content.decode()) == [car.pk, apple.pk]
    assert PICTURE.findall(editor.get(f"{address}&q=car").content.decode()) == [car.pk]


@pytest.mark.parametrize(
    "after", ["", "nonsense", "2026-01-01_x", "%00", f"2026-13-45T00:00:00Z_{'0' * 16}", "9" * 400]
)
def test_a_place_that_there_is_not_begins_at_the_front(
    world: World, editor: Client, apple: Artifact, after: str
) -> None:
    assert shown(editor, world.project, f"after={after}") == [apple.pk]


def test_as_many_queries_for_many_pictures_as_for_few(world: World, editor: Client, painter: HostedModel) -> None:
    def number_of(address: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert editor.get(address).status_code == 200
        return len(queries)

    def more(number: int) -> None:
        board = create_board(actor=world.owner, project=world.project, name=f"Board {number}")
        for each in range(number):
            picture = painted(world.project, world.person(("owner", "editor")[each % 2]), painter, f"{number} {each}")
            put_on_board(actor=world.owner, board=board, pictures=[picture])
            painting(world.project, world.editor, painter)

    more(2)
    addresses = [f"/p/{world.project.pk}/{page}/" for page in ("studio", "studio/tiles", "boards")]
    addresses.append(f"/pictures/{Artifact.objects.latest('created_at').pk}/")
    for address in addresses:
        number_of(address)  # what is kept after the first time, such as the project in the session
    few = [number_of(address) for address in addresses]
    more(9)
    assert [number_of(address) for address in addresses] == few
    assert max(few) <= 25


def test_what_is_empty_says_what_to_do(world: World, editor: Client) -> None:
    page = editor.get(f"/p/{world.project.pk}/studio/").content.decode()
    assert "Ask an administrator of this site" in page
    assert "data-form" not in page


def test_an_empty_wall_offers_prompts(world: World, editor: Client, painter: HostedModel) -> None:
    page = editor.get(f"/p/{world.project.pk}/studio/").content.decode()
    assert 'data-example="a red apple"' in page
    assert "Nothing found" in editor.get(f"/p/{world.project.pk}/studio/?q=zebra").content.decode()


def test_an_administrator_reads_how_to_install_one(world: World) -> None:
    client = Client()
    client.force_login(world.admin)
    world.project.memberships.create(user=world.admin, role=30)
    assert "manage.py models" in client.get(f"/p/{world.project.pk}/studio/").content.decode()


def test_an_archived_project_is_for_looking(world: World, editor: Client, apple: Artifact) -> None:
    Project.objects.update(archived_at=timezone.now())
    assert shown(editor, world.project) == [apple.pk]
    response = editor.post(
        f"/p/{world.project.pk}/studio/delete/", {"pictures": [apple.pk]}, content_type="application/json"
    )
    assert response.status_code == 403
