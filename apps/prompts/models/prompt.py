"""Prompt: the mutable head of a line of revisions, with what lists and searches need of the latest one."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery

from apps.accounts.models import User
from apps.accounts.powers import Power, powers_of
from apps.lib.ids import new_id
from apps.projects.models import Membership, Role

MAX_TITLE_CHARS = 120
MAX_SUMMARY_CHARS = 280
INDEXED_CHARS = 20_000
"""Only this much of a prompt's text is searched by word: a tsvector has a limit, and so has patience."""
LANGUAGE = "english"


class Audience(models.IntegerChoices):
    """Who a prompt is for, ordered: a larger audience includes every smaller one."""

    PRIVATE = 10, "Only me"
    PROJECT = 20, "My project"
    MEMBERS = 30, "Everybody who is signed in"
    PUBLIC = 40, "Everybody, without an account too"


class PromptQuerySet(models.QuerySet["Prompt"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """What `user`, signed out or not, may read. A hidden prompt is there only for its author and for moderators.

        Annotates `role_there`: the role that `user` has in the prompt's project, or None.
        """
        return self.filter(deleted_at=None)._readable_by(user)

    def in_bin_of(self, user: User | AnonymousUser) -> Self:
        """What was deleted and `user` may bring back: what they may manage. Annotates `role_there`."""
        if not isinstance(user, User):
            return self.none()
        own = Q(author=user) & (Q(project=None) | Q(visibility=Audience.PRIVATE) | Q(role_there__gte=Role.EDITOR))
        return self.exclude(deleted_at=None)._readable_by(user).filter(own | Q(role_there=Role.OWNER))

    def _readable_by(self, user: User | AnonymousUser) -> Self:
        if not isinstance(user, User) or not user.is_active:
            nobody = models.Value(None, output_field=models.PositiveSmallIntegerField())
            return self.filter(visibility=Audience.PUBLIC, hidden_at=None).annotate(role_there=nobody)
        mine = Membership.objects.filter(user=user)
        in_mine = Q(project__in=mine.values("project"))
        own = Q(author=user) & (Q(project=None) | Q(visibility=Audience.PRIVATE) | in_mine)
        open_to = Q(visibility__gte=Audience.MEMBERS) | Q(visibility=Audience.PROJECT) & in_mine
        if not powers_of(user) & {Power.MODERATE, Power.SEE_REPORTS}:
            open_to &= Q(hidden_at=None)
        role = mine.filter(project=OuterRef("project")).values("role")[:1]
        return self.filter(own | open_to).annotate(role_there=Subquery(role))


class Prompt(models.Model):
    """Belongs to its author or, with `project`, to a project whose editors improve it together.

    `title`, `summary`, `tags` and `body` repeat the head revision, so that lists and searches read one table. The
    counts are kept by the actions. `trending` is the logarithm of a decaying sum: see `apps.prompts.trending`.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="prompts")
    project = models.ForeignKey(
        "projects.Project", on_delete=models.CASCADE, null=True, blank=True, related_name="prompts"
    )
    visibility = models.PositiveSmallIntegerField(choices=Audience.choices, default=Audience.PRIVATE)
    run_audience = models.PositiveSmallIntegerField(choices=Audience.choices, default=Audience.PUBLIC)
    fork_audience = models.PositiveSmallIntegerField(choices=Audience.choices, default=Audience.PUBLIC)
    head = models.ForeignKey("PromptRevision", on_delete=models.SET_NULL, null=True, related_name="+")
    production = models.ForeignKey("PromptRevision", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    forked_from = models.ForeignKey(
        "PromptRevision", on_delete=models.SET_NULL, null=True, blank=True, related_name="forks"
    )
    title = models.CharField(max_length=MAX_TITLE_CHARS)
    summary = models.CharField(max_length=MAX_SUMMARY_CHARS, blank=True)
    tags = ArrayField(models.CharField(max_length=32), default=list, blank=True)
    body = models.TextField(blank=True, help_text="the first characters of tags and templates, for search")
    revision_count = models.PositiveIntegerField(default=0)
    star_count = models.PositiveIntegerField(default=0)
    use_count = models.PositiveIntegerField(default=0)
    comment_count = models.PositiveIntegerField(default=0)
    trending = models.FloatField(default=0)
    hidden_at = models.DateTimeField(null=True, blank=True, help_text="by a moderator")
    hidden_reason = models.CharField(max_length=500, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now_add=True, help_text="latest revision")
    search = models.GeneratedField(
        expression=SearchVector("title", weight="A", config=LANGUAGE)
        + SearchVector("summary", weight="B", config=LANGUAGE)
        + SearchVector("body", weight="C", config=LANGUAGE),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects = PromptQuerySet.as_manager()

    class Meta:
        ordering = ["-trending", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(visibility=Audience.PROJECT) | Q(project__isnull=False), name="prompt_project_has_one"
            )
        ]
        indexes = [
            models.Index(F("trending").desc(), F("id").desc(), name="prompt_trending"),
            models.Index(F("updated_at").desc(), F("id").desc(), name="prompt_new"),
            models.Index(F("star_count").desc(), F("use_count").desc(), F("id").desc(), name="prompt_top"),
            models.Index(fields=["author", "-updated_at"], name="prompt_of_author"),
            models.Index(fields=["deleted_at"], condition=~Q(deleted_at=None), name="prompt_bin"),
            GinIndex(fields=["tags"], name="prompt_tags"),
            GinIndex(fields=["search"], name="prompt_words"),
            GinIndex(OpClass("title", name="gin_trgm_ops"), name="prompt_trigrams"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def audience(self) -> str:
        return Audience(self.visibility).label

    @property
    def is_hidden(self) -> bool:
        return self.hidden_at is not None
