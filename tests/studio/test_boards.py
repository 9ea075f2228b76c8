"""Boards and favourites, and what is done to several pictures at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.generations.models import Artifact
from apps.projects.models import Project
from apps.studio.actions.boards import create_board, put_on_board
from apps.studio.covers import covers_of
from apps.studio.models import Board, BoardItem, Favourite
from tests.studio.build import painted, uploaded
from tests.world import World


def post(client: Client, url: str, data: dict[str, Any]) -> Any:
    return client.post(url, data, content_type="application/json")


def client_of(world: World, name: str) -> Client:
    client = Client()
    client.force_login(world.person(name))
    return client


def test_a_board_is_made_with_pictures_on_it(world: World, editor: Client, apple: Artifact) -> None:
    url = f"/p/{world.project.pk}/boards/new/"
    answer = post(editor, url, {"name": "  Fruit  and\tmore ", "pictures": [apple.pk]})
    assert answer.status_code == 201
    board = Board.objects.get()
    assert answer.json() == {"board": {"id": board.pk, "name": "Fruit and more"}}
    assert list(board.items.values_list("artifact", flat=True)) == [apple.pk]
    events = AuditEvent.objects.filter(target_id=board.pk).order_by("pk").values_list("action", flat=True)
    assert list(events) == ["board.created", "board.filled"]
    assert "Fruit" not in "".join(str(event.details) + event.target_label for event in AuditEvent.objects.all())


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, None, 7, "a\0b"])
def test_a_board_needs_a_name(world: World, editor: Client, name: object) -> None:
    answer = post(editor, f"/p/{world.project.pk}/boards/new/", {"name": name})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "name"
    assert not Board.objects.exists()


def test_no_two_boards_of_one_name(world: World, editor: Client) -> None:
    board = create_board(actor=world.owner, project=world.project, name="Fruit")
    other = create_board(actor=world.owner, project=world.project, name="Cars")
    assert post(editor, f"/p/{world.project.pk}/boards/new/", {"name": "Fruit"}).json()["error"]["code"] == "taken"
    assert post(editor, f"/boards/{other.pk}/rename/", {"name": "Fruit"}).json()["error"]["code"] == "taken"
    assert post(editor, f"/boards/{board.pk}/rename/", {"name": "Fruit"}).status_code == 200
    assert post(editor, f"/boards/{other.pk}/rename/", {"name": "Vehicles"}).json()["board"]["name"] == "Vehicles"


def test_pictures_go_on_and_off(world: World, editor: Client, painter: HostedModel, apple: Artifact) -> None:
    board = create_board(actor=world.owner, project=world.project, name="Fruit")
    pear = painted(world.project, world.owner, painter, "a pear")
    url = f"/p/{world.project.pk}/boards/put/"
    both = {"board": board.pk, "pictures": [apple.pk, pear.pk, apple.pk]}
    assert post(editor, url, both | {"on": True}).json()["changed"] == 2
    assert post(editor, url, both | {"on": True}).json()["changed"] == 0
    assert post(editor, url, {"board": board.pk, "pictures": [apple.pk], "on": False}).json()["changed"] == 1
    assert list(board.items.values_list("artifact", flat=True)) == [pear.pk]


def test_a_board_goes_and_its_pictures_stay(world: World, editor: Client, apple: Artifact) -> None:
    board = create_board(actor=world.owner, project=world.project, name="Fruit")
    put_on_board(actor=world.owner, board=board, pictures=[apple])
    assert post(editor, f"/boards/{board.pk}/delete/", {}).status_code == 200
    assert (Board.objects.count(), BoardItem.objects.count(), Artifact.objects.count()) == (0, 0, 1)


def covers() -> list[tuple[int, list[str]]]:
    boards = list(Board.objects.with_counts().order_by("name"))
    return [(board.pictures, [each.pk for each in shown]) for board, shown in covers_of(boards)]  # type: ignore[attr-defined]  # annotated


def test_a_board_shows_four_of_what_was_put_there_last_and_is_still_there(
    world: World, editor: Client, painter: HostedModel, apple: Artifact
) -> None:
    pears = [painted(world.project, world.owner, painter, f"pear {number}") for number in range(4)]
    create_board(actor=world.owner, project=world.project, name="Empty")
    board = create_board(actor=world.owner, project=world.project, name="Fruit")
    for picture in (apple, *pears):
        put_on_board(actor=world.owner, board=board, pictures=[picture])
    assert covers() == [(0, []), (5, [pear.pk for pear in reversed(pears)])]
    assert post(editor, f"/p/{world.project.pk}/studio/delete/", {"pictures": [pears[3].pk]}).status_code == 200
    assert covers()[1] == (4, [pears[2].pk, pears[1].pk, pears[0].pk, apple.pk])


def test_one_picture_is_chosen_as_the_cover_while_it_is_on_the_board(
    world: World, editor: Client, painter: HostedModel, apple: Artifact
) -> None:
    pear = painted(world.project, world.owner, painter, "a pear")
    board = create_board(actor=world.owner, project=world.project, name="Fruit")
    url, project = f"/boards/{board.pk}/cover/", f"/p/{world.project.pk}"
    put_on_board(actor=world.owner, board=board, pictures=[apple])
    assert post(editor, url, {"picture": pear.pk}).json()["error"]["code"] == "not_on_board"
    put_on_board(actor=world.owner, board=board, pictures=[pear])
    assert post(editor, url, {"picture": apple.pk}).status_code == 200
    assert covers() == [(2, [apple.pk])]
    assert b'aria-pressed="true" aria-label="Cover of Fruit"' in editor.get(f"/pictures/{apple.pk}/").content
    assert post(editor, f"{project}/studio/delete/", {"pictures": [apple.pk]}).status_code == 200
    assert covers() == [(1, [pear.pk])]
    assert post(editor, f"{project}/studio/restore/", {"pictures": [apple.pk]}).status_code == 200
    assert covers() == [(2, [apple.pk])]
    assert post(editor, url, {"picture": None}).status_code == 200
    assert covers() == [(2, [pear.pk, apple.pk])]
    assert post(editor, url, {"picture": apple.pk}).status_code == 200
    taken = {"board": board.pk, "pictures": [apple.pk], "on": False}
    assert post(editor, f"{project}/boards/put/", taken).status_code == 200
    assert covers() == [(1, [pear.pk])]
    assert AuditEvent.objects.filter(action="board.covered").count() == 3


def test_pictures_of_another_project_are_not_there(world: World, editor: Client, apple: Artifact) -> None:
    elsewhere = uploaded(Project.objects.create(name="Elsewhere"), world.editor)
    board = create_board(actor=world.owner, project=world.project, name="Fruit")
    asked = {"pictures": [apple.pk, elsewhere.pk]}
    for path, more in (
        ("studio/delete", {}),
        ("studio/favourite", {"on": True}),
        ("boards/put", {"board": board.pk, "on": True}),
        ("boards/new", {"name": "Cars"}),
    ):
        answer = post(editor, f"/p/{world.project.pk}/{path}/", asked | more)
        assert answer.status_code == 404, path
        assert "no longer there" in answer.json()["error"]["message"]
    assert Artifact.objects.kept().count() == 2
    assert not Favourite.objects.exists()
    assert not BoardItem.objects.exists()


def test_a_board_of_another_project_is_not_there(world: World, apple: Artifact) -> None:
    other = Project.objects.create(name="Elsewhere")
    other.memberships.create(user=world.editor, role=20)
    board = create_board(actor=world.editor, project=other, name="Fruit")
    client = client_of(world, "editor")
    answer = post(client, f"/p/{world.project.pk}/boards/put/", {"board": board.pk, "pictures": [apple.pk], "on": True})
    assert answer.status_code == 404
    assert not BoardItem.objects.exists()


@pytest.mark.parametrize("name", ["owner", "viewer"])
def test_favourites_are_everybodys_own(world: World, apple: Artifact, name: str) -> None:
    client = client_of(world, name)
    url = f"/p/{world.project.pk}/studio/favourite/"
    for on in (True, True):
        assert post(client, url, {"pictures": [apple.pk], "on": on}).status_code == 200
    assert Favourite.objects.get().user == world.person(name)
    assert apple.pk in client.get(f"/p/{world.project.pk}/studio/?liked=1").content.decode()
    assert apple.pk not in client_of(world, "editor").get(f"/p/{world.project.pk}/studio/?liked=1").content.decode()
    assert post(client, url, {"pictures": [apple.pk], "on": False}).status_code == 200
    assert not Favourite.objects.exists()


@pytest.mark.parametrize("pictures", [[], None, "all", [7], ["x"] * 201])
def test_what_is_chosen_must_be_some_pictures(world: World, editor: Client, pictures: object) -> None:
    for path in ("delete", "restore", "favourite"):
        answer = post(editor, f"/p/{world.project.pk}/studio/{path}/", {"pictures": pictures, "on": True})
        assert answer.status_code == 422, path


def test_what_was_deleted_comes_back(world: World, editor: Client, painter: HostedModel, apple: Artifact) -> None:
    pear = painted(world.project, world.owner, painter, "a pear")
    chosen = {"pictures": [apple.pk, pear.pk]}
    assert post(editor, f"/p/{world.project.pk}/studio/delete/", chosen).status_code == 200
    assert not Artifact.objects.kept().exists()
    back = post(editor, f"/p/{world.project.pk}/studio/restore/", chosen).json()["pictures"]
    assert sorted(back) == sorted(chosen["pictures"])
    assert Artifact.objects.kept().count() == 2


def test_viewers_change_nothing(world: World, apple: Artifact) -> None:
    board = create_board(actor=world.owner, project=world.project, name="Fruit")
    client, project = client_of(world, "viewer"), f"/p/{world.project.pk}"
    for url, data in (
        (f"{project}/studio/delete/", {"pictures": [apple.pk]}),
        (f"{project}/studio/restore/", {"pictures": [apple.pk]}),
        (f"{project}/studio/jobs/", {"client_id": "a-send-001", "model": "painter", "params": {"prompt": "x"}}),
        (f"{project}/boards/new/", {"name": "Cars"}),
        (f"{project}/boards/put/", {"board": board.pk, "pictures": [apple.pk], "on": True}),
        (f"/boards/{board.pk}/rename/", {"name": "Cars"}),
        (f"/boards/{board.pk}/cover/", {"picture": None}),
        (f"/boards/{board.pk}/delete/", {}),
        (f"/pictures/{apple.pk}/vary/", {}),
    ):
        assert post(client, url, data).status_code == 403, url
