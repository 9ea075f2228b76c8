"""What the page of one picture shows."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.urls import reverse

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.generations.artifact_access import get_artifact_for
from apps.generations.image_params import ADAPTER_STRENGTH
from apps.generations.models import Artifact, GenerationJob
from apps.generations.receipt_json import words_of
from apps.generations.receipts import REPRODUCTION
from apps.studio import gallery
from apps.studio.cards import params_shown
from apps.studio.filters import Filters
from apps.studio.models import Favourite
from apps.studio.words import FORMATS, METADATA

LABELS = {
    "width": "", "height": "", "steps": "Steps", "guidance": "Guidance", "seed": "Seed", "scheduler": "Scheduler",
}  # fmt: skip


def picture_context(picture: Artifact, user: User, filters: Filters, other: str) -> dict[str, Any]:
    """`other` is the id of a picture to compare with; without one it is what this picture was made from."""
    project, job = picture.project, picture.job
    params = params_shown(job) if job else {}
    beside = gallery.neighbours_of(picture, gallery.pictures_of(project, user, filters))
    source = _seen(user, picture, params.get("source") or "")
    starting = set(HostedModel.objects.that_start_from_pictures().values_list("pk", flat=True))
    return {
        "project": project,
        "picture": picture,
        "params": params,
        "facts": _facts(params, is_adapter=bool(job and job.model_version.is_adapter)),
        "title": params.get("prompt") or "An uploaded picture",
        "filters": filters,
        "newer": _address(beside.newer, filters),
        "older": _address(beside.older, filters),
        "back": reverse("studio", args=[project.pk]) + (f"?{filters.query}" if filters.used else ""),
        "source": source,
        "made_from": gallery.made_from(picture),
        "other": _seen(user, picture, other) or source,
        "is_liked": Favourite.objects.filter(user=user, artifact=picture).exists(),
        "boards": gallery.boards_with(picture, gallery.boards_of(project)),
        "metadata": METADATA if job else [each for each in METADATA if each[0] == "none"],
        "formats": FORMATS,
        "can_vary": bool(job and params["prompt"] and job.model_version.hosted_model_id in starting),
        "some_start": bool(starting),
        "some_see": HostedModel.objects.that_see().exists(),
        "reproduction": _last_reproduction(job) if job else None,
    }


def _facts(params: dict[str, Any], *, is_adapter: bool) -> list[tuple[str, Any]]:
    """What stands in the list, in words."""
    if not params:
        return []
    found = [(label, params[name]) for name, label in LABELS.items() if label and params.get(name) not in (None, "")]
    if is_adapter:
        found.append((ADAPTER_STRENGTH.label, params.get(ADAPTER_STRENGTH.name, ADAPTER_STRENGTH.default)))
    return found + ([("Strength", params["strength"])] if params.get("source") else [])


def _seen(user: User, picture: Artifact, other: str) -> Artifact | None:
    """Another picture of the same project that can still be looked at."""
    try:
        found = get_artifact_for(user, other)
    except Http404:
        return None
    return found if found.project_id == picture.project_id and found.pk != picture.pk else None


def _address(picture_id: str, filters: Filters) -> str:
    if not picture_id:
        return ""
    return reverse("picture", args=[picture_id]) + (f"?{filters.query}" if filters.used else "")


def _last_reproduction(job: GenerationJob) -> dict[str, Any] | None:
    """The last time that somebody had it made again, and what came of that; `words` is "" until it has ended."""
    again = GenerationJob.objects.filter(project=job.project_id, params__reproduces=job.pk).order_by("-created_at")
    latest = again.only("id", "kind", "state", "receipt", "finished_at").first()
    if latest is None:
        return None
    verdict = latest.receipt.get(REPRODUCTION)
    words = words_of(latest, verdict) if verdict else latest.state.capitalize() if latest.is_terminal else ""
    return {"job": latest, "words": words, "exact": bool(verdict) and verdict["verdict"] == "bit-exact"}
