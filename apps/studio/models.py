"""Boards that a project puts its pictures on, the pictures that a person likes, and what was sent with which id."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Count, Q

from apps.generations.models import Artifact
from apps.lib.ids import new_id
from apps.projects.models import Project

MAX_BOARD_NAME = 60


class BoardQuerySet(models.QuerySet["Board"]):
    def with_counts(self) -> Self:
        """Annotates `pictures`, how many are on it."""
        kept = Q(items__isnull=False, items__artifact__deleted_at=None)
        return self.annotate(pictures=Count("items", filter=kept))


class Board(models.Model):
    """A named selection of a project's pictures; a picture may be on several."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="boards")
    name = models.CharField(max_length=MAX_BOARD_NAME)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    cover = models.ForeignKey(
        "BoardItem", on_delete=models.SET_NULL, null=True, related_name="+", help_text="None: its newest pictures"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BoardQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="board_name_once")]

    def __str__(self) -> str:
        return self.name


class BoardItem(models.Model):
    board = models.ForeignKey(Board, on_delete=models.CASCADE, related_name="items")
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="board_items")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["board", "artifact"], name="board_item_once")]

    def __str__(self) -> str:
        return f"{self.artifact_id} on {self.board_id}"


class Favourite(models.Model):
    """Somebody's own mark on a picture; nobody else sees it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="favourites")
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="favourites")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "artifact"], name="favourite_once")]

    def __str__(self) -> str:
        return f"{self.artifact_id}, liked by {self.user_id}"


class Mask(models.Model):
    """Says that an uploaded picture is a mask: it is no picture to look at, so the gallery leaves it out."""

    artifact = models.OneToOneField(Artifact, on_delete=models.CASCADE, primary_key=True, related_name="mask")

    def __str__(self) -> str:
        return f"mask {self.artifact_id}"


class Submission(models.Model):
    """A send of the form, by the id that the browser made for it: repeated, it is one send. The person's next send
    forgets those of more than a day ago."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    client_id = models.CharField(max_length=64)
    jobs = models.JSONField(default=list, help_text="ids of what it queued")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "project", "client_id"], name="submission_once"),
        ]

    def __str__(self) -> str:
        return f"{self.client_id} of {self.user_id}"
