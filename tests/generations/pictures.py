"""A model of pictures in the catalogue, and pictures as files, for tests in which what is drawn isn't the point."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from io import BytesIO

from PIL import Image

from apps.catalog.models import HostedModel, Modality, ModelVersion
from engine.types import ImageFacts
from tests.governance.permits import open_to_everyone

FACTS = ImageFacts(
    family="stable-diffusion",
    width=64,
    height=64,
    multiple_of=8,
    steps=6,
    guidance=4.0,
    prompt_tokens=77,
    schedulers=("default", "euler"),
)


def hosted_painter(name: str = "painter", facts: ImageFacts = FACTS) -> HostedModel:
    """Approved, granted to everyone; its weights are nowhere."""
    model = HostedModel.objects.create(id=name, name=name.title(), modality=Modality.IMAGE)
    model.default_version = ModelVersion.objects.create(
        hosted_model=model,
        digest=hashlib.sha256(name.encode()).hexdigest(),
        source=f"path:{name}",
        size_bytes=1,
        license_id="CC0-1.0",
        architecture="StableDiffusionPipeline",
        context_length=facts.prompt_tokens,
        image_facts=asdict(facts),
    )
    model.save()
    return open_to_everyone(model)


def hosted_adapter(base: HostedModel, name: str = "ink") -> HostedModel:
    """A model of its own, on the one there."""
    model, version = hosted_painter(name), base.default_version
    ModelVersion.objects.filter(hosted_model=model).update(base=version)
    return HostedModel.objects.select_related("default_version").get(pk=model.pk)


def picture(seed: int, width: int = 64, height: int = 64, text: str = "") -> Image.Image:
    """A function of its arguments alone, with something in every pixel."""
    start = hashlib.sha256(f"{seed} {text}".encode()).digest()
    row = bytes(start[index % 32] ^ (index * 7 % 256) for index in range(3 * width))
    rows = b"".join(bytes((value + 3 * line) % 256 for value in row) for line in range(height))
    return Image.frombytes("RGB", (width, height), rows)


def png_of(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
