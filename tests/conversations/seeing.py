"""A model that sees, and pictures to show to it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from apps.catalog.models import HostedModel, Modality, ModelVersion
from apps.conversations.models import Conversation
from engine.store import check_folder
from tests.engine.pictures.files import drawing, encoded
from tests.governance.permits import open_to_everyone


def hosted_janus(folder: Path, digest: str, name: str = "janus") -> HostedModel:
    """In the catalogue; `folder` is what was installed under `digest`."""
    facts = check_folder(folder)
    assert facts.image
    model = HostedModel.objects.create(id=name, name=name.title(), modality=Modality.IMAGE)
    model.default_version = ModelVersion.objects.create(
        hosted_model=model,
        digest=digest,
        source="path:janus",
        size_bytes=facts.size,
        license_id="MIT",
        architecture=facts.architecture,
        context_length=facts.context_length,
        chat_template=facts.chat_template,
        image_facts=asdict(facts.image),
    )
    model.save()
    return open_to_everyone(model)


def upload(client: Client, conversation: Conversation, data: bytes = b"", name: str = "cat.png") -> HttpResponse:
    """A picture of its own where no data is given."""
    file = SimpleUploadedFile(name, data or encoded(drawing()), content_type="")
    return client.post(f"/c/{conversation.pk}/pictures/", {"picture": file})


def attach(client: Client, conversation: Conversation, data: bytes = b"", name: str = "cat.png") -> dict[str, Any]:
    response = upload(client, conversation, data, name)
    assert response.status_code == 201, response.content
    picture: dict[str, Any] = response.json()["picture"]
    return picture
