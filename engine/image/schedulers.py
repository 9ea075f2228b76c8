"""The ways of going from noise to a picture that can be chosen. Names only: imports neither torch nor diffusers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

DEFAULT = "default"


class Choice(NamedTuple):
    scheduler: str
    """A class of diffusers, made from the config of the model's own one."""
    changes: Mapping[str, Any] = {}


OTHER_SPACINGS = dict.fromkeys(("use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas"), False)
"""A scheduler takes one of them only, and a model's own config may ask for it."""
SCHEDULERS: Mapping[str, Choice] = {
    "ddim": Choice("DDIMScheduler"),
    "euler": Choice("EulerDiscreteScheduler"),
    "euler-ancestral": Choice("EulerAncestralDiscreteScheduler"),
    "heun": Choice("HeunDiscreteScheduler"),
    "dpm++": Choice("DPMSolverMultistepScheduler"),
    "dpm++-karras": Choice("DPMSolverMultistepScheduler", {"use_karras_sigmas": True} | OTHER_SPACINGS),
    "unipc": Choice("UniPCMultistepScheduler"),
    "pndm": Choice("PNDMScheduler", {"skip_prk_steps": True}),
}
"""For models that were trained to remove noise; `default`, the model's own, is among them for every model."""
DIFFUSION_SCHEDULERS = (
    *sorted({choice.scheduler for choice in SCHEDULERS.values()}),
    "DDPMScheduler", "DEISMultistepScheduler", "DPMSolverSinglestepScheduler", "KDPM2DiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler", "LCMScheduler",
)  # fmt: skip
"""What a model's own one may be."""
CORRECTING = ("HeunDiscreteScheduler", "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler")
"""Those that correct each step by a second one, but the last."""
FLOW_SCHEDULERS = ("FlowMatchEulerDiscreteScheduler",)


def names_for(own: str) -> tuple[str, ...]:
    """own: the class of the model's scheduler. Flow models go with their own one only."""
    return (DEFAULT,) if own in FLOW_SCHEDULERS else (DEFAULT, *SCHEDULERS)


DIFFUSING = ("stable-diffusion", "stable-diffusion-xl")
"""Families that count steps of a changed picture downwards: all others count so those that they leave out."""


def left_out(steps: int, strength: float, family: str) -> int:
    """Of the steps, where a picture is changed, not made: as the family's pipelines do it."""
    made = min(int(steps * strength), steps) if family in DIFFUSING else min(steps * strength, steps)
    return int(steps - made)


def evaluations(scheduler: str, steps: int, *, skipped: int = 0, own: str = "") -> int:
    """Of the network, in so many steps of which the first `skipped` are left out. own: which one `default` is, by its
    class; where that isn't known, one that asks once in each step."""
    kind, left = SCHEDULERS[scheduler].scheduler if scheduler in SCHEDULERS else own, max(1, steps - skipped)
    if kind in CORRECTING:
        return 2 * left - 1
    return left + 1 if kind == "PNDMScheduler" and steps > 1 else left  # it takes its first one twice
