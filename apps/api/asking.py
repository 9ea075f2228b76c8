"""Ask a model on behalf of a program: the job counts for the person of the token, in its project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.api.chat_request import ChatRequest
from apps.api.edit_request import EditRequest
from apps.api.image_request import ImagesRequest
from apps.api.models import ApiCall, ApiToken
from apps.api.refusing import wrong
from apps.catalog.chat import takes_thoughts
from apps.catalog.models import HostedModel, Modality
from apps.conversations.history import Calls, calls_for
from apps.generations.actions import submit_generation
from apps.generations.artifact_actions import upload_artifact
from apps.generations.errors import Refused
from apps.generations.image_actions import submit_image
from apps.generations.image_params import facts_of, size_like
from apps.generations.intake import pictures_in
from apps.generations.models import Artifact, GenerationJob, Origin
from apps.generations.params import BY_NAME
from apps.generations.picture_http import SentPicture
from apps.studio.actions.masks import upload_mask
from engine.pictures import Limits, PictureRefused, decode_transparency

Object = dict[str, Any]
AS_LONG_AS_FITS = MappingProxyType({"max_tokens": BY_NAME["max_tokens"].maximum})
"""Where a program says nothing of it, as such servers do; people's own default is shorter."""
USE_IMAGES = "{} makes pictures: ask it by POST /v1/images/generations."
USE_CHAT = "{} writes: ask it by POST /v1/chat/completions."
ANEW = 1.0
"""The strength of what a mask shows, where nothing is said of it."""
WORDS_ONLY = "{} draws from words alone: GET /v1/models tells which models change pictures."
NO_PARTS = "{} changes whole pictures only. Send it without a mask."


@transaction.atomic
def ask(token: ApiToken, asked: ChatRequest) -> GenerationJob:
    """Raises Refused, and ValidationError where a parameter is wrong; then nothing has changed."""
    model = _model(asked.model)
    if not model.writes:
        raise wrong("model", USE_IMAGES.format(model))
    if asked.top_logprobs is not None and model.default_version and model.default_version.is_upstream:
        raise wrong("logprobs", f"{model} runs on another server, which isn't asked how likely its tokens were.")
    messages = [_with_pictures(token, model, message) for message in _as_shown(model, asked.messages)]
    job = submit_generation(
        actor=token.user,
        project=token.project,
        model=model,
        messages=messages,
        params=asked.params,
        defaults=AS_LONG_AS_FITS,
        through=token.pk,
    )
    ApiCall.objects.create(job=job, token=token, reader=token.reader, pictures=pictures_in(messages))
    return job


@transaction.atomic
def draw(token: ApiToken, asked: ImagesRequest) -> list[GenerationJob]:
    """As `ask`, for pictures, which hang in the gallery of the token's project."""
    return _drawn(token, _drawing(asked.model), asked, asked.params)


@transaction.atomic
def edit(token: ApiToken, asked: EditRequest) -> list[GenerationJob]:
    """As `draw`, from a picture, which hangs in the gallery as well. Files of a request that is refused are swept
    up."""
    model = _drawing(asked.pictures.model)
    assert model.default_version is not None, "only such models are available"
    facts = facts_of(model.default_version)
    if not facts.takes_source:
        raise wrong("model", WORDS_ONLY.format(model))
    if asked.mask and not facts.takes_mask:
        raise wrong("mask", NO_PARTS.format(model))
    with _named("image"):
        source = upload_artifact(actor=token.user, project=token.project, **asked.image._asdict())
    params: Object = size_like(source.width, source.height, facts) | {"source": source.pk}
    if asked.mask:
        params |= {"mask": _mask(token, asked.mask, source).pk, "strength": ANEW}
    return _drawn(token, model, asked.pictures, params | asked.pictures.params)


def _drawing(name: str) -> HostedModel:
    model = _model(name)
    if model.modality != Modality.IMAGE:
        raise wrong("model", USE_CHAT.format(model))
    return model


def _drawn(token: ApiToken, model: HostedModel, asked: ImagesRequest, params: Object) -> list[GenerationJob]:
    jobs = submit_image(
        actor=token.user, project=token.project, model=model, params=params, count=asked.number, through=token.pk
    )
    ApiCall.objects.bulk_create(ApiCall(job=job, token=token, reader=token.reader) for job in jobs)
    return jobs


def _mask(token: ApiToken, sent: SentPicture, source: Artifact) -> Artifact:
    limits = Limits(megabytes=settings.MAX_UPLOAD_MB)
    with _named("mask"):
        mask = decode_transparency(sent.data, name=sent.name, declared=sent.declared, limits=limits)
        if (mask.width, mask.height) != (source.width, source.height):
            raise PictureRefused(
                f"The mask has {mask.width} × {mask.height} pixels and the picture {source.width} × {source.height}. "
                "Send one of the same size."
            )
        return upload_mask(actor=token.user, project=token.project, data=mask.png, name="", declared="")


@contextmanager
def _named(field: str) -> Iterator[None]:
    """What is wrong with a file is said of its parameter."""
    try:
        yield
    except PictureRefused as refusal:
        raise wrong(field, str(refusal)) from refusal
    except Refused as refusal:
        if refusal.code != "picture":
            raise
        raise wrong(field, refusal.message) from refusal


def _model(name: str) -> HostedModel:
    models = HostedModel.objects.available().select_related("default_version__base__hosted_model")
    found = models.called(name)
    if found is None:
        message = f"There is no model “{name[:80]}” here. GET /v1/models lists those that this token may use."
        raise Refused(status=404, code="model_not_found", message=message, field="model")
    return found


def _as_shown(model: HostedModel, messages: Sequence[Object]) -> list[Object]:
    """Calls of tools as this model can be shown them, or not at all: never left out. Thoughts only where it is still
    at them."""
    version = model.default_version
    calls = calls_for(version)
    last = max((place for place, message in enumerate(messages) if message["role"] == "user"), default=-1)
    thinks = version is not None and takes_thoughts(version)
    waiting = _unanswered(messages)
    if calls is Calls.NONE and any(message.keys() & {"tool_calls", "tool_call_id"} for message in messages):
        raise wrong("messages", f"{model} can't be shown calls of tools: its chat template knows none.")
    if calls is Calls.ANSWERED and waiting:
        raise wrong("messages", f"The call “{waiting[0][:80]}” has no result; {model} can only be shown answered ones.")
    return [
        message if thinks and place > last else _without_thoughts(message) for place, message in enumerate(messages)
    ]


def _with_pictures(token: ApiToken, model: HostedModel, message: Object) -> Object:
    """What it shows is kept as long as its text. Files of a request that is refused are swept up."""
    files = message.get("data", ())
    if files and not model.sees:
        raise wrong("messages", f"{model} reads text only: GET /v1/models tells which models read pictures.")
    shown = [
        upload_artifact(actor=token.user, project=token.project, data=data, origin=Origin.ATTACHED).pk for data in files
    ]
    kept = {name: value for name, value in message.items() if name != "data"}
    return kept | ({"pictures": shown} if shown else {})


def _unanswered(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    answered = {message.get("tool_call_id") for message in messages}
    called = [call["id"] for message in messages for call in message.get("tool_calls", ())]
    return [call for call in called if call not in answered]


def _without_thoughts(message: Object) -> Object:
    return {name: value for name, value in message.items() if name != "reasoning"}
