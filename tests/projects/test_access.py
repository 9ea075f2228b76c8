from __future__ import annotations

import itertools

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.projects.access import get_project_for, projects_of, role_of, writable_projects_of
from apps.projects.models import Project, Role
from tests.world import World

ROLES = {"owner": Role.OWNER, "editor": Role.EDITOR, "viewer": Role.VIEWER, "stranger": None, "admin": None}


@pytest.mark.parametrize(("name", "needed"), list(itertools.product(ROLES, Role)))
def test_every_person_against_every_role(world: World, name: str, needed: Role) -> None:
    has = ROLES[name]
    if has is None:
        with pytest.raises(Http404):
            get_project_for(world.person(name), world.project.pk, needed)
    elif has < needed:
        with pytest.raises(PermissionDenied, match=f"this needs an? {needed.label.lower()}"):
            get_project_for(world.person(name), world.project.pk, needed)
    else:
        assert get_project_for(world.person(name), world.project.pk, needed) == world.project


@pytest.mark.parametrize("name", ROLES)
def test_role_and_list(world: World, name: str) -> None:
    Project.objects.create(name="Another")
    assert role_of(world.person(name), world.project) == ROLES[name]
    assert list(projects_of(world.person(name))) == ([world.project] if ROLES[name] else [])
    may_ask = (ROLES[name] or 0) >= Role.EDITOR
    assert writable_projects_of(world.person(name)) == ([world.project] if may_ask else [])
    Project.objects.update(archived_at=timezone.now())
    assert writable_projects_of(world.person(name)) == []


def test_signed_out_people_find_nothing(world: World) -> None:
    with pytest.raises(Http404):
        get_project_for(AnonymousUser(), world.project.pk)
    assert role_of(AnonymousUser(), world.project) is None
    assert not projects_of(AnonymousUser())


def test_nor_do_deactivated_members(world: World) -> None:
    world.owner.is_active = False
    world.owner.save()
    with pytest.raises(Http404):
        get_project_for(world.owner, world.project.pk)
    assert role_of(world.owner, world.project) is None
    assert not projects_of(world.owner)


def test_an_archived_project_is_for_reading(world: World) -> None:
    Project.objects.update(archived_at=timezone.now())
    assert get_project_for(world.viewer, world.project.pk) == world.project
    with pytest.raises(PermissionDenied, match="archived"):
        get_project_for(world.owner, world.project.pk, writable=True)


@pytest.mark.parametrize("given", ["", "nope", "\x00", "é" * 500])
def test_an_odd_id_is_no_project(world: World, given: str) -> None:
    with pytest.raises(Http404):
        get_project_for(world.owner, given)


def test_it_takes_one_query(world: World) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert get_project_for(world.editor, world.project.pk, Role.EDITOR, writable=True).name
    assert len(queries) == 1
