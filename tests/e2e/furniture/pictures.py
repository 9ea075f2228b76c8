"""Pictures on the wall of a studio: made ones by several people, an uploaded one, a board, favourites, a failure.

They are drawn here, so that a look at the pages waits for no model.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import timedelta
from io import BytesIO
from math import cos, sin, tau

from django.utils import timezone
from PIL import Image, ImageDraw

from apps.accounts.models import User
from apps.catalog.models import HostedModel, Modality, ModelState, ModelVersion
from apps.generations.models import Artifact, GenerationJob, Kind, Origin, State
from apps.generations.picture_store import path_of, write
from apps.governance.models import Grant, Subject
from apps.projects.models import Project
from apps.studio.actions.boards import create_board, put_on_board
from apps.studio.actions.favourites import set_favourite
from engine.types import ImageFacts
from tests.e2e.furniture.people import People

FACTS = ImageFacts("stable-diffusion", 512, 512, 8, 24, 5.0, 77, schedulers=("default", "euler", "ddim"))
PROMPTS = (
    "A lighthouse at dusk, its beam over a calm sea, gouache on rough paper", "A red apple on a wooden table",
    "Seven sails off the harbour, seen from the cliffs", "A paper moon over a quiet street",
    "Portrait of a keeper, oil on canvas, warm light from the left", "A storm glass beside an open logbook",
    "Blue hour, gulls above the breakwater", "A botanical plate of sea holly, with its roots",
)  # fmt: skip
SIZES = ((512, 512), (512, 512), (592, 440), (440, 592))


def hang(here: People) -> dict[str, str]:
    """Makes them; what addresses need of them."""
    model = _model("harbour-sketch", "Harbour Sketch")
    people = [here.member, *here.others[:2]]
    pictures = [
        _picture(here.project, people[number % 3], model, prompt, number) for number, prompt in enumerate(PROMPTS)
    ]
    varied = _picture(here.project, here.member, model, PROMPTS[0], 20, source=pictures[0].pk)
    tiny = _picture(here.project, here.member, model, "a smiling face", 30, size=(64, 64))
    photo = _artifact(here.project, here.others[0], _drawn(40, (640, 480)), origin=Origin.UPLOADED)
    gone = _picture(here.project, here.others[0], model, "A lighthouse in fog, only its beam", 60)
    Artifact.objects.filter(pk=gone.pk).update(deleted_at=timezone.now() - timedelta(days=2))
    _job(here.project, here.member, model, "A very large mural", 50, State.FAILED)
    for name, chosen in (("Postcards", pictures[:5]), ("For the exhibition in May", [varied, tiny]), ("Empty", [])):
        board = create_board(actor=here.member, project=here.project, name=name)
        put_on_board(actor=here.member, board=board, pictures=chosen)
    set_favourite(actor=here.member, pictures=[pictures[0], pictures[3], varied], on=True)
    return {"picture": pictures[2].pk, "varied": varied.pk, "tiny": tiny.pk, "photo": photo.pk}


def _model(identifier: str, name: str) -> HostedModel:
    model = HostedModel.objects.create(
        id=identifier, name=name, modality=Modality.IMAGE, state=ModelState.APPROVED,
        description="Washes and ink lines, good at water and weather.",
    )  # fmt: skip
    model.default_version = ModelVersion.objects.create(
        hosted_model=model, digest=hashlib.sha256(identifier.encode()).hexdigest(), source=f"path:{identifier}",
        size_bytes=1_200_000_000, license_id="CreativeML-OpenRAIL-M", architecture="StableDiffusionPipeline",
        context_length=FACTS.prompt_tokens, image_facts=asdict(FACTS),
    )  # fmt: skip
    model.save()
    Grant.objects.create(subject_type=Subject.EVERYONE, hosted_model=model)
    return model


def _picture(
    project: Project, user: User, model: HostedModel, prompt: str, number: int, size: tuple[int, int] | None = None,
    source: str | None = None,
) -> Artifact:  # fmt: skip
    size = size or SIZES[number % len(SIZES)]
    job = _job(project, user, model, prompt, number, State.SUCCEEDED, size, source)
    return _artifact(project, user, _drawn(number, size), job=job)


def _job(
    project: Project, user: User, model: HostedModel, prompt: str, number: int, state: str,
    size: tuple[int, int] = (512, 512), source: str | None = None,
) -> GenerationJob:  # fmt: skip
    params = {
        "prompt": prompt, "negative_prompt": "text, borders" if number % 3 == 2 else "", "width": size[0],
        "height": size[1], "steps": 24, "guidance": 5.0, "seed": 1234567 + number, "scheduler": "default",
        "strength": 0.6, "source": source, "mask": None, "batch": "0" * 16,
    }  # fmt: skip
    error = "The picture needs more memory than there is. Choose a smaller size." if state == State.FAILED else ""
    return GenerationJob.objects.create(
        project=project, user=user, model_version=model.default_version, kind=Kind.IMAGE, state=state, params=params,
        finished_at=timezone.now(), error_message=error, attempt=1,
    )  # fmt: skip


def _artifact(project: Project, user: User, image: Image.Image, **more: object) -> Artifact:
    packed = BytesIO()
    image.save(packed, "PNG")
    data = packed.getvalue()
    artifact = Artifact.objects.create(
        project=project, user=user, width=image.width, height=image.height, size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(), pixels_sha256=hashlib.sha256(image.tobytes()).hexdigest(), **more,
    )  # fmt: skip
    write(path_of(artifact.pk), data)
    return artifact


def _drawn(number: int, size: tuple[int, int]) -> Image.Image:
    """Sky, a light, and hills: another one for each number."""
    tones = hashlib.sha256(str(number).encode()).digest()
    top, low = [tuple(40 + tones[at + each] * 3 // 5 for each in range(3)) for at in (0, 3)]
    image = Image.new("RGB", size)
    draw, (width, height) = ImageDraw.Draw(image), size
    for line in range(height):
        part = line / height
        draw.line((0, line, width, line), tuple(int(a + (b - a) * part) for a, b in zip(top, low, strict=True)))
    across, radius = width * (0.2 + tones[6] / 420), width * 0.09
    draw.ellipse((across - radius, height * 0.2, across + radius, height * 0.2 + 2 * radius), (250, 236, 205))
    for layer in range(3):
        shade = tuple(tone * (3 - layer) // 5 for tone in low)
        hills = [
            (x, height * (0.62 + 0.12 * layer) + height * 0.07 * sin(tau * x / width * (1 + layer) + tones[7 + layer])
             + height * 0.03 * cos(tau * x / width * 3 + tones[10 + layer]))
            for x in range(0, width + 1, 4)
        ]  # fmt: skip
        draw.polygon([*hills, (width, height), (0, height)], shade)
    return image
