"""What is wrong with a request for a picture, if anything. Imports no torch."""

from __future__ import annotations

import math

from engine.adapters import of_another_model
from engine.types import ImageFacts, ImageParams, ImageRequest

MAX_STEPS = 150
MAX_GUIDANCE = 50.0
MAX_PROMPT = 10_000
MAX_GROWTH = 4
"""So many times the pixels that the model was made for."""
MAX_ADAPTER_STRENGTH = 2.0


def refusal(request: ImageRequest, facts: ImageFacts) -> tuple[str, str] | None:
    """Error code and sentence, or None for a good request."""
    params = request.params
    wrong = _wrong_size(params, facts) or _wrong_numbers(params, facts) or _wrong_source(request)
    wrong = wrong or of_another_model(request) or wrong_adapter_strength(request)
    return ("bad_request", wrong) if wrong else None


def _wrong_size(params: ImageParams, facts: ImageFacts) -> str:
    """A sentence, or empty."""
    multiple, size = facts.multiple_of, (params.width, params.height)
    if not all(isinstance(side, int) and side >= multiple and side % multiple == 0 for side in size):
        return f"Width and height must be multiples of {multiple} pixels, they are {size[0]} and {size[1]}."
    return too_many_pixels(*size, facts)


def too_many_pixels(width: int, height: int, facts: ImageFacts) -> str:
    """A sentence, or empty."""
    if facts.longest and max(width, height) > facts.longest:
        return (
            f"{width} × {height} is longer than this model can draw: its sides may have up to {facts.longest} pixels. "
            "Make it smaller."
        )
    if width * height <= facts.width * facts.height * MAX_GROWTH:
        return ""
    return (
        f"{width} × {height} are more pixels than this model can draw well: it was made for {facts.width} × "
        f"{facts.height}, and {MAX_GROWTH} times as many are allowed. Make it smaller."
    )


def _wrong_numbers(params: ImageParams, facts: ImageFacts) -> str:
    if not 1 <= params.steps <= MAX_STEPS:
        return f"There can be 1 to {MAX_STEPS} steps, not {params.steps}."
    if facts.most_steps and params.steps > facts.most_steps:
        return f"This model draws in 1 to {facts.most_steps} steps, not {params.steps}."
    if wrong := wrong_for_any(params, facts):
        return wrong
    if max(len(params.prompt), len(params.negative_prompt)) > MAX_PROMPT:
        return f"A prompt may have {MAX_PROMPT:,} characters; the model reads {facts.prompt_tokens} tokens of it."
    return ""


def wrong_for_any(params: ImageParams, facts: ImageFacts) -> str:
    """What holds for every model, however it draws. A sentence, or empty."""
    if not math.isfinite(params.guidance) or not 0 <= params.guidance <= MAX_GUIDANCE:
        return f"Guidance must lie between 0 and {MAX_GUIDANCE:g}, it is {params.guidance}."
    if not 0 <= params.seed < 2**63:
        return f"The seed must lie between 0 and 2⁶³ − 1, it is {params.seed}."
    if params.scheduler not in facts.schedulers:
        return f"This model has no scheduler “{params.scheduler[:40]}”: {', '.join(facts.schedulers)}."
    return ""


def wrong_adapter_strength(request: ImageRequest) -> str:
    """A sentence, or empty."""
    strength = request.params.adapter_strength
    if request.adapter is None:
        return "" if strength == 1 else "Without an adapter there is no adapter strength to choose. Leave it at 1."
    if not 0 <= strength <= MAX_ADAPTER_STRENGTH:
        return f"The adapter strength must lie between 0 and {MAX_ADAPTER_STRENGTH:g}, it is {strength}."
    return ""


def _wrong_source(request: ImageRequest) -> str:
    if request.source is None:
        return "" if request.mask is None else "A mask needs a picture that it belongs to."
    if not 0 < request.params.strength <= 1:
        return f"The strength must be more than 0 and at most 1, it is {request.params.strength}."
    return ""
