"""One stage: how its learning rate goes, what its average follows, and what is said when it breaks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from engine.training.errors import TrainingError
from engine.training.hardware import prepare_device
from engine.training.length import Length
from engine.training.progress import Progress
from engine.training.stage import LEAST, Stage


def stage(length: Length, worth: float = 1.0) -> Stage[nn.Linear]:
    """Learns the weight 0 from anywhere; its loss is that weight's square, times `worth`."""

    def loss(model: nn.Linear, generator: torch.Generator) -> torch.Tensor:
        return model.weight.square().sum() * worth

    torch.manual_seed(0)
    return Stage("numbers", nn.Linear(4, 1, bias=False), length, 0.003, 0, loss, lambda model, file: None, 1)


def learn(stage: Stage[nn.Linear], out: Path) -> list[str]:
    said: list[str] = []
    stage.run(out, Progress(out, said.append), every_seconds=3600, stopping=lambda: False)
    return said


def test_the_average_is_smoother_than_what_it_follows(tmp_path: Path) -> None:
    learning = stage(Length(60))
    first = learning.average.weight.clone()
    learn(learning, tmp_path)
    now, average = learning.model.weight.norm(), learning.average.weight.norm()
    assert now < average < first.norm()
    assert not learning.average.weight.requires_grad


@pytest.mark.parametrize("length", [Length(1000), Length(0, seconds=1000)])
def test_the_rate_goes_up_stays_and_goes_down_by_steps_or_by_time(length: Length) -> None:
    learning = stage(length)

    def rate(at: int) -> float:
        learning.step, learning.spent = at, float(at)
        return learning._share_of_rate()

    assert rate(0) == 0.01
    assert [rate(step) for step in (99, 500, 800)] == pytest.approx([1, 1, 1])
    assert rate(900) == pytest.approx(0.5)
    assert rate(999) == LEAST


def test_a_loss_that_is_no_number_ends_it_and_leaves_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no longer a number at step 7 of numbers\."):
        learn(stage(Length(7), worth=float("nan")), tmp_path)
    assert not (tmp_path / "state").exists()


def test_a_stage_that_has_ended_says_nothing(tmp_path: Path) -> None:
    learn(stage(Length(3)), tmp_path)
    again = stage(Length(3))
    again.load(tmp_path)
    assert (again.step, again.done) == (3, 1)
    assert learn(again, tmp_path) == []


def test_a_device_that_is_not_there_is_refused_in_words() -> None:
    for name in ("abacus", "cuda:99"):
        with pytest.raises(TrainingError, match=f"can't compute on “{name}”"):
            prepare_device(name)
