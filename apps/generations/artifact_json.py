"""A picture as pages and scripts know it."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from apps.generations.models import Artifact

SHOWN = 256
"""Pixels of the thumbnail in lists."""


def artifact_json(artifact: Artifact) -> dict[str, Any]:
    own = {"aid": artifact.pk}
    return {
        "id": artifact.pk,
        "job": artifact.job_id,
        "origin": artifact.origin,
        "width": artifact.width,
        "height": artifact.height,
        "size_bytes": artifact.size_bytes,
        "created_at": artifact.created_at.isoformat(),
        "url": reverse("artifact", kwargs=own),
        "thumbnail": reverse("artifact_thumbnail", kwargs=own | {"size": SHOWN}),
        "download": reverse("artifact_download", kwargs=own),
        "receipt": reverse("job_receipt", args=[artifact.job_id]) if artifact.job_id else None,
    }
