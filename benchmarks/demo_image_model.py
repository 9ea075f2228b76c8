"""Does the demo image model draw what it is asked for? `python -m benchmarks.demo_image_model MODEL PICTURES`.

A judge (engine.training.scorer) is trained on the real pictures, the ones held out from the model's training too, and
asked to find the right words for each picture: among the names of a hundred emoji, and, for pairs of colour and thing
that the model never saw, among all such pairs. Beside it: real pictures that went through the autoencoder (no model can
do better with it) and chance. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline

from benchmarks.image_reuse import Reusing, every
from engine.config import EngineConfig
from engine.device import pick_device
from engine.training.grid import save_grid
from engine.training.pictures import Pictures, read_pictures
from engine.training.scorer import Scorer, ranks, train_scorer

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "black", "gray")
NAMES = 100
AT_ONCE = 24
Told = dict[str, Any]
SHOWN = [
    "a red apple", "smiling face", "blue car", "red car", "green heart", "blue heart", "dog", "cat", "pizza", "rocket",
    "yellow star", "tree", "rose", "panda", "ghost", "soccer ball", "angry face", "crown", "sun", "purple book",
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("pictures", type=Path, help="as scripts/noto_emoji.py wrote them")
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--reuse", type=int, default=1, help="one step of so many is computed in full (all are)")
    parser.add_argument("--first", type=int, default=1, help="with --reuse: so many steps before, all in full")
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--seeds", type=int, default=2, help="pictures of each held-out pair")
    parser.add_argument("--scorer-steps", type=int, default=400)
    parser.add_argument("--device", default="auto", help="cpu, cuda; auto: the graphics card if there is one")
    parser.add_argument("--grid", type=Path, help="a PNG: prompts anybody would try, then held-out pairs")
    options = parser.parse_args()
    device = pick_device(EngineConfig(device=options.device))
    pipeline = StableDiffusionPipeline.from_pretrained(options.model, dtype=torch.float32).to(device)
    pipeline.set_progress_bar_config(disable=True)
    seen = read_pictures(options.pictures, pipeline.vae.config.sample_size).to(device)
    held_out = read_pictures(options.pictures / "held-out", pipeline.vae.config.sample_size).to(device)
    if options.grid:
        wanted = SHOWN + _spread([each[0] for each in held_out.captions], 2 * 10)
        save_grid(_drawn(pipeline, wanted, options, seed=1), options.grid, columns=10)
    scorer = _judge(seen, held_out, pipeline.tokenizer, options.scorer_steps)
    result = {
        "names": _names(pipeline, scorer, seen, options),
        "held_out_pairs": _pairs(pipeline, scorer, held_out, options),
        "steps": options.steps,
        "reuse": options.reuse,
        "first": options.first,
        "guidance": options.guidance,
    }
    print(json.dumps(result))


def _judge(seen: Pictures, held_out: Pictures, tokenizer: object, steps: int) -> Scorer:
    everything = Pictures(
        seen.names + held_out.names,
        torch.cat([seen.pixels, held_out.pixels]),
        seen.captions + held_out.captions,
    )
    began = time.monotonic()
    scorer = train_scorer(everything, tokenizer, steps=steps)
    print(f"The judge was trained in {time.monotonic() - began:.0f} s.", file=sys.stderr)
    return scorer


def _names(pipeline: StableDiffusionPipeline, scorer: Scorer, seen: Pictures, options: argparse.Namespace) -> Told:
    rows = [row for row, name in enumerate(seen.names) if name.split()[0] not in COLOURS]
    rows = random.Random(0).sample(rows, min(NAMES, len(rows)))
    names = [seen.captions[row][0] for row in rows]
    return _report(scorer, names, names, _drawn(pipeline, names, options, seed=2), _through(pipeline, seen, rows))


def _pairs(pipeline: StableDiffusionPipeline, scorer: Scorer, held_out: Pictures, options: argparse.Namespace) -> Told:
    pairs = [captions[0] for captions in held_out.captions]
    things = sorted({pair.split(" ", 1)[1] for pair in pairs})
    candidates = [f"{colour} {thing}" for thing in things for colour in COLOURS]
    asked = pairs * options.seeds
    drawn = _drawn(pipeline, asked, options, seed=3)
    real = _through(pipeline, held_out, list(range(len(pairs))) * options.seeds)
    report = _report(scorer, asked, candidates, drawn, real)
    with torch.no_grad():
        best = (scorer.see(drawn) @ scorer.read(candidates).T).argmax(dim=1).tolist()
    found = [(candidates[at].split(" ", 1), pair.split(" ", 1)) for at, pair in zip(best, asked, strict=True)]
    report["right_colour"] = round(sum(guess[0] == wanted[0] for guess, wanted in found) / len(found), 3)
    report["right_thing"] = round(sum(guess[1] == wanted[1] for guess, wanted in found) / len(found), 3)
    return report


def _report(scorer: Scorer, right: list[str], candidates: list[str], drawn: torch.Tensor, real: torch.Tensor) -> Told:
    report: Told = {"pictures": len(right), "candidates": len(candidates)}
    for kind, pixels in (("drawn", drawn), ("real", real)):
        places = ranks(scorer, pixels, right, candidates)
        report[kind] = {f"top_{k}": round(sum(place < k for place in places) / len(places), 3) for k in (1, 5)}
    report["chance"] = {f"top_{k}": round(k / len(candidates), 4) for k in (1, 5)}
    return report


@torch.no_grad()
def _drawn(
    pipeline: StableDiffusionPipeline, prompts: list[str], options: argparse.Namespace, *, seed: int
) -> torch.Tensor:
    size, parts = pipeline.vae.config.sample_size, []
    generator = torch.Generator().manual_seed(seed)
    for at in range(0, len(prompts), AT_ONCE):
        with Reusing(pipeline.unet, every(options.reuse, options.first)):
            made = pipeline(
                prompts[at : at + AT_ONCE], height=size, width=size, num_inference_steps=options.steps,
                guidance_scale=options.guidance, generator=generator, output_type="pt",
            )  # fmt: skip
        parts.append(made.images * 2 - 1)
    return torch.cat(parts)


@torch.no_grad()
def _through(pipeline: StableDiffusionPipeline, pictures: Pictures, rows: list[int]) -> torch.Tensor:
    pixels = pictures.scaled(torch.tensor(rows))
    return torch.cat(
        [pipeline.vae.decode(pipeline.vae.encode(part).latent_dist.mean).sample for part in torch.split(pixels, 32)]
    )


def _spread(values: list[str], count: int) -> list[str]:
    return [values[at * len(values) // count] for at in range(min(count, len(values)))]


if __name__ == "__main__":
    main()
