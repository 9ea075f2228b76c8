"""What is wrong with a request for a picture, if anything. Imports no torch."""

from __future__ import annotations

from engine.image.checks import MAX_PROMPT, wrong_adapter_strength, wrong_for_any
from engine.types import ImageFacts, ImageRequest

NO_ADAPTERS = "A Janus draws without adapters. Choose the model itself, or another one."


def refusal(request: ImageRequest, facts: ImageFacts) -> tuple[str, str] | None:
    """Error code and sentence, or None for a good request."""
    params = request.params
    size, made = (params.width, params.height), (facts.width, facts.height)
    wrong = ""
    if size != made:
        wrong = f"This model draws pictures of {made[0]} × {made[1]} pixels only, not of {size[0]} × {size[1]}."
    elif params.steps != facts.steps:
        wrong = f"This model draws a picture in {facts.steps} steps, one for each of its tokens, not in {params.steps}."
    elif found := wrong_for_any(params, facts):
        wrong = found
    elif not params.prompt.strip() or len(params.prompt) > MAX_PROMPT:
        wrong = f"Say what to draw, in up to {MAX_PROMPT:,} characters."
    elif params.negative_prompt:
        wrong = "This model takes no negative prompt. Leave it out."
    elif request.source is not None or request.mask is not None:
        wrong = "This model draws from words alone, not from a picture."
    elif request.adapter is not None:
        wrong = NO_ADAPTERS
    else:
        wrong = wrong_adapter_strength(request)
    return ("bad_request", wrong) if wrong else None
