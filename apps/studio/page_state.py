"""All that a studio's page starts from, as one JSON document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.urls import reverse

from apps.accounts.models import User
from apps.catalog.models import HostedModel, Modality
from apps.generations.image_params import MAX_COUNT, facts_of, image_parameters
from apps.generations.pickers import picks
from apps.projects.models import Project, Role
from apps.studio.cards import cards, jobs_to_show
from apps.studio.inputs import MAX_CHOSEN

JSON = dict[str, Any]
EXAMPLES = ("a red apple", "a smiling face", "a blue car")
"""What the demo model draws well."""
OWN = ("submit", "quote", "models", "tiles", "delete", "restore", "favourite", "board_new", "board_put", "read", "mask")
PLACE = "0" * 16


def page_state(project: Project, user: User, role: Role) -> JSON:
    return {
        "project": {"id": project.pk, "name": project.name},
        "role": role.name.lower(),
        "frozen": project.archived_at is not None,
        "user": {"id": user.pk, "name": str(user)},
        "models": models_json(user, project),
        "jobs": cards(jobs_to_show(project, user)),
        "limits": {"count": MAX_COUNT, "chosen": MAX_CHOSEN, "upload_mb": settings.MAX_UPLOAD_MB},
        "urls": urls_of(project),
    }


def models_json(user: User, project: Project) -> list[JSON]:
    """What can be chosen now, and what `user` may not choose here, with the reason."""
    return [pick | _facts_json(model) for model, pick in picks(user, project, Modality.IMAGE) if model.default_version]


def _facts_json(model: HostedModel) -> JSON:
    assert model.default_version
    model.default_version.hosted_model = model  # loaded already: no query for it
    facts, is_adapter = facts_of(model.default_version), model.default_version.is_adapter
    return {
        "description": model.description,
        "license": model.default_version.license_id,
        "facts": asdict(facts),
        "parameters": [asdict(parameter) for parameter in image_parameters(facts, is_adapter=is_adapter)],
    }


def urls_of(project: Project) -> dict[str, str]:
    """`picture`, `artifact`, `preview` and `cancel` hold the place of an id as `{id}`."""
    urls = {name: reverse(f"studio_{name}", args=[project.pk]) for name in OWN}
    one = {"picture": "picture", "preview": "job_preview", "cancel": "job_cancel", "artifact": "artifact"}
    urls |= {name: reverse(route, args=[PLACE]).replace(PLACE, "{id}") for name, route in one.items()}
    urls["upload"] = reverse("artifact_upload", args=[project.pk])
    urls["studio"] = reverse("studio", args=[project.pk])
    urls["socket"] = f"/ws/studio/{project.pk}/"
    return urls
