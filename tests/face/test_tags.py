"""The template tags of the design system."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone

from aiplatform.templatetags import ui
from apps.projects.models import Project
from tests.world import World


def render(source: str, **context: object) -> str:
    return Template(source).render(Context(context))


def test_an_icon_beside_words_is_silent_and_alone_it_speaks() -> None:
    assert 'aria-hidden="true"' in render('{% icon "pin" %}')
    assert 'aria-label="Pinned"' in render('{% icon "pin" "Pinned" %}')
    assert "icons.svg#pin" in render('{% icon "pin" %}')


def test_an_icon_label_is_escaped() -> None:
    assert "<b>" not in render('{% icon "pin" label %}', label='"><b>')


@pytest.mark.django_db
def test_an_avatar_has_the_same_colour_every_time(world: World) -> None:
    shown = render("{% avatar user %}", user=world.owner)
    assert f"avatar-{ui.hue(world.owner.pk)}" in shown
    assert ">O<" in shown
    assert 1 <= ui.hue("abc") <= ui.HUES


def test_somebody_who_left_has_an_avatar_too() -> None:
    assert "Someone who has left" in render("{% avatar user %}", user=None)


def test_ago_says_the_exact_time_too() -> None:
    at = timezone.now() - timedelta(minutes=3)
    shown = render("{% ago at %}", at=at)
    assert "3" in shown
    assert at.isoformat() in shown
    assert render("{% ago at %}", at=None) == "–"


@pytest.mark.parametrize(("cookie", "theme"), [("dark", "dark"), ("light", "light"), ("", ""), ('"><script>', "")])
def test_the_theme_is_one_we_know(cookie: str, theme: str) -> None:
    request = RequestFactory().get("/")
    request.COOKIES["theme"] = cookie
    assert render("{% theme %}", request=request) == theme
    assert render("{% theme %}") == ""


@pytest.mark.django_db
def test_only_those_who_may_write_are_offered_to(world: World) -> None:
    offered = {
        name: ui.may_write(world.person(name), world.project) for name in ("owner", "editor", "viewer", "stranger")
    }
    assert offered == {"owner": True, "editor": True, "viewer": False, "stranger": False}
    assert not ui.may_write(world.owner, None)
    world.project.archived_at = timezone.now()
    assert not ui.may_write(world.owner, world.project)


@pytest.mark.django_db
def test_the_switcher_lists_own_projects_that_are_not_archived(world: World) -> None:
    Project.objects.create(name="Of others")
    assert ui.projects_for(world.viewer) == [world.project]
    Project.objects.update(archived_at=timezone.now())
    assert ui.projects_for(world.viewer) == []
