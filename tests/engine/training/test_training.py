"""A whole training on a dozen pictures: it learns, goes on where it was stopped, and what it leaves draws."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from engine.training.errors import Stopped, TrainingError
from engine.training.plot import plot_losses
from engine.training.progress import Progress
from engine.training.recipe import Recipe
from engine.training.run import Run, train
from tests.engine.training.drawn import draw_pictures

STAGES = ("autoencoder", "diffusion")
TINY = Recipe(
    size=32, autoencoder_channels=(8, 8, 16), unet_channels=(16, 16, 32), text_width=16, text_layers=1, words=8,
    vocabulary=600, autoencoder_steps=20, autoencoder_batch=2, passes=7, batch=4, rate=2e-3, shifted=1,
)  # fmt: skip


def run(
    folder: Path,
    out: Path,
    recipe: Recipe = TINY,
    *,
    resume: bool = False,
    export: bool = False,
    stopping: Callable[[], bool] = lambda: False,
) -> list[str]:
    said: list[str] = []
    options = Run(folder, out, recipe, resume, export, ["red circle"], 3600, stopping, torch.device("cpu"))
    train(options, Progress(out, said.append))
    return said


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(pictures, a finished training)."""
    folder = tmp_path_factory.mktemp("training")
    pictures = draw_pictures(folder / "pictures")
    run(pictures, folder / "out")
    return pictures, folder / "out"


def test_both_losses_fall(finished: tuple[Path, Path]) -> None:
    rows = [json.loads(line) for line in (finished[1] / "loss.jsonl").read_text().splitlines()]
    for stage in STAGES:
        losses = [row["loss"] for row in rows if row["stage"] == stage]
        assert losses[-1] < losses[0]
    with Image.open(finished[1] / "loss.png") as plot:
        assert plot.width == 900
    assert list((finished[1] / "samples").glob("diffusion-*.png"))


def test_the_folder_opens_as_a_pipeline_and_draws(finished: tuple[Path, Path]) -> None:
    from diffusers import StableDiffusionPipeline

    folder = finished[1] / "model"
    weights = [file.name for file in folder.rglob("*") if file.suffix in (".safetensors", ".bin", ".pt", ".pkl")]
    assert sorted(set(weights)) == ["diffusion_pytorch_model.safetensors", "model.safetensors"]
    assert load_file(folder / "unet" / "diffusion_pytorch_model.safetensors")["conv_in.weight"].dtype == torch.float16
    pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline("a red ball", height=32, width=32, num_inference_steps=2, output_type="pt")
    assert made.images.shape == (1, 3, 32, 32)
    assert torch.isfinite(made.images).all()


def test_a_training_that_was_stopped_ends_as_one_that_was_not(finished: tuple[Path, Path], tmp_path: Path) -> None:
    pictures, whole = finished
    left = iter([False] * (TINY.autoencoder_steps + 9) + [True])
    with pytest.raises(Stopped, match=r"Stopped at step 10 of diffusion\. Go on from there with --resume"):
        run(pictures, tmp_path / "out", stopping=lambda: next(left))
    assert json.loads((tmp_path / "out" / "state" / "diffusion" / "step.json").read_text())["step"] == 10
    said = run(pictures, tmp_path / "out", resume=True)
    assert any("from step 10" in line for line in said)
    for part in ("unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"):
        one, other = (load_file(out / "model" / f"{part}.safetensors") for out in (whole, tmp_path / "out"))
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_model_is_written_from_a_checkpoint_without_training(finished: tuple[Path, Path]) -> None:
    before = (finished[1] / "loss.jsonl").read_text()
    said = run(finished[0], finished[1], export=True)
    assert said[-1].startswith("The model is in")
    assert (finished[1] / "loss.jsonl").read_text() == before


def test_one_training_is_not_written_over_another(finished: tuple[Path, Path]) -> None:
    with pytest.raises(TrainingError, match="go on with --resume, or choose another folder"):
        run(*finished)


def test_there_is_nothing_to_go_on_with(finished: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no training to go on with"):
        run(finished[0], tmp_path / "other", resume=True)
    assert not (tmp_path / "other").exists()


def test_a_damaged_checkpoint_is_named(finished: tuple[Path, Path], tmp_path: Path) -> None:
    import shutil

    shutil.copytree(finished[1], tmp_path / "out")
    (tmp_path / "out" / "state" / "diffusion" / "model.safetensors").write_bytes(b"{}")
    with pytest.raises(TrainingError, match="is damaged"):
        run(finished[0], tmp_path / "out", resume=True)


@pytest.mark.parametrize(
    ("number", "says"),
    [({"size": 50}, "a multiple of 16"), ({"size": 4096}, "32 to 256"), ({"batch": 0}, "1 to 1024 pictures"),
     ({"passes": 0}, "1 or more"), ({"rate": 2.0}, "at most 0.1"), ({"minutes": -1.0}, "no limit")],
)  # fmt: skip
def test_numbers_that_make_no_model_are_refused(number: dict[str, float], says: str) -> None:
    with pytest.raises(TrainingError, match=says):
        replace(TINY, **number).check()


def test_steps_taken_twice_are_drawn_once(tmp_path: Path) -> None:
    rows = [{"stage": "diffusion", "step": step, "loss": 1 / (1 + step)} for step in (0, 20, 40, 20, 40, 60)]
    (tmp_path / "loss.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plot_losses(tmp_path / "loss.jsonl", tmp_path / "loss.png")
    with Image.open(tmp_path / "loss.png") as plot:
        assert plot.size == (900, 360)


def test_a_training_by_the_clock_ends_in_time_and_can_be_given_more(tmp_path: Path) -> None:
    pictures, out = draw_pictures(tmp_path / "pictures"), tmp_path / "out"
    said = run(pictures, out, TINY.within(0.025))
    assert any(line.startswith("autoencoder: starting, 0 s of steps of 2 pictures") for line in said)
    reached = {stage: json.loads((out / "state" / stage / "step.json").read_text()) for stage in STAGES}
    assert reached["autoencoder"]["spent"] >= 0.3
    assert reached["diffusion"]["spent"] >= 1.2
    said = run(pictures, out, TINY.within(0.035), resume=True)
    assert any(line.startswith("diffusion: from step ") for line in said)
    assert not any(line.startswith("autoencoder: ") for line in said), "its latents stay as they are"
    later = {stage: json.loads((out / "state" / stage / "step.json").read_text()) for stage in STAGES}
    assert later["autoencoder"] == reached["autoencoder"]
    assert later["diffusion"]["spent"] >= 1.8
    assert later["diffusion"]["step"] > reached["diffusion"]["step"]


def test_less_time_than_the_autoencoder_took_is_refused() -> None:
    with pytest.raises(TrainingError, match="the autoencoder alone took 2"):
        replace(TINY.within(10), minutes=1).check()
