"""What the pages of prompts show in their own way."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.catalog.markdown import render_card
from apps.generations.formats import format_name, format_text
from apps.generations.params import BY_NAME, sampling
from apps.prompts.content import LICENCES
from apps.prompts.models import Audience
from apps.prompts.templating import Placeholder, TemplateError, parse

register = template.Library()
for told_by in (sampling, format_name, format_text):
    register.filter(told_by)
ICONS = {Audience.PRIVATE: "lock", Audience.PROJECT: "folder", Audience.MEMBERS: "users", Audience.PUBLIC: "globe"}
WORDS = {audience: audience.name.capitalize() for audience in Audience}


@register.filter
def with_placeholders(text: str) -> SafeString | str:
    """The template as it was written, its placeholders marked."""
    try:
        parts = parse(text)
    except TemplateError:
        return text
    marked: list[tuple[Any]] = [
        (format_html('<mark class="placeholder">{}</mark>', part.name),) if isinstance(part, Placeholder) else (part,)
        for part in parts
    ]
    return format_html_join("", "{}", marked)


@register.filter
def comment_html(text: str) -> SafeString:
    """Markdown of a stranger as clean HTML."""
    return render_card(text)


@register.filter
def audience_icon(visibility: int) -> str:
    return ICONS[Audience(visibility)]


@register.filter
def audience_word(visibility: int) -> str:
    return WORDS[Audience(visibility)]


@register.filter
def parameter_label(name: str) -> str:
    return BY_NAME[name].label if name in BY_NAME else name


@register.filter
def licence_name(licence: str) -> str:
    return LICENCES.get(licence, licence)
