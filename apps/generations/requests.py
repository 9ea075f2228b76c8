"""What an engine is asked for: a job as a request."""

from __future__ import annotations

from dataclasses import fields
from io import BytesIO

from PIL import Image

from apps.catalog.models import ModelVersion
from apps.generations.certainty import ALTERNATIVES
from apps.generations.checkpoints import checkpoint_for
from apps.generations.claims import Held
from apps.generations.demanding import demanded_calls
from apps.generations.formats import output_format
from apps.generations.intake import pictures_in
from apps.generations.models import GenerationJob, Kind
from apps.generations.params import CERTAINTY, EFFORT
from apps.generations.picture_store import read
from apps.generations.tools import tools_of
from apps.generations.words import BIAS
from engine.types import AdapterRef, GenerationRequest, ImageParams, ImageRequest, Request, SamplingParams

TEXT_PARAMETERS = (
    "temperature", "top_p", "top_k", "min_p", "max_tokens", "seed",
    "repetition_penalty", "presence_penalty", "frequency_penalty",
)  # fmt: skip
IMAGE_PARAMETERS = tuple(field.name for field in fields(ImageParams))


class PictureGone(Exception):
    """A picture that the job starts from, or asks about, was erased meanwhile; says so to a person."""


def request_id(held: Held) -> str:
    """With the attempt: one worker may get a job again while its lost attempt is still being stopped."""
    return f"{held.job}:{held.attempt}"


def request_of(job: GenerationJob) -> Request:
    """For a job that was claimed. Raises PictureGone."""
    return _image_request(job) if job.kind == Kind.IMAGE else _text_request(job)


def models_of(version: ModelVersion) -> dict[str, str]:
    """For receipts: the digests of what an answer or a picture is made with, and how weights are kept."""
    adapter = {"adapter": version.digest} if version.is_adapter else {}
    return {"model": version.engine_key} | adapter


def _text_request(job: GenerationJob) -> GenerationRequest:
    chosen = {name: job.params[name] for name in TEXT_PARAMETERS if name in job.params}  # older jobs know fewer
    params = SamplingParams(
        **chosen,
        stop=tuple(job.params["stop"]),
        output_format=output_format(job.params),
        logit_bias={int(token): value for token, value in job.params.get(BIAS, {}).items()},
        logprobs=ALTERNATIVES if job.params.get(CERTAINTY) else None,
    )
    version = job.model_version
    return GenerationRequest(
        request_id(Held(job.pk, job.attempt)),
        version.engine_key,
        tuple(job.prompt_ids),
        params,
        messages=tuple(job.messages) if version.is_upstream else (),
        answer_format=version.answer_format,
        user=str(job.user_id or ""),
        tenant=str(job.project_id),
        adapter=_adapter(version),
        images=tuple(_shown(picture) for picture in pictures_in(job.messages)),
        tools=tuple(tools_of(job.params)) if version.is_upstream else (),
        demanded=demanded_calls(job.params),
        effort=job.params.get(EFFORT) or "" if version.is_upstream else "",
        deadline_seconds=version.hosted_model.longest_seconds,
    )


def _image_request(job: GenerationJob) -> ImageRequest:
    version = job.model_version
    return ImageRequest(
        request_id(Held(job.pk, job.attempt)),
        version.engine_key,
        image_params_of(job),
        source=_picture(job, "source"),
        mask=_picture(job, "mask"),
        checkpoint=checkpoint_for(job),
        deadline_seconds=version.hosted_model.longest_seconds,
        user=str(job.user_id or ""),
        tenant=str(job.project_id),
        adapter=_adapter(version),
    )


def image_params_of(job: GenerationJob) -> ImageParams:
    """As the engine takes them. Older jobs know fewer."""
    return ImageParams(**{name: job.params[name] for name in IMAGE_PARAMETERS if name in job.params})


def _adapter(version: ModelVersion) -> AdapterRef | None:
    return AdapterRef(version.digest, version.engine_key) if version.is_adapter else None


def _shown(artifact_id: str) -> bytes:
    found = read(artifact_id)
    if found is None:
        raise PictureGone("A picture of this conversation was erased before it was answered. Send it once more.")
    return found


def _picture(job: GenerationJob, name: str) -> bytes | None:
    artifact_id = job.params[name]
    if not artifact_id:
        return None
    found = read(artifact_id)
    if found is None:
        raise PictureGone(f"The picture that was given as the {name} was erased before this one was begun.")
    return greyscale(found) if name == "mask" else found


def greyscale(png: bytes) -> bytes:
    """Of one of our own pictures: any of them may be taken as a mask."""
    with Image.open(BytesIO(png), formats=["PNG"]) as opened:
        if opened.mode == "L":
            return png
        grey, buffer = opened.convert("L"), BytesIO()
    grey.save(buffer, "PNG")
    return buffer.getvalue()
