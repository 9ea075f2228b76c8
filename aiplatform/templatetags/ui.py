"""Template tags of the design system; built in, so no template needs to load them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from django import template
from django.contrib.auth.models import AnonymousUser
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.accounts.models import User
from apps.projects.access import projects_of, role_of
from apps.projects.models import Project, Role
from apps.projects.recent import last_of

register = template.Library()
HUES = 8
THEMES = ("light", "dark")


class Person(Protocol):
    pk: Any

    @property
    def initials(self) -> str: ...


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """`{% icon "pin" %}`: a drawing of static/img/icons.svg; with a label where no text beside it says the same."""
    href = f"{static('img/icons.svg')}#{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"></use></svg>', label, href)
    return format_html('<svg class="icon" aria-hidden="true" focusable="false"><use href="{}"></use></svg>', href)


@register.simple_tag
def avatar(person: Person | None, size: str = "") -> SafeString:
    """`{% avatar user %}` or `{% avatar user "small" %}`: initials on the person's own colour, beside their name."""
    name = str(person) if person else "Someone who has left"
    return format_html(
        '<span class="avatar avatar-{}{}" title="{}" aria-hidden="true">{}</span>',
        hue(person.pk) if person else HUES,
        f" avatar-{size}" if size else "",
        name,
        person.initials if person else "–",
    )


def hue(key: str) -> int:
    """1 to HUES, the same for the same person for ever. static/js/avatar.js computes it too."""
    return sum(map(ord, str(key))) % HUES + 1


@register.simple_tag
def ago(at: datetime | None) -> SafeString | str:
    """`{% ago event.at %}`: "3 minutes ago", with the exact time for machines and on hover; "–" for None."""
    if at is None:
        return "–"
    exact = formats.date_format(timezone.localtime(at), "j M Y, H:i:s T")
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact, naturaltime(at))


@register.simple_tag(takes_context=True)
def theme(context: template.Context) -> str:
    """The value of `data-theme`: what the person chose, from theme.js's cookie, so that no page flashes."""
    request = context.get("request")
    chosen = request.COOKIES.get("theme", "") if request else ""
    return chosen if chosen in THEMES else ""


@register.simple_tag
def projects_for(user: User | AnonymousUser) -> list[Project]:
    """The projects of the switcher in the sidebar; one query."""
    return list(projects_of(user).filter(archived_at=None))


@register.simple_tag(takes_context=True)
def project_beside(context: template.Context, own: list[Project]) -> Project | None:
    """Of which project the sidebar tells: the page's own, else the one that this person was in last. None where it's
    theirs no more, in the console, and where one chooses or makes a project."""
    request = context.get("request")
    if (shown := context.get("project")) or request is None or request.path.startswith(("/console/", "/projects/")):
        return shown or None
    return last_of(own, request.session)


@register.simple_tag
def may_write(user: User | AnonymousUser, project: Project | None) -> bool:
    """Whether to offer what needs an editor; the server decides again when it is asked."""
    if not project or project.archived_at:
        return False
    return (role_of(user, project) or 0) >= Role.EDITOR
