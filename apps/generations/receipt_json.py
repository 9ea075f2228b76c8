"""A receipt: what is needed to make a result again, and what came of it when somebody did."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from apps.accounts.models import User
from apps.generations.artifact_json import artifact_json
from apps.generations.intake import pictures_in
from apps.generations.models import Artifact, GenerationJob, Kind
from apps.generations.queue import usage_of
from apps.generations.receipts import REPRODUCTION

JSON = dict[str, Any]
NOT_PARAMETERS = ("batch", "reproduces")
WORDS = {
    ("bit-exact", Kind.TEXT): "The same text, character for character.",
    ("bit-exact", Kind.IMAGE): "The same picture, to the last bit.",
    ("close", Kind.IMAGE): "Nearly the same picture: {psnr} dB (PSNR). From 40 dB on nobody sees a difference.",
    ("different", Kind.IMAGE): "Another picture: {psnr} dB (PSNR), where 40 would be nearly the same.",
    ("different", Kind.TEXT): "Another text: the first {first_difference} characters are the same.",
}
UNKNOWN = "The first one was deleted meanwhile, so there was nothing to compare with."


def receipt_json(viewer: User, job: GenerationJob) -> JSON:
    """For somebody who may see the project. What a text was asked with only its asker gets to read: it may be theirs
    alone, such as a run of a prompt."""
    version, reproduction = job.model_version, job.receipt.get(REPRODUCTION)
    return {
        "job": job.pk,
        "kind": job.kind,
        "state": job.state,
        "created_at": job.created_at.isoformat(),
        "model": {
            "id": version.hosted_model_id,
            "name": version.hosted_model.name,
            "version": version.digest,
            "base": version.foundation.digest if version.is_adapter else None,
            "source": version.source,
            "revision": version.revision,
        },
        "parameters": {name: value for name, value in job.params.items() if name not in NOT_PARAMETERS},
        "asked": _asked(viewer, job) if job.kind == Kind.TEXT else None,
        "made_with": {name: value for name, value in job.receipt.items() if name != REPRODUCTION},
        "result": _picture(job) if job.kind == Kind.IMAGE else _text(job),
        "usage": usage_of(job),
        "reproduces": job.params.get("reproduces"),
        REPRODUCTION: None if reproduction is None else reproduction | {"words": words_of(job, reproduction)},
        "reproductions": _reproductions(job),
    }


def words_of(job: GenerationJob, reproduction: JSON) -> str:
    return WORDS.get((reproduction["verdict"], Kind(job.kind)), UNKNOWN).format_map(reproduction)


def _asked(viewer: User, job: GenerationJob) -> JSON:
    read = json.dumps(job.prompt_ids or job.messages, separators=(",", ":"), ensure_ascii=False)
    return {
        "messages": job.messages if job.user_id == viewer.pk else None,
        "tokens": job.prompt_tokens,
        "sha256": _sha256(read),
        "pictures": _seen(pictures_in(job.messages)),
    }


def _seen(pictures: list[str]) -> list[str]:
    """SHA-256 of the pixels of each, "" of one that was erased."""
    known = dict(Artifact.objects.filter(pk__in=pictures).values_list("pk", "pixels_sha256")) if pictures else {}
    return [known.get(picture, "") for picture in pictures]


def _text(job: GenerationJob) -> JSON | None:
    return {"characters": len(job.output), "sha256": _sha256(job.output)} if job.output else None


def _picture(job: GenerationJob) -> JSON | None:
    artifact = getattr(job, "artifact", None)
    if artifact is None or artifact.deleted_at is not None:
        return None
    return artifact_json(artifact) | {"sha256": artifact.sha256, "pixels_sha256": artifact.pixels_sha256}


def _reproductions(job: GenerationJob) -> list[JSON]:
    """The newest first."""
    again = GenerationJob.objects.filter(project=job.project_id, params__reproduces=job.pk).order_by("-created_at")
    rows = again.values_list("pk", "state", "receipt", "created_at")[:20]
    return [
        {
            "job": pk,
            "state": state,
            "verdict": receipt.get(REPRODUCTION, {}).get("verdict"),
            "created_at": created_at.isoformat(),
        }
        for pk, state, receipt, created_at in rows
    ]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
