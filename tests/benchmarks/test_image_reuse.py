"""The benchmark of approximate steps computes what it says, on U-Nets of each shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch

from benchmarks.image_reuse import Reusing, every, main
from tests.engine.image.tiny import make_pipeline, stable_diffusion, stable_diffusion_xl

ROWS = 2


def attending() -> Any:
    """As in Stable Diffusion 1, the outermost blocks look at the prompt too."""
    return diffusers.UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, layers_per_block=2, block_out_channels=(8, 16, 16),
        norm_num_groups=4, attention_head_dim=4, cross_attention_dim=32,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    )  # fmt: skip


NETWORKS = {
    "plain": lambda: stable_diffusion()["unet"], "XL": lambda: stable_diffusion_xl()["unet"], "attending": attending,
}  # fmt: skip


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(0)
    return NETWORKS[request.param]().eval()


def asked(network: Any, seed: int) -> dict[str, Any]:
    """What a network is told in one step."""
    chance = torch.Generator().manual_seed(seed)
    told = {
        "sample": torch.randn(ROWS, 4, 16, 16, generator=chance),
        "timestep": torch.tensor([500.0 - seed] * ROWS),
        "encoder_hidden_states": torch.randn(ROWS, 5, network.config.cross_attention_dim, generator=chance),
    }
    if network.config.addition_embed_type:
        added = {"text_embeds": torch.randn(ROWS, 32, generator=chance), "time_ids": torch.ones(ROWS, 6)}
        told["added_cond_kwargs"] = added
    return told | {"return_dict": False}


@torch.inference_mode()
def test_a_step_is_the_whole_networks_with_the_deeper_blocks_of_before(network: Any) -> None:
    first, second = asked(network, 1), asked(network, 2)
    kept: list[torch.Tensor] = []

    def keep(_block: Any, _inputs: Any, told: dict[str, Any]) -> None:
        kept.append(told["hidden_states"])

    with network.up_blocks[-1].register_forward_pre_hook(keep, with_kwargs=True):
        whole = [network(**told)[0] for told in (first, second)]

    def put(_block: Any, inputs: Any, told: dict[str, Any]) -> Any:
        return inputs, told | {"hidden_states": kept[0]}

    with network.up_blocks[-1].register_forward_pre_hook(put, with_kwargs=True):
        expected = network(**second)[0]
    with Reusing(network, every(2, 1)):
        made = [network(**told)[0] for told in (first, second, second)]
    assert torch.equal(made[0], whole[0])
    assert torch.equal(made[1], expected)
    assert not torch.equal(made[1], whole[1])
    assert torch.equal(made[2], whole[1])
    assert torch.equal(network(**second)[0], whole[1]), "it is as it was"


def test_which_steps_are_computed_in_full() -> None:
    assert [step for step in range(10) if every(1, 1)(step)] == list(range(10))
    assert [step for step in range(10) if every(3, 1)(step)] == [0, 3, 6, 9]
    assert [step for step in range(10) if every(3, 4)(step)] == [0, 1, 2, 3, 6, 9]


def run(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    told = "--steps 4 --fewer 2 --reuse 2 --first 1 --pictures 3 --at-once 2 --rounds 1 --device cpu --threads 1"
    monkeypatch.setattr("sys.argv", ["image_reuse", str(folder), *told.split()])
    main()


def test_a_run_tells_how_near_each_way_comes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, make_pipeline(tmp_path / "model", "stable-diffusion"))
    printed = capsys.readouterr()
    ways = json.loads(printed.out)["ways"]
    assert {name: way["full_steps"] for name, way in ways.items()} == {
        "all in full": 4, "2 steps": 2, "one of 2 in full, after the first 1": 2,
    }  # fmt: skip
    assert [name for name, way in ways.items() if way["to_full"] is None] == ["all in full"]
    assert all(way["to_four_times"]["min"] > 0 for way in ways.values())
    assert "| all in full | 4 |" in printed.err


def test_a_model_without_a_unet_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = make_pipeline(tmp_path / "model", "flux")
    with pytest.raises(SystemExit, match="has no U-Net, but a transformer"):
        run(monkeypatch, folder)
