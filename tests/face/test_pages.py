"""The shell, the landing page, the pages for errors, and the assets they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.loader import get_template, render_to_string
from django.test import Client

from tests.world import World

ROOT = Path(settings.BASE_DIR)
PAGES = sorted((ROOT / "templates").rglob("*.html"))
INLINE = re.compile(r"""<style|\sstyle=["']|\son[a-z]+=["']|<script(?![^>]*\bsrc=)(?![^>]*application/json)""")


@pytest.mark.parametrize("name", ["400.html", "404.html", "500.html", "503.html", "403_csrf.html", "403.html"])
def test_error_pages_need_nothing(name: str) -> None:
    """No request, no user, no database: they must show when all of that is broken."""
    shown = get_template(name).render({})
    assert "<h1>" in shown
    assert 'href="/"' in shown


def test_the_403_page_says_why() -> None:
    assert "you are a viewer" in render_to_string("403.html", {"exception": "In Lighthouse you are a viewer."})


@pytest.mark.django_db
def test_a_stranger_reads_the_404_page(client: Client, world: World) -> None:
    client.force_login(world.stranger)
    response = client.get(f"/p/{world.project.pk}/conversations/")
    assert response.status_code == 404
    assert b"There is no such page for you" in response.content


@pytest.mark.django_db
def test_the_landing_page_leads_in(client: Client, world: World) -> None:
    response = client.get("/")
    assert b"/accounts/login/" in response.content
    assert b"/accounts/signup/" in response.content


@pytest.mark.django_db
def test_the_sidebar_of_an_empty_project(client: Client, world: World) -> None:
    client.force_login(world.viewer)
    shown = client.get(f"/p/{world.project.pk}/conversations/").content.decode()
    assert "No conversations yet" in shown
    assert "sidebar-new" not in shown  # a viewer is not offered what they may not do
    assert 'action="/accounts/logout/"' in shown


@pytest.mark.django_db
def test_the_chosen_theme_is_in_the_first_byte(client: Client, world: World) -> None:
    client.cookies["theme"] = "dark"
    assert b'data-theme="dark"' in client.get("/").content


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT / "templates")))
def test_templates_hold_nothing_inline(page: Path) -> None:
    """The Content-Security-Policy would refuse it silently."""
    assert not INLINE.search(page.read_text())


def test_every_named_static_file_and_icon_exists() -> None:
    symbols = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static/img/icons.svg").read_text()))
    for page in PAGES:
        text = page.read_text()
        for name in re.findall(r"""{% static ["']([^"']+)["'] %}""", text):
            assert finders.find(name), f"{page.name} names {name}"
        for name in re.findall(r"""{% icon ["']([\w-]+)["']""", text):
            assert name in symbols, f"{page.name} names the icon {name}"
    for script in (ROOT / "static/js").rglob("*.js"):
        for name in re.findall(r"""\bicon\("([\w-]+)"\)""", script.read_text()):
            assert name in symbols, f"{script.name} names the icon {name}"


def test_every_import_of_a_module_exists() -> None:
    for script in (ROOT / "static/js").rglob("*.js"):
        for name in re.findall(r"""(?:from|import) "([^"]+)";""", script.read_text()):
            assert (script.parent / name).resolve().is_file(), f"{script.name} imports {name}"


def test_every_vendored_package_comes_with_its_licence() -> None:
    for folder in (ROOT / "static/vendor").iterdir():
        assert folder.is_file() or (folder / "LICENSE").is_file(), folder.name


def test_no_colour_outside_the_token_file() -> None:
    for sheet in (ROOT / "static/css").glob("*.css"):
        if sheet.name != "tokens.css":
            assert not re.search(r"#[0-9a-f]{3,8}\b", re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.S)), (
                sheet.name
            )


def test_a_dark_colour_stands_beside_each_light_one() -> None:
    """One list for both themes: a role with one colour alone must be named as the same in both."""
    text = re.sub(r"/\*.*?\*/", "", (ROOT / "static/css/tokens.css").read_text(), flags=re.S)
    roles = dict(re.findall(r"(--[\w-]+):\s([^;]+);", text))
    alone = {name for name, value in roles.items() if re.search(r"#|rgb\(", re.sub(r"light-dark\(.*", "", value))}
    assert {name for name in alone if not name.startswith(("--toast-", "--hue-"))} == set()
    assert sum("light-dark(" in value for value in roles.values()) > 20
