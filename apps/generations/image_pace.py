"""How much device time pictures of a model take, as measured of its latest ones."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from apps.catalog.models import ModelVersion
from apps.generations.image_params import kept_facts
from apps.generations.models import GenerationJob, Kind, State
from engine.image.schedulers import evaluations, left_out
from engine.types import ImageFacts

LATEST = 21
"""Pictures that are looked at: enough for a median, few enough to follow a change of device."""


def pixel_passes(params: Mapping[str, Any], steps: int, facts: ImageFacts) -> int:
    """Pixels times what is computed for each of them."""
    passes: int = params["width"] * params["height"] * steps * facts.rows(params["guidance"])
    return passes


def planned_steps(params: Mapping[str, Any], facts: ImageFacts) -> int:
    """Steps that will be computed, each time that the network is asked counted as one: of a picture to start from only
    the share that changes it."""
    steps: int = params["steps"]
    skipped = left_out(steps, params["strength"], facts.family) if params["source"] else 0
    return evaluations(params["scheduler"], steps, skipped=skipped, own=facts.own_scheduler)


def ms_per_pixel_pass(model_id: str) -> float | None:
    """The median of the latest pictures of a HostedModel; None where none was measured. One query."""
    made = GenerationJob.objects.filter(
        model_version__hosted_model=model_id, kind=Kind.IMAGE, state=State.SUCCEEDED, device_ms__gt=0, steps__gt=0
    )
    told = ("params", "steps", "model_version__image_facts", "device_ms")
    rows = made.order_by("-created_at").values_list(*told)[:LATEST]
    rates = [ms / pixel_passes(params, steps, kept_facts(kept)) for params, steps, kept, ms in rows if ms]
    return median(rates) if rates else None


def expected_ms(params: Mapping[str, Any], version: ModelVersion) -> float | None:
    """Of one picture; None where nothing was measured yet."""
    rate, facts = ms_per_pixel_pass(version.hosted_model_id), kept_facts(version.image_facts)
    return None if rate is None else rate * pixel_passes(params, planned_steps(params, facts), facts)
