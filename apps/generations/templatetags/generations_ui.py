"""What workers said of models, for pages of rooms below this one."""

from __future__ import annotations

from django import template

from apps.catalog.models import HostedModel
from apps.generations.readiness import Readiness, readiness_of

register = template.Library()


@register.simple_tag
def readiness(model: HostedModel) -> Readiness | None:
    """None where nothing can be asked of it."""
    return readiness_of([model]).get(model.pk)
