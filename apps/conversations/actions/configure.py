"""Change a conversation's title, system prompt, model or sampling parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.accounts.models import User
from apps.audit.record import Target, record
from apps.catalog.models import HostedModel
from apps.conversations.broadcast import changes_to_all
from apps.conversations.inputs import refused, text_in, title_in
from apps.conversations.models import Conversation
from apps.conversations.serializers import conversation_json
from apps.generations.params import clean_params, defaults_of
from apps.generations.words import WORDS, biases

CHANGEABLE = ("title", "system_prompt", "model", "params")


@transaction.atomic
def update_conversation(*, actor: User, conversation: Conversation, changes: Mapping[str, Any]) -> Conversation:
    """Apply all of `changes` or none. Raises Refused, and ValidationError with a sentence for each wrong parameter."""
    if unknown := sorted(set(changes) - set(CHANGEABLE)):
        raise refused("invalid", f"“{unknown[0]}” cannot be changed. Changeable: {', '.join(CHANGEABLE)}.")
    conversation = (
        Conversation.objects.select_for_update(of=("self",), no_key=True)
        .select_related("project")
        .get(pk=conversation.pk)
    )
    before = conversation_json(conversation)
    if "title" in changes:
        conversation.title = title_in(changes)
    if "system_prompt" in changes:
        conversation.system_prompt = text_in(changes, "system_prompt", maximum=settings.MAX_PROMPT_CHARS)
    if "model" in changes:
        conversation.hosted_model = model_called(changes["model"])
    if "params" in changes:
        conversation.params = own_params(changes["params"], conversation.hosted_model)
    conversation.save(update_fields=["title", "system_prompt", "hosted_model", "params"])
    _tell(actor, conversation, before)
    return conversation


def model_called(raw: object) -> HostedModel:
    """Raises Refused."""
    model = HostedModel.objects.that_write().called(raw)
    if model is None:
        raise refused("unknown_model", "There is no such model to choose. Pick one from the list.")
    return model


def own_params(raw: object, model: HostedModel | None) -> dict[str, Any]:
    """Those of the validated parameters that differ from the model's defaults."""
    if not isinstance(raw, Mapping):
        raise refused("invalid", "“params” must be an object of parameters.")
    defaults = defaults_of(model.recommended if model else {})
    cleaned = clean_params(raw, defaults)
    if model and model.default_version and not model.default_version.is_upstream:
        biases(model.default_version, cleaned[WORDS])  # said here rather than with the next message
    return {name: value for name, value in cleaned.items() if value != defaults[name]}


def _tell(actor: User, conversation: Conversation, before: dict[str, Any]) -> None:
    after = conversation_json(conversation)
    changes = {name: value for name, value in after.items() if value != before[name]}
    if not changes:
        return
    record(
        "conversation.updated",
        actor=actor,
        target=Target("conversation", conversation.pk, "conversation"),
        project_id=conversation.project_id,
        fields=sorted(changes),
    )
    changes_to_all(conversation.pk, **changes)
