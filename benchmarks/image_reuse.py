"""Do approximate steps pay? `python -m benchmarks.image_reuse FOLDER [--steps 25] [--reuse 2 3] [--fewer 12 16]`.

As DeepCache does it (Ma et al., 2023, arXiv 2312.00858): in some steps only the outermost blocks of a U-Net are
computed, and what the deeper ones gave in the last full step is used again. Beside it stands what everybody can have
without: fewer steps. FOLDER is a pipeline of Stable Diffusion 1, 2 or XL; all draw the same prompts from the same noise
with the engine's own parts, one after the other in each round.

Prints one JSON line: of each way the seconds a picture (over the rounds), how many steps are computed in full, and how
near it comes (PSNR in dB: median and least of the pictures) to the same steps all in full (`to_full`) and to four times
as many (`to_four_times`), which is where more steps lead. Progress and a table go to the other output.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, get_args

import diffusers
import torch

from benchmarks.image_contenders import THINGS
from benchmarks.image_numbers import spread
from benchmarks.markdown import number, range_of, table
from benchmarks.surroundings import surroundings
from benchmarks.text.rounds import tell
from engine.config import DType, EngineConfig
from engine.device import finish
from engine.image.loader import LoadedPipeline, load_pipeline
from engine.image.schedulers import SCHEDULERS
from engine.image.timeline import Timeline
from engine.loaded import at_once

Full = Callable[[int], bool]
"""Whether the step of this number, from 0, is computed in full."""
Way = tuple[int, Full]
"""How many steps, and which of them in full."""
ALL = "all in full"


class Reusing:
    """For a `with`, around all steps of a batch: of the calls of the U-Net only some are computed in full."""

    def __init__(self, network: Any, full: Full) -> None:
        self._network, self._full, self._calls = network, full, 0
        self._deep: Any = None

    def __enter__(self) -> Reusing:
        self._whole = self._network.forward
        self._hook = self._network.up_blocks[-1].register_forward_pre_hook(self._keep, with_kwargs=True)
        self._network.forward = self._step
        return self

    def __exit__(self, *_: object) -> None:
        self._hook.remove()
        del self._network.forward  # the class's own comes to light

    def _keep(self, _block: Any, _inputs: Any, told: dict[str, Any]) -> None:
        self._deep = told["hidden_states"]

    def _step(self, sample: Any, timestep: Any, encoder_hidden_states: Any, **told: Any) -> tuple[torch.Tensor]:
        full = self._full(self._calls)
        self._calls += 1
        if full:
            return (self._whole(sample, timestep, encoder_hidden_states, **told | {"return_dict": False})[0],)
        return (self._outer(sample, timestep, encoder_hidden_states, told.get("added_cond_kwargs")),)

    def _outer(self, sample: Any, timestep: Any, words: Any, added: Any) -> torch.Tensor:
        net = self._network
        emb = net.time_embedding(net.get_time_embed(sample=sample, timestep=timestep))
        more = net.get_aug_embed(emb=emb, encoder_hidden_states=words, added_cond_kwargs=added)
        emb = emb if more is None else emb + more
        sample = net.conv_in(sample)
        kept, down, up = [sample], net.down_blocks[0], net.up_blocks[-1]
        attentions = getattr(down, "attentions", [None] * len(down.resnets))
        for resnet, attention in zip(down.resnets, attentions, strict=True):
            sample = resnet(sample, emb)
            if attention is not None:
                sample = attention(sample, encoder_hidden_states=words, return_dict=False)[0]
            kept.append(sample)
        seen = {"encoder_hidden_states": words} if getattr(up, "has_cross_attention", False) else {}
        made = up(hidden_states=self._deep, temb=emb, res_hidden_states_tuple=tuple(kept), **seen)
        whole: torch.Tensor = net.conv_out(net.conv_act(net.conv_norm_out(made)))
        return whole


def every(apart: int, first: int) -> Full:
    """The `first` ones in full, and from the last of them on each that is `apart` from the one before; 1: all."""
    return lambda step: step < first or (step - first + 1) % apart == 0


@torch.inference_mode()
def main() -> None:
    told = options()
    config = EngineConfig(device=told.device, dtype=told.dtype)
    if told.threads is not None:
        torch.set_num_threads(told.threads)
    model = at_once(load_pipeline(told.folder, config))
    if model.family.network_name != "unet":
        raise SystemExit(f"{told.folder} has no U-Net, but a {model.family.network_name}. Choose a Stable Diffusion.")
    found = {
        "model": told.folder.name,
        **surroundings(model.device, "torch", "diffusers"),
        "device": str(model.device),
        "dtype": str(model.dtype),
        "threads": torch.get_num_threads(),
        **{name: getattr(told, name) for name in ("pictures", "at_once", "steps", "guidance", "scheduler")},
        "ways": measured(model, told, ways_of(told)),
    }
    print(f"\n{page(found)}", file=sys.stderr, flush=True)
    print(json.dumps(found), flush=True)


def ways_of(told: argparse.Namespace) -> dict[str, Way]:
    ways: dict[str, Way] = {ALL: (told.steps, every(1, 1))}
    ways |= {f"{steps} steps": (steps, every(1, 1)) for steps in told.fewer}
    return ways | {
        f"one of {apart} in full, after the first {first}": (told.steps, every(apart, first))
        for apart in told.reuse
        for first in told.first
    }


def measured(model: LoadedPipeline, told: argparse.Namespace, ways: dict[str, Way]) -> dict[str, Any]:
    many = drawn(model, told, 4 * told.steps, every(1, 1))
    tell("four times as many steps were drawn")
    took: dict[str, list[float]] = {name: [] for name in ways}
    made: dict[str, torch.Tensor] = {}
    for turn in range(told.rounds):
        for name, way in ways.items():
            began = perf_counter()
            made[name] = drawn(model, told, *way)
            finish(model.device)
            took[name].append((perf_counter() - began) / told.pictures)
        tell(f"round {turn + 1} of {told.rounds}")
    return {
        name: {
            "full_steps": sum(map(full, range(steps))),
            "seconds": spread(took[name]),
            "to_full": psnr(made[name], made[ALL]),
            "to_four_times": psnr(made[name], many),
        }
        for name, (steps, full) in ways.items()
    }


def drawn(model: LoadedPipeline, told: argparse.Namespace, steps: int, full: Full) -> torch.Tensor:
    """(pictures, 3, height, width), levels of 0 … 255."""
    seeds = range(told.pictures)
    batches = [seeds[begin : begin + told.at_once] for begin in range(0, told.pictures, told.at_once)]
    return torch.cat([_batch(model, told, batch, steps, full) for batch in batches])


def _batch(model: LoadedPipeline, told: argparse.Namespace, seeds: range, steps: int, full: Full) -> torch.Tensor:
    family, width, height = model.family, model.facts.width, model.facts.height
    scheduler = family.pipeline.scheduler
    if choice := SCHEDULERS.get(told.scheduler):
        scheduler = getattr(diffusers, choice.scheduler).from_config(scheduler.config, **choice.changes)
    timeline = Timeline(scheduler, family, steps, width, height)
    timeline.start_late(0)
    shape = family.latent_shape(width, height)
    noise = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    latents = torch.cat(noise).to(family.device) * timeline.noise_scale
    chance = torch.Generator().manual_seed(seeds[0])
    prompts = [""] * len(seeds) + [THINGS[seed % len(THINGS)] for seed in seeds]
    conditions = [
        family.finished(family.encode(prompt, empty=not prompt), width, height, told.guidance) for prompt in prompts
    ]
    with Reusing(family.network, full):
        while not timeline.over:
            rows = timeline.scaled(latents).repeat(2, 1, 1, 1)
            times = timeline.timestep.float().reshape(1).repeat(len(rows))
            without, asked = family.predict(rows, times, conditions).chunk(2)
            latents, _ = timeline.advance(without + told.guidance * (asked - without), latents, chance)
    pixels = torch.cat([family.decode(one[None]) for one in latents])
    return ((pixels.clamp(-1, 1) + 1) * 127.5).round()


def psnr(made: torch.Tensor, other: torch.Tensor) -> dict[str, float] | None:
    """In dB, of each picture; None where all are the same to the bit."""
    squares = ((made - other) ** 2).flatten(1).mean(dim=1)
    if not squares.any():
        return None
    found = (10 * torch.log10(255**2 / squares.clamp(min=1e-6))).tolist()
    return {"median": round(statistics.median(found), 1), "min": round(min(found), 1)}


def page(found: dict[str, Any]) -> str:
    """A table; the fastest last."""
    rows, whole = [], found["ways"][ALL]["seconds"]["median"]
    for name, way in sorted(found["ways"].items(), key=lambda one: -one[1]["seconds"]["median"]):
        likenesses = (way["to_full"], way["to_four_times"])
        near = [f"{each['median']} ({each['min']})" if each else "the same" for each in likenesses]
        seconds = {key: 1e3 * way["seconds"][key] for key in ("median", "min", "max")}
        rows.append([name, str(way["full_steps"]), range_of(seconds), number(seconds["median"] / 1e3 / whole), *near])
    header = [
        f"{found['steps']} steps of {found['scheduler']}, {found['at_once']} at once", "in full", "ms a picture",
        "of all in full", "PSNR to all in full, median (least)", "to four times the steps",
    ]  # fmt: skip
    return table(header, rows)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.image_reuse", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--reuse", type=int, nargs="+", default=[2, 3], help="one step of so many is computed in full")
    parser.add_argument("--first", type=int, nargs="+", default=[1, 4], help="so many steps before, all in full")
    parser.add_argument("--fewer", type=int, nargs="+", default=[10, 12, 14, 16, 18])
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--scheduler", choices=("default", *SCHEDULERS), default="default")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", choices=get_args(DType), default="auto")
    parser.add_argument("--threads", type=int)
    return parser.parse_args()


if __name__ == "__main__":
    main()
