"""Asking for pictures: what is refused, in which words, and what a submit is."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.generations.actions import submit_generation
from apps.generations.artifact_files import origin_of
from apps.generations.errors import Refused
from apps.generations.image_actions import quote, submit_image
from apps.generations.image_params import clean_image_params, facts_of, image_parameters
from apps.generations.models import Artifact, GenerationJob, Kind, State
from apps.generations.params import MAX_SEED
from apps.generations.presence import announce
from apps.generations.requests import image_params_of, request_of
from apps.projects.models import Project
from apps.quotas.models import LedgerEntry, Metric, Subject
from engine.types import ImageRequest
from tests.generations.conftest import Paint
from tests.generations.pictures import FACTS, hosted_adapter
from tests.quotas.people import quota
from tests.world import World


def uploaded(project: Project, **changes: Any) -> Artifact:
    given = {"width": 8, "height": 8, "size_bytes": 1, "sha256": "0" * 64, "pixels_sha256": "0" * 64}
    return Artifact.objects.create(project=project, origin="uploaded", **given | changes)


def test_a_batch_is_a_job_for_each_picture_with_seeds_one_after_another(paint: Paint, world: World) -> None:
    jobs = paint("a red apple", count=3, seed=7)
    assert [job.params["seed"] for job in jobs] == [7, 8, 9]
    assert len({job.params["batch"] for job in jobs}) == 1
    assert {(job.kind, job.state, job.user) for job in jobs} == {(Kind.IMAGE, State.QUEUED, world.editor)}
    assert jobs[0].params == {
        "prompt": "a red apple", "negative_prompt": "", "width": 64, "height": 64, "steps": 6, "guidance": 4.0,
        "seed": 7, "scheduler": "default", "strength": 0.6, "source": None, "mask": None, "adapter_strength": 1.0,
        "batch": jobs[0].params["batch"],
    }  # fmt: skip
    events = AuditEvent.objects.filter(action="generation.submitted")
    assert {event.target_id for event in events} == {job.pk for job in jobs}
    assert all("apple" not in str(event.details) and event.details["width"] == 64 for event in events)
    assert LedgerEntry.objects.filter(kind="reserve", images=1, tokens=0).count() == 3


def test_without_a_seed_one_is_fixed_and_the_last_one_is_in_bounds(paint: Paint) -> None:
    assert isinstance(paint()[0].params["seed"], int)
    with pytest.raises(ValidationError, match=f"{MAX_SEED - 1:,} at most"):
        paint(count=2, seed=MAX_SEED)


@pytest.mark.parametrize(
    ("params", "field", "sentence"),
    [
        ({"prompt": "  "}, "prompt", "the prompt is empty"),
        ({"prompt": "x" * 4001}, "prompt", "1 characters too long; up to 4,000"),
        ({"prompt": "a\0b"}, "prompt", "must be text"),
        ({"width": 70}, "width", "a multiple of 8: 64 or 72"),
        ({"height": 4}, "height", "from 8 to 2048"),
        ({"width": 4096}, "width", "from 8 to 2048"),
        ({"steps": 0}, "steps", "from 1 to 150"),
        ({"steps": 151}, "steps", "from 1 to 150"),
        ({"guidance": "much"}, "guidance", "a number from 0 to 30"),
        ({"seed": -1}, "seed", "from 0 to"),
        ({"scheduler": "magic"}, "scheduler", "one of default, euler"),
        ({"strength": 0}, "strength", "from 0.01 to 1"),
        ({"adapter_strength": 0.5}, "adapter_strength", "This model is no adapter"),
        ({"adapter_strength": 2.5}, "adapter_strength", "from 0 to 2"),
        ({"mask": "0" * 16}, "mask", "choose the picture to start from"),
        ({"source": "0" * 16}, "source", "no such picture"),
        ({"source": 5}, "source", "the id of a picture"),
        ({"width": 128, "height": 128, "steps": 150}, "steps", "2,457,600 pixel-steps; up to 2,000,000 are allowed"),
        ({"width": 136, "height": 128}, "width", "made for 64 × 64, and 4 times as many"),
        ({"colour": "red"}, "colour", "There is no parameter"),
    ],
)
def test_what_is_wrong_is_said_with_its_bound_and_nothing_is_kept(
    paint: Paint, params: dict[str, Any], field: str, sentence: str, settings: Any
) -> None:
    settings.MAX_IMAGE_PIXEL_STEPS = 2_000_000
    with pytest.raises(ValidationError) as refusal:
        paint(**{"prompt": "x"} | params)
    assert sentence in refusal.value.message_dict[field][0]
    assert not GenerationJob.objects.exists()
    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize("count", [0, 17, True])
def test_too_many_pictures_at_once(paint: Paint, count: int) -> None:
    with pytest.raises(ValidationError, match="1 to 16 pictures"):
        paint(count=count)


def test_what_the_model_does_not_take_is_refused(paint: Paint, painter: HostedModel, world: World) -> None:
    plain = replace(FACTS, takes_negative=False, takes_source=False)
    assert painter.default_version is not None
    painter.default_version.image_facts = asdict(plain)
    painter.default_version.save()
    with pytest.raises(ValidationError) as refusal:
        paint(negative_prompt="blue", source=uploaded(world.project).pk)
    assert set(refusal.value.message_dict) == {"negative_prompt", "source"}


def test_what_the_model_has_no_choice_of_is_told_by_its_value() -> None:
    """Of a model that draws token by token, in one size."""
    fixed = replace(FACTS, steps=576, is_fixed=True)
    assert clean_image_params({"prompt": "x", "steps": 576, "width": 64}, fixed)["steps"] == 576
    with pytest.raises(ValidationError) as refused:
        clean_image_params({"prompt": "x", "steps": 20, "height": 128}, fixed)
    assert set(refused.value.message_dict) == {"steps", "height"}


def test_an_adapter_has_a_strength(painter: HostedModel, world: World) -> None:
    ink = hosted_adapter(painter)

    def asked(**params: Any) -> ImageRequest:
        given = {"prompt": "x"} | params
        job = submit_image(actor=world.editor, project=world.project, model=ink, params=given)[0]
        request = request_of(job)
        assert isinstance(request, ImageRequest)
        assert request.adapter is not None
        assert origin_of(job).params == request.params
        return request

    assert asked(adapter_strength="0.35").params.adapter_strength == 0.35
    assert asked(adapter_strength=0).params.adapter_strength == 0
    assert asked().params.adapter_strength == 1
    for wrong in (-1, 2.05, "much", True, float("nan")):
        with pytest.raises(ValidationError) as refused:
            asked(adapter_strength=wrong)
        assert "from 0 to 2" in refused.value.message_dict["adapter_strength"][0]


def test_a_job_from_before_there_was_a_strength_means_one(paint: Paint) -> None:
    job = paint()[0]
    del job.params["adapter_strength"]
    assert image_params_of(job).adapter_strength == 1
    assert origin_of(job).params.adapter_strength == 1


@pytest.mark.parametrize(
    ("fact", "field", "most", "too_much"),
    [("longest", "width", 96, 104), ("most_steps", "steps", 50, 51)],
    ids=["sides that it has places for", "steps that it was taught"],
)
def test_a_model_is_asked_for_no_more_than_it_has(fact: str, field: str, most: int, too_much: int) -> None:
    facts = replace(FACTS, **{fact: most})
    assert clean_image_params({"prompt": "x", field: most}, facts)[field] == most
    with pytest.raises(ValidationError) as refused:
        clean_image_params({"prompt": "x", field: too_much}, facts)
    assert str(most) in refused.value.message_dict[field][0]


def test_a_source_is_a_picture_of_the_same_project(paint: Paint, world: World) -> None:
    mine = uploaded(world.project)
    assert paint(source=mine.pk, mask=mine.pk)[0].params["source"] == mine.pk
    other = Project.objects.create(name="Elsewhere")
    for foreign in (uploaded(other), uploaded(world.project, deleted_at=mine.created_at)):
        with pytest.raises(ValidationError, match="no such picture"):
            paint(source=foreign.pk)
    other.memberships.create(user=world.editor, role=10)
    with pytest.raises(ValidationError, match="a picture of this project"):
        paint(source=uploaded(other).pk)


def test_a_batch_counts_as_all_of_its_jobs_and_is_taken_whole_or_not_at_all(
    paint: Paint, world: World, settings: Any
) -> None:
    settings.MAX_UNFINISHED_JOBS = 4
    paint(count=2)
    with pytest.raises(Refused, match="2 of your jobs are not finished yet, and up to 4 may be"):
        paint(count=3)
    quota(Subject.USER, Metric.IMAGES, 3, user=world.editor)
    with pytest.raises(Refused) as refusal:
        paint(count=2)
    assert refusal.value.code == "quota_exceeded"
    assert "3 pictures a day" in refusal.value.message
    assert GenerationJob.objects.count() == 2
    paint(count=1)


def test_a_quote_says_that_the_quota_has_no_room(paint: Paint, world: World, painter: HostedModel) -> None:
    def told(count: int) -> Refused:
        with pytest.raises(Refused) as refusal:
            quote(actor=world.editor, project=world.project, model=painter, params={"prompt": "x"}, count=count)
        return refusal.value

    quota(Subject.PROJECT, Metric.IMAGES, 2, project=world.project)
    quote(actor=world.editor, project=world.project, model=painter, params={"prompt": "x"}, count=2)
    assert "2 pictures left, and this may take 3 pictures" in told(3).message
    paint(count=2)
    assert (told(1).status, "there is nothing left" in told(1).message) == (429, True)
    assert told(1).details["remedy"]["url"] == f"/p/{world.project.pk}/usage/"


def test_used_up_tokens_are_no_reason_to_refuse_a_picture(paint: Paint, world: World) -> None:
    quota(Subject.USER, Metric.TOKENS, 0, user=world.editor)
    paint()


def test_models_of_texts_and_of_pictures_are_told_apart(world: World, model: HostedModel, painter: HostedModel) -> None:
    with pytest.raises(Refused, match="makes no pictures"):
        submit_image(actor=world.editor, project=world.project, model=model, params={"prompt": "x"})
    with pytest.raises(Refused, match="makes pictures"), transaction.atomic():
        submit_generation(
            actor=world.editor,
            project=world.project,
            model=painter,
            messages=[{"role": "user", "content": "x"}],
            params={},
        )


def test_a_viewer_may_not_ask_for_pictures(world: World, painter: HostedModel) -> None:
    with pytest.raises(Refused) as refusal:
        submit_image(actor=world.viewer, project=world.project, model=painter, params={"prompt": "x"})
    assert refusal.value.status == 403


def test_a_quote_follows_what_was_measured_and_changes_nothing(
    paint: Paint, painter: HostedModel, world: World
) -> None:
    def asked(count: int = 1, **params: Any) -> Any:
        given = {"prompt": "x", **params}
        return quote(actor=world.editor, project=world.project, model=painter, params=given, count=count)

    assert asked() == (None, None, "no_worker")
    job = paint()[0]
    GenerationJob.objects.filter(pk=job.pk).update(state=State.SUCCEEDED, steps=6, device_ms=600.0)
    announce("w", device="cpu", slots=2, loaded=[painter.default_version.digest], serves=["painter"])
    assert asked() == (0.6, 0, "")
    assert asked(count=3).device_seconds == 1.8
    assert asked(steps=12).device_seconds == 1.2
    assert asked(guidance=1).device_seconds == asked(guidance=0.5).device_seconds == 0.3
    assert asked(width=128).device_seconds == 1.2
    assert asked(source=uploaded(world.project).pk, strength=0.5).device_seconds == 0.3
    assert GenerationJob.objects.count() == 1
    with pytest.raises(ValidationError):
        asked(steps=0)


def test_a_scheduler_that_asks_the_network_twice_counts_twice(
    paint: Paint, painter: HostedModel, world: World, settings: Any
) -> None:
    assert painter.default_version is not None
    painter.default_version.image_facts = asdict(replace(FACTS, schedulers=("default", "heun")))
    painter.default_version.save()
    job = paint(scheduler="heun")[0]
    GenerationJob.objects.filter(pk=job.pk).update(state=State.SUCCEEDED, steps=11, device_ms=1100.0)

    def seconds(**params: Any) -> float | None:
        given = {"prompt": "x", "steps": 20, **params}
        return quote(actor=world.editor, project=world.project, model=painter, params=given).device_seconds

    assert (seconds(), seconds(scheduler="heun")) == (2.0, 3.9)
    source = uploaded(world.project).pk
    assert seconds(scheduler="heun", source=source, strength=0.5) == 1.9
    settings.MAX_IMAGE_PIXEL_STEPS = 64 * 64 * 20
    paint(steps=20)
    paint(steps=10, scheduler="heun")
    with pytest.raises(ValidationError, match=r"11 steps \(21 with heun\).*: take 10 steps or fewer"):
        paint(steps=11, scheduler="heun")
    painter.default_version.image_facts |= {"own_scheduler": "KDPM2DiscreteScheduler"}
    painter.default_version.save()
    settings.MAX_IMAGE_PIXEL_STEPS = 64 * 64 * 39
    assert (seconds(), seconds(source=source, strength=0.5)) == (3.9, 1.9)
    with pytest.raises(ValidationError, match=r"21 steps \(41 with default\).*: take 20 steps or fewer"):
        paint(steps=21)


def test_a_mask_of_another_shape_is_refused(paint: Paint, world: World) -> None:
    """Each is cropped around its own middle, so that other parts would change than those that it shows."""
    source = uploaded(world.project, width=100, height=60)
    for width, height in ((100, 60), (50, 30), (1024, 614), (17, 10)):
        paint(source=source.pk, mask=uploaded(world.project, width=width, height=height).pk)
    for width, height in ((64, 64), (60, 100), (100, 64)):
        with pytest.raises(ValidationError, match=f"The mask has {width} × {height} pixels and the picture 100 × 60"):
            paint(source=source.pk, mask=uploaded(world.project, width=width, height=height).pk)


@pytest.mark.parametrize(("family", "steps"), [("stable-diffusion", 4), ("flux", 5), ("z-image", 5)])
def test_a_share_of_the_steps_is_counted_as_the_model_does(
    paint: Paint, painter: HostedModel, world: World, family: str, steps: int
) -> None:
    """0.6 of 7 are 4.2: some make 4, others leave out 2."""
    assert painter.default_version is not None
    painter.default_version.image_facts = asdict(replace(FACTS, family=family))
    painter.default_version.save()
    job = paint()[0]
    GenerationJob.objects.filter(pk=job.pk).update(state=State.SUCCEEDED, steps=6, device_ms=600.0)
    given = {"prompt": "x", "steps": 7, "strength": 0.6, "source": uploaded(world.project).pk}
    asked = quote(actor=world.editor, project=world.project, model=painter, params=given)
    assert asked.device_seconds == pytest.approx(0.1 * steps)


def test_guidance_that_is_told_to_the_network_costs_nothing(paint: Paint, painter: HostedModel, world: World) -> None:
    assert painter.default_version is not None
    painter.default_version.image_facts = asdict(replace(FACTS, second_pass=False))
    painter.default_version.save()
    job = paint(guidance=1)[0]
    GenerationJob.objects.filter(pk=job.pk).update(state=State.SUCCEEDED, steps=6, device_ms=600.0)
    for guidance in (1, 7.5):
        given = {"prompt": "x", "guidance": guidance}
        asked = quote(actor=world.editor, project=world.project, model=painter, params=given)
        assert asked.device_seconds == 0.6
    (told,) = [one for one in image_parameters(facts_of(painter.default_version)) if one.name == "guidance"]
    assert "half of the time" not in told.help


def test_device_time_is_set_aside_by_what_was_measured(paint: Paint, world: World) -> None:
    job = paint()[0]
    GenerationJob.objects.filter(pk=job.pk).update(state=State.SUCCEEDED, steps=6, device_ms=600.0)
    quota(Subject.USER, Metric.DEVICE_SECONDS, 1, user=world.editor)
    with pytest.raises(Refused, match="this may take 1"):
        paint(steps=12)
    paint(steps=6)
    assert LedgerEntry.objects.order_by("id").last().device_ms == 600.0
