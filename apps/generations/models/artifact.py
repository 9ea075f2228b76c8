"""Artifact: a picture in a project; Checkpoint: what a lost attempt at one left."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models

from apps.generations.models.job import GenerationJob
from apps.lib.ids import new_id


class Origin(models.TextChoices):
    GENERATED = "generated", "Made here"
    UPLOADED = "uploaded", "Uploaded"
    ATTACHED = "attached", "Attached to a conversation"


class ArtifactQuerySet(models.QuerySet["Artifact"]):
    def of_projects(self) -> Self:
        """All but those that were attached to a conversation: these are reached through it, and go with it."""
        return self.exclude(origin=Origin.ATTACHED)

    def kept(self) -> Self:
        """Those of projects that weren't deleted; a deleted one can be brought back until housekeeping erases it."""
        return self.of_projects().filter(deleted_at=None)

    def in_bin(self) -> Self:
        """Those of projects that were deleted, and not erased yet."""
        return self.of_projects().exclude(deleted_at=None)


class Artifact(models.Model):
    """A picture. Its file is a PNG without metadata, `settings.ARTIFACT_STORE/<id[:2]>/<id>.png`; who may see the
    project may see it, and nobody else. One that was attached to a conversation is seen by those who may see that."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="artifacts")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="artifacts")
    job = models.OneToOneField(
        GenerationJob, on_delete=models.CASCADE, null=True, related_name="artifact", help_text="None: uploaded"
    )
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.GENERATED)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size_bytes = models.PositiveIntegerField(help_text="of the PNG")
    sha256 = models.CharField(max_length=64, help_text="of the PNG")
    pixels_sha256 = models.CharField(max_length=64, help_text="of the RGB bytes alone: no header changes it")
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ArtifactQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["project", "-created_at", "-id"], name="artifact_project")]

    def __str__(self) -> str:
        return f"{self.width} × {self.height}, {self.pk}"


class Checkpoint(models.Model):
    """What another attempt at a picture can go on from. One for each running job, replaced as it goes on; gone at its
    end."""

    job = models.OneToOneField(GenerationJob, on_delete=models.CASCADE, primary_key=True, related_name="checkpoint")
    attempt = models.PositiveSmallIntegerField(help_text="that wrote it")
    step = models.PositiveIntegerField()
    data = models.BinaryField()
    saved_at = models.DateTimeField(auto_now=True)
