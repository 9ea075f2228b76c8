"""What the network says of several pictures in one pass, each with its own prompt, timestep, guidance and adapter."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engine.image.adapters.adapter import AtStrength
from engine.image.compiling import Blocks, Compiling
from engine.image.families import Family
from engine.image.picture import Picture, work_of


def predict(family: Family, pictures: Sequence[Picture], compiling: Compiling) -> list[torch.Tensor]:
    """Of each picture, guidance applied. All are of one size."""
    adapters = [picture.adapter for picture in pictures for _ in range(picture.rows)]

    def run(blocks: Blocks) -> torch.Tensor:
        return _rows(family, pictures, adapters, blocks)

    rows = iter(run(compiling.ready(pictures[0].bucket, adapters, run)))
    return [_guided([next(rows)[None] for _ in range(one.rows)], one.params.guidance) for one in pictures]


def _rows(
    family: Family, pictures: Sequence[Picture], adapters: list[AtStrength | None], blocks: Blocks
) -> torch.Tensor:
    """One for each of `adapters`, or more: where the batch must be larger its last row is repeated, without adapter."""
    latents, timesteps, conditions = [], [], []
    for picture in pictures:
        work = work_of(picture)
        latents += [work.timeline.scaled(work.latents)] * picture.rows
        timesteps += [work.timeline.timestep.float().reshape(1)] * picture.rows
        conditions += work.conditions
    spare = blocks.padded(len(adapters)) - len(adapters)
    latents += latents[-1:] * spare
    timesteps += timesteps[-1:] * spare
    with blocks.at_work(adapters + [None] * spare):
        return family.predict(torch.cat(latents), torch.cat(timesteps), conditions + conditions[-1:] * spare)


def side_by_side(pictures: Sequence[Picture]) -> list[Picture]:
    """Those of one adapter in one strength next to each other; the base's first."""
    return sorted(pictures, key=lambda one: _order(one.adapter))


def _order(used: AtStrength | None) -> tuple[str, float]:
    return ("", 0.0) if used is None else (used.adapter.digest, used.strength)


def _guided(rows: list[torch.Tensor], guidance: float) -> torch.Tensor:
    """rows: (1, …) with the prompt, or without and with it."""
    if len(rows) == 1:
        return rows[0]
    without, with_prompt = rows
    return without + guidance * (with_prompt - without)
