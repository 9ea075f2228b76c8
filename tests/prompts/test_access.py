"""Who may read a prompt, and what they may do with it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from apps.projects.models import Membership
from apps.prompts.access import get_prompt_for, get_revision, rights_of
from apps.prompts.models import Audience, Prompt
from tests.prompts.build import write
from tests.world import World

EVERYBODY = ("owner", "editor", "viewer", "stranger", "admin")
SEEN_BY = {
    (Audience.PRIVATE, False): {"editor"},
    (Audience.PRIVATE, True): {"editor"},
    (Audience.PROJECT, True): {"editor", "owner", "viewer"},
    (Audience.MEMBERS, False): set(EVERYBODY),
    (Audience.MEMBERS, True): set(EVERYBODY),
    (Audience.PUBLIC, False): {*EVERYBODY, "anonymous"},
    (Audience.PUBLIC, True): {*EVERYBODY, "anonymous"},
}


def readers(world: World, prompt: Prompt) -> set[str]:
    people = {name: world.person(name) for name in EVERYBODY} | {"anonymous": AnonymousUser()}
    return {name for name, user in people.items() if prompt in Prompt.objects.visible_to(user)}


@pytest.mark.parametrize(("visibility", "in_project"), SEEN_BY)
def test_who_sees_what(world: World, visibility: Audience, in_project: bool) -> None:
    prompt = write(world.editor, visibility, world.project if in_project else None)
    assert readers(world, prompt) == SEEN_BY[visibility, in_project]
    Prompt.objects.update(hidden_at=timezone.now())
    assert readers(world, prompt) <= {"editor", "admin"}
    Prompt.objects.update(hidden_at=None, deleted_at=timezone.now())
    assert readers(world, prompt) == set()


def test_what_a_project_owns_stays_with_it(world: World) -> None:
    prompt = write(world.editor, Audience.PROJECT, world.project)
    Membership.objects.filter(user=world.editor).delete()
    with pytest.raises(Http404):
        get_prompt_for(world.editor, prompt.pk)


def test_deactivated_people_see_what_is_public(world: World) -> None:
    write(world.editor, Audience.PRIVATE)
    world.editor.is_active = False
    world.editor.save()
    assert not Prompt.objects.visible_to(world.editor)


def test_editors_of_the_project_edit_and_owners_manage(world: World) -> None:
    prompt = write(world.editor, Audience.PUBLIC, world.project)
    rights = {name: rights_of(world.person(name), get_prompt_for(world.person(name), prompt.pk)) for name in EVERYBODY}
    assert {name for name, each in rights.items() if each.edit} == {"editor", "owner"}
    assert {name for name, each in rights.items() if each.manage} == {"editor", "owner"}
    assert not any(vars(rights_of(AnonymousUser(), prompt)).values())
    world.project.archived_at = timezone.now()
    world.project.save()
    with pytest.raises(PermissionDenied, match="is archived"):
        get_prompt_for(world.owner, prompt.pk, edit=True)


def test_an_author_says_who_runs_and_forks(world: World) -> None:
    prompt = write(world.editor, Audience.PUBLIC, world.project)
    Prompt.objects.update(run_audience=Audience.PROJECT, fork_audience=Audience.PRIVATE)
    get_prompt_for(world.viewer, prompt.pk, run=True)
    get_prompt_for(world.editor, prompt.pk, fork=True)
    for person, what in ((world.stranger, "run"), (world.viewer, "fork"), (world.admin, "edit")):
        with pytest.raises(PermissionDenied):
            get_prompt_for(person, prompt.pk, **{what: True})


@pytest.mark.parametrize("number", ["0", "2", "x", "99999999999", "-1", "1\x00"])
def test_revisions_that_are_none(world: World, number: str) -> None:
    prompt = write(world.editor)
    assert get_revision(prompt, "1") == get_revision(prompt)
    with pytest.raises(Http404):
        get_revision(prompt, number)
