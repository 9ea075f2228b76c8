"""Conversations with messages, made row by row where sending is not the point."""

from __future__ import annotations

import secrets
from typing import Any

from django.http import HttpResponse
from django.test import Client

from apps.accounts.models import User
from apps.catalog.models import HostedModel, ModelVersion
from apps.conversations.models import Conversation, Message
from apps.generations.models import GenerationJob, State
from apps.projects.models import Project
from tests.governance.permits import open_to_everyone


def listed_model(identifier: str = "listed", digest: str = "") -> HostedModel:
    """A model of the catalogue; without a digest nothing can be asked of it."""
    model = HostedModel.objects.create(id=identifier, name=identifier.title())
    model.default_version = ModelVersion.objects.create(
        hosted_model=model,
        digest=digest or secrets.token_hex(32),
        source="path:/nowhere",
        size_bytes=1,
        license_id="Apache-2.0",
        architecture="LlamaForCausalLM",
        context_length=2048,
    )
    model.save()
    return open_to_everyone(model)


def asked(conversation: Conversation, text: str, parent: Message | None = None, user: User | None = None) -> Message:
    role = Message.Author.USER
    return Message.objects.create(
        conversation=conversation, parent=parent, role=role, text=text, user=user or conversation.created_by
    )


def answered(question: Message, text: str, state: str = State.SUCCEEDED) -> Message:
    """An answer to `question` whose job ended (or is) in `state`."""
    conversation = question.conversation
    assert conversation.hosted_model
    assert conversation.hosted_model.default_version
    job = GenerationJob.objects.create(
        project=conversation.project,
        user=question.user,
        model_version=conversation.hosted_model.default_version,
        state=state,
        output=text,
    )
    return Message.objects.create(conversation=conversation, parent=question, role=Message.Author.ASSISTANT, job=job)


def make_conversation(project: Project, user: User, model: HostedModel | None, title: str = "") -> Conversation:
    return Conversation.objects.create(project=project, created_by=user, hosted_model=model, title=title)


def end(message_id: str, text: str, state: str = State.SUCCEEDED) -> None:
    """End the job of an answer, as a worker would."""
    GenerationJob.objects.filter(message=message_id).update(state=state, output=text)


def post(client: Client, url: str, data: Any) -> HttpResponse:
    return client.post(url, data, content_type="application/json")


def send(client: Client, conversation: Conversation, text: str, parent: str | None = None, **more: Any) -> HttpResponse:
    data = {"text": text, "parent": parent, "client_id": secrets.token_hex(8), **more}
    return post(client, f"/c/{conversation.pk}/messages/", data)
