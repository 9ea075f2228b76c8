"""Who asked for a model is told when it is here, or why it isn't: they have left the page by then."""

from __future__ import annotations

from django.urls import reverse

from apps.catalog.models import ModelInstall, ModelState
from apps.moderation.notices import notify

NEXT = "Nobody may use it yet: approve it, and grant it to somebody."


def tell_asker(install: ModelInstall) -> None:
    if install.version is None:
        title, text = f"{install.repository} could not be installed", install.problem
        notify(install.asked_by, title, text, url=reverse("console_installs"))
        return
    model = install.version.hosted_model
    text = NEXT if model.state == ModelState.PROPOSED else ""
    notify(install.asked_by, f"{install.repository} is installed", text, url=reverse("console_model", args=[model.pk]))
