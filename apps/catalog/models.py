"""The catalogue: HostedModel is what people choose, ModelVersion the pinned weights behind it."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models

from apps.accounts.models import User
from apps.accounts.powers import Power, powers_of
from apps.lib.ids import new_id
from engine.answers.formats import MAX_NAME as MAX_FORMAT
from engine.answers.formats import PLAIN
from engine.architectures import is_own
from engine.janus.folder import ARCHITECTURE as JANUS
from engine.pipeline_kinds import WHOLE
from engine.weights import key_with

UPSTREAM = "upstream:"
"""How the source of a version begins that another server runs."""


class Modality(models.TextChoices):
    TEXT = "text"
    IMAGE = "image"


class ModelState(models.TextChoices):
    """How far an entry has come. Only what is approved or deprecated can be generated with."""

    PROPOSED = "proposed", "Proposed"
    APPROVED = "approved", "Approved"
    DEPRECATED = "deprecated", "Deprecated"
    RETIRED = "retired", "Retired"


class InstallState(models.TextChoices):
    """How far an install has come that was asked for in the console."""

    QUEUED = "queued", "Waiting"
    FETCHING = "fetching", "Downloading"
    CHECKING = "checking", "Checking"
    DONE = "done", "Installed"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


AT_WORK = (InstallState.FETCHING, InstallState.CHECKING)
UNFINISHED = (InstallState.QUEUED, *AT_WORK)
SEES = models.Q(default_version__architecture=JANUS)
USABLE_STATES = (ModelState.APPROVED, ModelState.DEPRECATED)


class ReasoningPolicy(models.TextChoices):
    """Whether people may read what a model thinks before it answers."""

    SHOWN = "shown", "Shown, folded"
    HIDDEN = "hidden", "Hidden: only its time"


class WeightsKind(models.TextChoices):
    """In how many bits weights are kept in memory: see `engine.weights`."""

    FULL = "full", "In full"
    INT8 = "int8", "8 bits"
    INT4 = "int4", "4 bits"


class HostedModelQuerySet(models.QuerySet["HostedModel"]):
    def available(self) -> Self:
        """Those that can be generated with by whoever is granted it: approved, enabled, with weights."""
        return self.filter(state__in=USABLE_STATES, is_enabled=True, default_version__isnull=False)

    def that_make(self, modality: Modality) -> Self:
        """Those of the available ones that make texts, or pictures; a Janus makes both."""
        makes = models.Q(modality=modality)
        return self.available().filter(makes | SEES if modality == Modality.TEXT else makes)

    def that_write(self) -> Self:
        """Those of the available ones that conversations and prompts can choose."""
        return self.that_make(Modality.TEXT)

    def that_see(self) -> Self:
        """Those of the available ones that a conversation can show pictures to."""
        return self.available().filter(SEES)

    def that_start_from_pictures(self) -> Self:
        """Those of the available ones whose pictures may begin from another one."""
        fact = "default_version__image_facts__takes_source"
        return self.that_make(Modality.IMAGE).filter(models.Q((fact, True)) | models.Q((f"{fact}__isnull", True)))

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Everybody who is signed in sees what is approved and enabled; who governs the site or audits it sees all."""
        if not user.is_active:
            return self.none()
        return self if Power.SEE in powers_of(user) else self.filter(state__in=USABLE_STATES, is_enabled=True)

    def called(self, name: object) -> HostedModel | None:
        """The one with this id, whatever was sent as one."""
        return self.filter(pk=name).first() if isinstance(name, str) and name.isprintable() else None


class HostedModel(models.Model):
    """An entry of the catalogue. Its id is a readable slug; its Celery queue is `model.<id>`."""

    id = models.SlugField(primary_key=True, max_length=80)
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=500, blank=True)
    modality = models.CharField(max_length=8, choices=Modality.choices, default=Modality.TEXT)
    state = models.CharField(max_length=10, choices=ModelState.choices, default=ModelState.PROPOSED)
    is_enabled = models.BooleanField(default=True)
    is_gated = models.BooleanField(default=False, help_text="people accept its licence before they first use it")
    reasoning = models.CharField(
        max_length=8, choices=ReasoningPolicy.choices, default=ReasoningPolicy.SHOWN, help_text="who may read it"
    )
    longest_seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text="that an answer or a picture may take; empty: as long as it takes"
    )
    default_version = models.ForeignKey(
        "ModelVersion", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = HostedModelQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def shows_reasoning(self) -> bool:
        return self.reasoning == ReasoningPolicy.SHOWN

    @property
    def writes(self) -> bool:
        return self.modality == Modality.TEXT or self.sees

    @property
    def sees(self) -> bool:
        return self.default_version is not None and self.default_version.sees

    @property
    def queue(self) -> str:
        return f"model.{self.id}"

    @property
    def recommended(self) -> dict[str, float]:
        """Sampling parameters that the makers of the version in use recommend."""
        return self.default_version.recommended if self.default_version else {}


class ModelVersion(models.Model):
    """Pinned weights in the model store: every file by its SHA-256, with licence and card. A whole model, or an adapter
    on its `base`; or, where another server runs the model, what it is called there."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    hosted_model = models.ForeignKey(HostedModel, on_delete=models.CASCADE, related_name="versions")
    digest = models.CharField(
        max_length=64,
        unique=True,
        help_text="SHA-256 of the list of files: the address in the store; or of an upstream",
    )
    base = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="adapters",
        help_text="of an adapter: the weights that it changes",
    )
    source = models.CharField(max_length=300)
    revision = models.CharField(max_length=80, blank=True)
    files = models.JSONField(default=list, help_text='[{"path": …, "sha256": …, "size": bytes}]')
    size_bytes = models.BigIntegerField()
    license_id = models.CharField(max_length=80, help_text="SPDX id or LicenseRef-…")
    license_link = models.URLField(blank=True)
    architecture = models.CharField(max_length=80)
    context_length = models.PositiveIntegerField(help_text="tokens, prompt and completion together")
    dtype = models.CharField(max_length=16, default="bfloat16")
    image_facts = models.JSONField(
        default=dict, help_text="of a model of pictures: the fields of engine.types.ImageFacts"
    )
    chat_template = models.TextField(blank=True)
    answer_format = models.CharField(
        max_length=MAX_FORMAT, default=PLAIN, help_text="how it marks reasoning and tool calls: see engine/answers"
    )
    weights = models.CharField(
        max_length=8, choices=WeightsKind.choices, default=WeightsKind.FULL, help_text="how they are kept in memory"
    )
    measured = models.JSONField(
        default=dict, help_text='what rounded weights cost: {"int8": the fields of engine.quality.process.Quality}'
    )
    takes_effort = models.BooleanField(default=False, help_text="it can be told how long to think")
    recommended = models.JSONField(default=dict, help_text="sampling parameters that its makers recommend")
    model_card = models.TextField(blank=True)
    installed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-installed_at"]

    def __str__(self) -> str:
        return f"{self.hosted_model_id}@{self.digest[:12]}"

    @property
    def is_upstream(self) -> bool:
        """Whether another server runs it; then it has an `upstream`, and neither files nor a tokenizer here."""
        return self.source.startswith(UPSTREAM)

    @property
    def is_adapter(self) -> bool:
        return self.base_id is not None

    @property
    def sees(self) -> bool:
        """Whether messages to it may have pictures. Such a model draws as well, and counts as one that does."""
        return self.architecture == JANUS

    @property
    def is_compatible_only(self) -> bool:
        """Whether neither the engine's own cache nor its own loop of steps knows its architecture: then it runs one
        answer or picture after the other, with full weights, and without adapters."""
        if self.hosted_model.modality == Modality.IMAGE:
            return self.architecture in WHOLE
        return not self.is_upstream and not is_own(self.architecture)

    @property
    def reads(self) -> int:
        """Tokens of prompt and answer together. What fits into our memory matters neither to another server nor to a
        model that only draws."""
        if self.is_upstream or (self.image_facts and not self.sees):
            return self.context_length
        return min(self.context_length, settings.MAX_CONTEXT)

    @property
    def reading(self) -> str:
        """`reads` in words, with why it is less than the model itself reads."""
        if self.reads == self.context_length:
            return f"{self.reads:,} tokens"
        return (
            f"{self.reads:,} tokens here, as MAX_CONTEXT of this site allows; "
            f"the model itself reads {self.context_length:,}"
        )

    @property
    def foundation(self) -> ModelVersion:
        """Whose config, tokenizer and chat template count: an adapter's base, or the version itself."""
        return self.base or self

    @property
    def engine_key(self) -> str:
        """Which model an engine is asked for: of an adapter, its base, as that is kept."""
        return key_with(self.foundation.digest, self.foundation.weights)

    @property
    def accuracy(self) -> list[tuple[str, str]]:
        """Of rounded weights that were measured: how they are called, and what they cost."""
        return [(str(kind.label), self.accuracy_of(kind)) for kind in WeightsKind if str(kind) in self.measured]

    def accuracy_of(self, weights: WeightsKind) -> str:
        """Beside full weights; empty where it wasn't measured."""
        if str(weights) not in self.measured:
            return ""
        found = self.measured[str(weights)]
        same = 100 * found["same_tokens"] / found["compared_tokens"]
        return (
            f"perplexity {found['full_perplexity']:.2f} → {found['perplexity']:.2f} on {found['text_tokens']} tokens, "
            f"{same:.1f} % of {found['compared_tokens']} tokens the same"
        )


class Upstream(models.Model):
    """Where a version is served: an OpenAI-compatible server, its name for the model, and the key, sealed."""

    version = models.OneToOneField(ModelVersion, on_delete=models.CASCADE, primary_key=True, related_name="upstream")
    base_url = models.CharField(max_length=200, help_text="up to /v1")
    model_name = models.CharField(max_length=200)
    sealed_key = models.TextField(blank=True, help_text="encrypted under SECRET_KEY; empty where the server needs none")
    first_token_seconds = models.PositiveIntegerField(default=120)
    between_tokens_seconds = models.PositiveIntegerField(default=60)
    opens_reasoning = models.BooleanField(default=False, help_text="answers begin inside the reasoning")

    def __str__(self) -> str:
        return f"{self.model_name} at {self.base_url}"


class ModelInstall(models.Model):
    """A model of the hub that somebody wants here, and how far it has come: what they asked for is all in this row.

    `attempt` grows with every claim and fences all that its holder writes, as with jobs.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    asked_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    source = models.CharField(max_length=300, help_text="hf:organisation/name")
    revision = models.CharField(max_length=200, help_text="a commit, once one was found")
    model_id = models.CharField(max_length=80, blank=True, help_text="empty: made of its name")
    name = models.CharField(max_length=120, blank=True, help_text="empty: what its makers call it")
    license_id = models.CharField(max_length=80, blank=True, help_text="empty: what its card says")
    base = models.CharField(max_length=80, blank=True, help_text="of an adapter: the id of the model it goes on")
    weights = models.CharField(max_length=8, choices=WeightsKind.choices, default=WeightsKind.FULL)
    state = models.CharField(max_length=10, choices=InstallState.choices, default=InstallState.QUEUED)
    total_bytes = models.BigIntegerField(default=0, help_text="of its files, as the hub states them")
    fetched_bytes = models.BigIntegerField(default=0)
    checked_bytes = models.BigIntegerField(default=0)
    bytes_per_second = models.FloatField(default=0, help_text="of late")
    problem = models.TextField(blank=True, help_text="why it failed, in words")
    attempt = models.PositiveIntegerField(default=0)
    lost = models.PositiveSmallIntegerField(default=0, help_text="processes that ended over it without getting further")
    fetched_at_claim = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    version = models.ForeignKey(ModelVersion, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "revision"],
                condition=models.Q(state__in=("queued", "fetching", "checking")),
                name="install_unfinished_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.source}@{self.revision[:12]}"

    @property
    def repository(self) -> str:
        return self.source.removeprefix("hf:")

    @property
    def is_unfinished(self) -> bool:
        return self.state in UNFINISHED

    @property
    def done_bytes(self) -> int:
        """Of what is done now: fetching, then checking."""
        return min(self.checked_bytes if self.state == InstallState.CHECKING else self.fetched_bytes, self.total_bytes)

    @property
    def percent(self) -> int:
        return int(100 * self.done_bytes / self.total_bytes) if self.total_bytes else 0

    @property
    def seconds_left(self) -> float | None:
        """None where that can't be told."""
        left = self.total_bytes - self.done_bytes
        return left / self.bytes_per_second if self.bytes_per_second > 0 and left > 0 else None
