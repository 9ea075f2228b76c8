"""Pictures over HTTP and on the disk: who gets them, in which form, and when they are gone."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import time
from typing import Any

import c2pa
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from PIL import Image

from apps.audit.models import AuditEvent
from apps.generations import erasing
from apps.generations.actions import wipe_content
from apps.generations.artifact_actions import purge_artifacts
from apps.generations.claims import Held, claim
from apps.generations.endings import finish
from apps.generations.kept_pictures import keep
from apps.generations.log import LogWriter, Preview
from apps.generations.models import Artifact, GenerationJob, State
from apps.generations.outcomes import Outcome
from apps.generations.own_rows import generations, pictures
from apps.generations.picture_store import path_of
from apps.lib.redis import sync_client
from engine.pictures import pixels_sha256
from engine.pictures.identity import KEY, identity_of
from engine.pictures.recover import recover
from engine.types import ImageEvent
from tests.generations.conftest import Paint
from tests.generations.pictures import picture, png_of
from tests.generations.scripted_pictures import pixels_of
from tests.world import World

MADE_WITH = {"engine": "1", "device": "cpu"}
Make = Callable[..., Artifact]


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> Path:
    settings.ARTIFACT_STORE = tmp_path / "artifacts"
    settings.PICTURE_KEYS = tmp_path / "keys"
    return tmp_path / "artifacts"


def event(width: int = 600, height: int = 300) -> ImageEvent:
    image = picture(1, width, height)
    return ImageEvent("x", png_of(image), width, height, pixels_of(image))


@pytest.fixture
def make(paint: Paint) -> Make:
    """A picture that a worker made."""

    def made(prompt: str = "a red apple", **params: Any) -> Artifact:
        (job,) = paint(prompt, seed=42, **params)
        (taken,) = claim("w", ("painter",), 1)
        outcome = Outcome(State.SUCCEEDED, "", "stop", 0, steps=6, picture=keep(event()), receipt=MADE_WITH)
        assert finish(Held(taken.pk, taken.attempt), outcome) is not None
        return Artifact.objects.get(job=job)

    return made


@pytest.fixture
def client_of(world: World) -> Callable[[str], Client]:
    def make_client(name: str) -> Client:
        client = Client()
        client.force_login(world.person(name))
        return client

    return make_client


def at(artifact: Artifact, name: str = "artifact", **parts: Any) -> str:
    return reverse(name, kwargs={"aid": artifact.pk, **parts})


def files(store: Path) -> list[str]:
    return sorted(path.name for path in store.rglob("*") if path.is_file())


def test_members_get_the_file_and_browsers_ask_again(make: Make, client_of: Any) -> None:
    artifact = make()
    client = client_of("viewer")
    response = client.get(at(artifact))
    assert response.content == path_of(artifact.pk).read_bytes()
    assert (response["Content-Type"], response["Cache-Control"]) == ("image/png", "private, no-cache")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["ETag"] == f'"{artifact.sha256}"'
    again = client.get(at(artifact), headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    stranger = client_of("stranger").get(at(artifact), headers={"If-None-Match": response["ETag"]})
    assert stranger.status_code == 404


@pytest.mark.parametrize("size", [256, 512])
def test_thumbnails_are_made_once(make: Make, client_of: Any, store: Path, size: int) -> None:
    artifact, client = make(), client_of("viewer")
    first = client.get(at(artifact, "artifact_thumbnail", size=size))
    with Image.open(io.BytesIO(first.content)) as small:
        assert (small.format, small.size) == ("WEBP", (size, size // 2))
    assert f"{artifact.pk}.{size}.webp" in files(store)
    path_of(artifact.pk).unlink()
    assert client.get(at(artifact, "artifact_thumbnail", size=size)).content == first.content
    assert client.get(at(artifact, "artifact_thumbnail", size=999)).status_code == 404


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("metadata", ["full", "a1111", "none", "c2pa", "c2pa-full"])
def test_downloads_tell_as_much_as_is_wanted(make: Make, client_of: Any, kind: str, metadata: str) -> None:
    artifact = make("a red apple")
    response = client_of("viewer").get(at(artifact, "artifact_download"), {"as": kind, "metadata": metadata})
    assert response.status_code == 200
    assert response["Content-Type"] == f"image/{kind}"
    assert response["Content-Disposition"].startswith("attachment; filename*=UTF-8''a-red-apple-42.")
    with Image.open(io.BytesIO(response.content)) as opened:
        assert opened.format == kind.upper()
        if kind == "png":
            assert pixels_sha256(response.content) == artifact.pixels_sha256
    told = b"red apple" in response.content or "red apple".encode("utf-16-be") in response.content
    assert told == (metadata in ("full", "a1111", "c2pa-full"))
    assert (b"c2pa" in response.content) == metadata.startswith("c2pa")
    read = recover(response.content)
    assert (read is not None and read.prompt == "a red apple") == told
    if metadata.startswith("c2pa"):
        reader = c2pa.Reader(f"image/{kind}", io.BytesIO(response.content))
        assert reader.get_validation_state() == "Valid"
        assert ("red apple" in reader.json()) == told


def test_what_can_not_be_downloaded_is_said(make: Make, client_of: Any, world: World) -> None:
    client = client_of("editor")
    wrong = client.get(at(make(), "artifact_download"), {"as": "gif"})
    assert (wrong.status_code, wrong.json()["error"]["field"]) == (422, "as")
    uploaded = send(client, world, png_of(picture(3)))
    artifact = Artifact.objects.get(pk=uploaded.json()["id"])
    refused = client.get(at(artifact, "artifact_download"), {"metadata": "full"})
    assert "brought along" in refused.json()["error"]["message"]
    assert client.get(at(artifact, "artifact_download")).status_code == 200


PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
"""What browsers say when they are to show the answer."""


def back_at_the_picture(client: Client, artifact: Artifact, wanted: dict[str, str]) -> str:
    """The page that stands there after a download that was refused."""
    answer = client.get(at(artifact, "artifact_download"), wanted, follow=True, headers=PAGE)
    assert answer.redirect_chain == [(at(artifact, "picture"), 302)]
    return answer.content.decode()


def test_who_downloads_from_a_page_reads_there_what_was_wrong(make: Make, client_of: Any) -> None:
    client, artifact = client_of("viewer"), make("😀" * 4000, negative_prompt="界" * 4000)
    assert "too long for a JPEG" in back_at_the_picture(client, artifact, {"as": "jpeg", "metadata": "full"})
    assert client.get(at(artifact, "artifact_download"), headers=PAGE)["Content-Type"] == "image/png"
    path_of(artifact.pk).unlink()
    assert "The file of this picture is missing" in back_at_the_picture(client, artifact, {})
    assert client_of("stranger").get(at(artifact, "artifact_download"), headers=PAGE).status_code == 404
    signed_out = Client().get(at(artifact, "artifact_download"), headers=PAGE)
    assert signed_out["Location"].startswith(reverse("account_login"))


def test_a_picture_that_can_not_be_signed_is_not_sent(
    make: Make, client_of: Any, settings: Any, tmp_path: Path
) -> None:
    settings.PICTURE_KEYS = tmp_path / "keys"
    identity_of(settings.PICTURE_KEYS, "Example")
    (settings.PICTURE_KEYS / KEY).write_text("no key")
    client, artifact = client_of("editor"), make()
    refused = client.get(at(artifact, "artifact_download"), {"metadata": "c2pa"})
    assert refused.status_code == 503
    assert "Ask an administrator" in refused.json()["error"]["message"]
    assert "Ask an administrator" in back_at_the_picture(client, artifact, {"metadata": "c2pa"})
    assert client.get(at(artifact, "artifact_download"), {"metadata": "full"}).status_code == 200


def send(client: Client, world: World, data: bytes, name: str = "x.png", media: str = "image/png") -> Any:
    sent = SimpleUploadedFile(name, data, media)
    return client.post(reverse("artifact_upload", args=[world.project.pk]), {"picture": sent})


def test_an_upload_is_cleaned_and_counted_in_the_log(client_of: Any, world: World, store: Path) -> None:
    hidden = io.BytesIO()
    picture(1, 80, 40).save(hidden, "JPEG", exif=Image.Exif().tobytes(), comment=b"secret place")
    response = send(client_of("editor"), world, hidden.getvalue(), "holiday.jpg", "image/jpeg")
    assert response.status_code == 201
    told = response.json()
    artifact = Artifact.objects.get(pk=told["id"])
    assert (artifact.origin, artifact.user, artifact.job) == ("uploaded", world.editor, None)
    assert (told["width"], told["height"], told["receipt"]) == (80, 40, None)
    assert b"secret" not in path_of(artifact.pk).read_bytes()
    assert AuditEvent.objects.get(action="artifact.uploaded").details["width"] == 80


@pytest.mark.parametrize(
    ("data", "name", "sentence"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "x.svg", "an SVG drawing"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "x.png", "damaged"),
        (b"", "x.png", "The file is empty"),
        (png_of(picture(1)), "x.jpg", "it is a PNG"),
        (png_of(Image.new("1", (12000, 12000))), "x.png", "along a side. Save it smaller"),
    ],
)
def test_what_is_no_picture_is_refused_in_words_and_nothing_is_kept(
    client_of: Any, world: World, store: Path, data: bytes, name: str, sentence: str
) -> None:
    media = "application/octet-stream"
    response = send(client_of("editor"), world, data, name, media)
    assert response.status_code == 422
    assert sentence in response.json()["error"]["message"]
    assert files(store) == []
    assert not Artifact.objects.exists()


def test_a_large_upload_is_refused_before_it_is_decoded(client_of: Any, world: World, settings: Any) -> None:
    settings.MAX_UPLOAD_MB = 1
    response = send(client_of("editor"), world, b"x" * 1_000_001)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


def test_an_upload_that_is_not_written_down_leaves_no_file(
    client_of: Any, world: World, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise DatabaseError("the disk of the database is full")

    monkeypatch.setattr("apps.generations.artifact_actions.record", fails)
    with pytest.raises(DatabaseError):
        send(client_of("editor"), world, png_of(picture(1)))
    assert files(store) == []


def test_the_bin_and_back(make: Make, client_of: Any) -> None:
    artifact, client = make(), client_of("editor")
    assert client_of("viewer").post(at(artifact, "artifact_delete")).status_code == 403
    assert client.post(at(artifact, "artifact_delete")).json() == {"artifact": artifact.pk, "deleted": True}
    assert client.get(at(artifact)).status_code == 404
    assert client.post(at(artifact, "artifact_delete")).status_code == 404
    assert client.post(at(artifact, "artifact_restore")).json()["id"] == artifact.pk
    assert client.get(at(artifact)).status_code == 200
    actions = AuditEvent.objects.filter(target_id=artifact.pk).order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["artifact.deleted", "artifact.restored"]


def test_what_lay_in_the_bin_for_long_is_erased(
    make: Make, client_of: Any, world: World, store: Path, django_capture_on_commit_callbacks: Any
) -> None:
    artifact, kept = make(), make("a blue car")
    upload = Artifact.objects.get(pk=send(client_of("editor"), world, png_of(picture(3))).json()["id"])
    client_of("viewer").get(at(artifact, "artifact_thumbnail", size=256))
    Artifact.objects.filter(pk__in=[artifact.pk, upload.pk]).update(deleted_at=Now() - timedelta(days=6))
    assert purge_artifacts() == 0
    Artifact.objects.filter(pk__in=[artifact.pk, upload.pk]).update(deleted_at=Now() - timedelta(days=8))
    with django_capture_on_commit_callbacks(execute=True):
        assert purge_artifacts() == 2
    assert files(store) == [f"{kept.pk}.png"]
    job = GenerationJob.objects.get(pk=artifact.job_id)
    assert (job.params["prompt"], job.params["width"], job.steps) == ("", 64, 6)
    assert GenerationJob.objects.get(pk=kept.job_id).params["prompt"] == "a blue car"


def test_erased_jobs_lose_their_pictures(
    make: Make, client_of: Any, store: Path, django_capture_on_commit_callbacks: Any
) -> None:
    artifact = make()
    with django_capture_on_commit_callbacks(execute=True):
        assert wipe_content([artifact.job_id]) == 1
    assert files(store) == []
    assert not Artifact.objects.exists()
    assert client_of("viewer").get(at(artifact)).status_code == 404


def age(path: Path) -> None:
    long_ago = time() - erasing.YOUNG_SECONDS - 60
    os.utime(path, (long_ago, long_ago))


def test_files_that_no_row_speaks_of_are_swept(make: Make, client_of: Any, world: World, store: Path) -> None:
    artifact = make()
    client_of("viewer").get(at(artifact, "artifact_thumbnail", size=256))
    mine = files(store)
    lost, young = keep(event()), keep(event())
    half = store / "ab" / ".x.part"
    half.parent.mkdir(exist_ok=True)
    half.write_bytes(b"half")
    for path in store.rglob("*"):
        age(path)
    os.utime(path_of(young.artifact_id))
    assert erasing.sweep_files() == 2
    assert files(store) == sorted([*mine, f"{young.artifact_id}.png"])
    assert not path_of(lost.artifact_id).exists()
    world.project.delete()
    age(path_of(young.artifact_id))
    erasing.sweep_files()
    assert files(store) == [], "those of a project that was deleted"


def test_negative_control_a_sweep_that_asks_nobody_takes_pictures_away(
    make: Make, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = make()
    age(path_of(artifact.pk))
    monkeypatch.setattr(erasing, "Artifact", type("Nothing", (), {"objects": GenerationJob.objects}))
    assert erasing.sweep_files() == 1


def test_previews_are_for_members_while_it_runs(paint: Paint, client_of: Any) -> None:
    (job,) = paint()
    LogWriter(sync_client()).append([], [Preview(job.pk, 10002, b"webp")])
    address = reverse("job_preview", args=[job.pk])
    response = client_of("viewer").get(address, {"v": 10002})
    assert (response.content, response["Cache-Control"]) == (b"webp", "private, no-store")
    assert client_of("stranger").get(address).status_code == 404
    GenerationJob.objects.filter(pk=job.pk).update(state=State.SUCCEEDED)
    assert client_of("viewer").get(address).status_code == 404


def test_people_take_along_what_they_asked_for(make: Make, world: World, client_of: Any) -> None:
    artifact = make()
    send(client_of("editor"), world, png_of(picture(3)))
    own, brought = pictures(world.editor)
    assert (own["id"], own["parameters"]["prompt"]) == (artifact.pk, "a red apple")
    assert brought["parameters"] is None
    (job,) = generations(world.editor)
    assert (job["kind"], job["steps"], job["params"]["prompt"]) == ("image", 6, "a red apple")
