"""Consistency models: U-Nets that take guidance as an input, and draw in a few steps."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from engine.service import EngineThread
from engine.store import StoreError, check_folder
from tests.engine.image.drawing import SIDE, draw, far_apart, half_mask, params, png, some_picture
from tests.engine.image.test_store import change
from tests.engine.image.tiny import make_consistency
from tests.engine.started import started_engines

XL = "stable-diffusion-xl"
SD = "stable-diffusion"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("consistency")
    return {family: make_consistency(root / family, family) for family in (SD, XL)}


@pytest.fixture(scope="module")
def drawer(folders: dict[str, Path]) -> Iterator[EngineThread]:
    with started_engines() as start:
        yield start(folders)


def by_diffusers(folder: Path, kind: str, wanted: Any, **more: Any) -> np.ndarray:
    pipeline = getattr(diffusers, kind).from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    size = {} if "image" in more else {"width": SIDE, "height": SIDE}
    made = pipeline(
        prompt=wanted.prompt, num_inference_steps=wanted.steps, guidance_scale=wanted.guidance,
        generator=torch.Generator().manual_seed(wanted.seed), **size, **more,
    )  # fmt: skip
    return np.array(made.images[0])


@pytest.mark.parametrize("guidance", [8.0, 1.0, 0.0])
def test_each_draws_what_diffusers_draws(drawer: EngineThread, folders: dict[str, Path], guidance: float) -> None:
    wanted = params(guidance=guidance, steps=4)
    for family, kind in ((SD, "LatentConsistencyModelPipeline"), (XL, "StableDiffusionXLPipeline")):
        watcher = draw(drawer, family, wanted, f"{family}{guidance}")
        assert far_apart(watcher.picture(), by_diffusers(folders[family], kind, wanted)) == 0
        assert [event.step for event in watcher.steps] == [1, 2, 3, 4]


def test_guidance_is_an_input_of_its_network(drawer: EngineThread) -> None:
    strong, weak = (draw(drawer, SD, params(guidance=value), f"{value}").picture() for value in (12.0, 1.0))
    assert far_apart(strong, weak) > 0


def test_image_to_image_and_inpainting(drawer: EngineThread, folders: dict[str, Path]) -> None:
    wanted, source, mask = params(steps=5, strength=0.6, guidance=8.0), some_picture(), half_mask()
    told = {"image": Image.fromarray(source), "strength": 0.6}
    expected = by_diffusers(folders[SD], "StableDiffusionImg2ImgPipeline", wanted, **told)
    assert far_apart(draw(drawer, SD, wanted, "image", source=png(source)).picture(), expected) == 0
    # Given, they aren't encoded: for a network that doesn't see them, that would only draw other noise for its steps.
    told |= {"mask_image": Image.fromarray(mask), "masked_image_latents": torch.zeros(1, 4, SIDE // 2, SIDE // 2)}
    expected = by_diffusers(folders[SD], "StableDiffusionInpaintPipeline", wanted, **told, width=SIDE, height=SIDE)
    made = draw(drawer, SD, wanted, "mask", source=png(source), mask=png(mask)).picture()
    assert far_apart(made[:, SIDE // 2 :], expected[:, SIDE // 2 :]) == 0


def test_pictures_of_other_guidance_share_their_steps(drawer: EngineThread) -> None:
    wanted = [params(guidance=guidance, steps=steps, seed=steps) for guidance, steps in ((8.0, 4), (2.0, 6), (1.0, 5))]
    alone = [draw(drawer, SD, one, f"alone{one.steps}").picture() for one in wanted]
    steps = drawer.metrics().steps
    together = [draw(drawer, SD, one, f"together{one.steps}") for one in wanted]
    for one, watcher in zip(alone, together, strict=True):
        assert far_apart(one, watcher.picture()) <= 1
    assert drawer.metrics().steps - steps < sum(one.steps for one in wanted)


def test_its_facts_say_what_suits_it(folders: dict[str, Path]) -> None:
    facts = check_folder(folders[SD]).image
    assert facts is not None
    assert (facts.family, facts.steps, facts.guidance) == (SD, 4, 8.0)
    assert (facts.takes_negative, facts.takes_source, facts.takes_mask) == (False, True, True)
    assert (facts.schedulers, facts.most_steps) == (("default",), 50)
    assert facts.rows(8.0) == 1


def test_it_begins_with_no_more_steps_than_it_was_taught(tmp_path: Path, folders: dict[str, Path]) -> None:
    folder = Path(shutil.copytree(folders[SD], tmp_path / "model"))
    change("scheduler/scheduler_config.json", original_inference_steps=2)(folder)
    facts = check_folder(folder).image
    assert facts is not None
    assert (facts.steps, facts.most_steps) == (2, 2)
    change("scheduler/scheduler_config.json", original_inference_steps="50")(folder)
    with pytest.raises(StoreError, match="original_inference_steps"):
        check_folder(folder)


def test_more_steps_than_it_was_taught_are_refused_in_words(drawer: EngineThread) -> None:
    last = draw(drawer, SD, params(steps=51)).finish()
    assert last.error_code == "bad_request"
    assert last.error == "This model draws in 1 to 50 steps, not 51."
