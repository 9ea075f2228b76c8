"""A whole training on a dozen pictures: it learns, goes on where it was stopped, and what it leaves draws."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

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
    **asked: float,
) -> list[str]:
    said: list[str] = []
    options = Run(folder, out, recipe, asked, resume, export, ["red circle"], 3600, stopping, torch.device("cpu"))
    train(options, Progress(out, said.append))
    return said


def begun(pictures: Path, out: Path, steps: int) -> None:
    """Stopped after so many steps of its second stage."""
    left = iter([False] * (TINY.autoencoder_steps + steps - 1) + [True])
    with pytest.raises(Stopped, match=rf"Stopped at step {steps} of diffusion\. Go on from there with --resume"):
        run(pictures, out, stopping=lambda: next(left))


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
    begun(pictures, tmp_path / "out", 10)
    assert json.loads((tmp_path / "out" / "state" / "diffusion" / "step.json").read_text())["step"] == 10
    said = run(pictures, tmp_path / "out", resume=True, batch=TINY.batch)  # the command as it was, and --resume
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
    shutil.copytree(finished[1], tmp_path / "out")
    (tmp_path / "out" / "state" / "diffusion" / "model.safetensors").write_bytes(b"{}")
    with pytest.raises(TrainingError, match="is damaged"):
        run(finished[0], tmp_path / "out", resume=True)


@pytest.mark.parametrize(
    ("number", "says"),
    [({"size": 50}, "a multiple of 16"), ({"size": 4096}, "32 to 256"), ({"batch": 0}, "1 to 1024 pictures"),
     ({"passes": 0}, "1 or more"), ({"rate": 2.0}, "at most 0.1"), ({"minutes": -1.0}, "no limit"),
     ({"autoencoder_rate": 0.0}, "--autoencoder-rate 0.0: a learning rate"), ({"seed": 10**14}, "at most 4294967295")],
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
    said = run(pictures, out, minutes=0.025)
    assert any(line.startswith("autoencoder: starting, 0 s of steps of 2 pictures") for line in said)
    reached = {stage: json.loads((out / "state" / stage / "step.json").read_text()) for stage in STAGES}
    assert reached["autoencoder"]["spent"] >= 0.3
    assert reached["diffusion"]["spent"] >= 1.2
    said = run(pictures, out, minutes=0.035, resume=True)
    assert any(line.startswith("diffusion: from step ") for line in said)
    assert not any(line.startswith("autoencoder: ") for line in said), "its latents stay as they are"
    later = {stage: json.loads((out / "state" / stage / "step.json").read_text()) for stage in STAGES}
    assert later["autoencoder"] == reached["autoencoder"]
    assert later["diffusion"]["spent"] >= 1.8
    assert later["diffusion"]["step"] > reached["diffusion"]["step"]
    with pytest.raises(TrainingError, match=r"goes by the clock: --passes has no say\. Give --minutes"):
        run(pictures, out, resume=True, passes=9)


def test_less_time_than_the_autoencoder_took_is_refused() -> None:
    with pytest.raises(TrainingError, match="the autoencoder alone took 2"):
        TINY.beginning({"minutes": 10}).going_on({"minutes": 1}, second_stage=True).check()


def test_a_training_that_goes_on_takes_another_rate_and_more_passes(finished: tuple[Path, Path]) -> None:
    pictures, whole = finished
    out = whole.with_name("more")
    shutil.copytree(whole, out)
    said = run(pictures, out, resume=True, rate=1e-5, passes=9)
    assert any(line.startswith("diffusion: from step 21, 27 steps of 4 pictures") for line in said)
    kept = Recipe.load(out)
    assert (kept.rate, kept.passes) == (1e-5, 9)
    assert run(pictures, out, resume=True, passes=8)[-2].startswith(
        "diffusion: ended at step 27 already. More --passes"
    )
    moved = [
        load_file(one / "state" / "diffusion" / "model.safetensors")["unet.conv_in.weight"] for one in (whole, out)
    ]
    assert 0 < (moved[1] - moved[0]).abs().max() < 7 * 1e-5


@pytest.mark.parametrize(
    ("asked", "says"),
    [({"size": 48}, "--size 48: this training began with 32, and its model is made for that. Leave --size out"),
     ({"batch": 8}, "--batch 8: this training began with 4, and its steps are counted in such batches. Leave --batch"),
     ({"seed": 1, "rate": 1e-5}, "--seed 1: this training began with 0"),
     ({"autoencoder_steps": 30}, "--autoencoder-steps 30: .* the second stage learns from what it made"),
     ({"rate": 2.0}, "at most 0.1")],
)  # fmt: skip
def test_numbers_that_cannot_change_any_more_are_refused(
    finished: tuple[Path, Path], asked: dict[str, float], says: str
) -> None:
    before = (finished[1] / "recipe.json").read_text()
    with pytest.raises(TrainingError, match=says):
        run(*finished, resume=True, **asked)
    assert (finished[1] / "recipe.json").read_text() == before


def test_writing_the_model_takes_no_numbers(finished: tuple[Path, Path]) -> None:
    with pytest.raises(TrainingError, match=r"--rate 1e-05: --export writes the model as it is\. Leave --rate out"):
        run(*finished, export=True, rate=1e-5)


def test_the_first_stage_can_go_on_otherwise_while_it_lasts(tmp_path: Path) -> None:
    pictures, out = draw_pictures(tmp_path / "pictures"), tmp_path / "out"
    left = iter([False] * 4 + [True])
    with pytest.raises(Stopped):
        run(pictures, out, stopping=lambda: next(left))
    left = iter([False] * 6 + [True])
    with pytest.raises(Stopped, match="step 12 of autoencoder"):
        run(pictures, out, resume=True, stopping=lambda: next(left), autoencoder_rate=1e-4, autoencoder_steps=15)
    assert Recipe.load(out).autoencoder_rate == 1e-4


def test_after_a_loss_that_was_no_number_other_steps_come(
    finished: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights that break it are put into a checkpoint: what is asked here is by which chance it goes on."""
    pictures, out = finished[0], tmp_path / "out"
    begun(pictures, out, 10)
    seeds: list[int] = []
    sown = torch.Generator.manual_seed

    class Sown(torch.Generator):
        def manual_seed(self, seed: int) -> torch.Generator:
            seeds.append(seed)
            return sown(self, seed)

    monkeypatch.setattr(torch, "Generator", Sown)
    file = out / "state" / "diffusion" / "model.safetensors"
    good = file.read_bytes()
    broken = load_file(file)
    broken["unet.conv_in.weight"][:] = float("nan")
    save_file(broken, file)
    with pytest.raises(TrainingError) as ended:
        run(pictures, out, resume=True)
    assert str(ended.value) == (
        "The loss is no longer a number at step 20 of diffusion. Go on with --resume, from the last checkpoint and "
        "with other pictures and noise in each step; if it comes again, with a smaller learning rate, as --rate 0.001."
    )
    file.write_bytes(good)
    steps = range(10, 20)
    assert seeds[-len(steps) :] == [*steps]
    seeds.clear()
    run(pictures, out, resume=True)
    assert not {*steps, 20} & {*seeds}
