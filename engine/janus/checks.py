"""What is wrong with a request for a picture, if anything. Imports no torch."""

from __future__ import annotations

import math

from engine.types import ImageFacts, ImageRequest

MAX_GUIDANCE = 50.0
MAX_PROMPT = 10_000
"""Characters; the tokens are counted when it is the picture's turn."""


def refusal(request: ImageRequest, facts: ImageFacts) -> tuple[str, str] | None:
    """Error code and sentence, or None for a good request."""
    params = request.params
    size, made = (params.width, params.height), (facts.width, facts.height)
    wrong = ""
    if size != made:
        wrong = f"This model draws pictures of {made[0]} × {made[1]} pixels only, not of {size[0]} × {size[1]}."
    elif params.steps != facts.steps:
        wrong = f"This model draws a picture in {facts.steps} steps, one for each of its tokens, not in {params.steps}."
    elif not math.isfinite(params.guidance) or not 0 <= params.guidance <= MAX_GUIDANCE:
        wrong = f"Guidance must lie between 0 and {MAX_GUIDANCE:g}, it is {params.guidance}."
    elif not 0 <= params.seed < 2**63:
        wrong = f"The seed must lie between 0 and 2⁶³ − 1, it is {params.seed}."
    elif params.scheduler not in facts.schedulers:
        wrong = f"This model has no scheduler “{params.scheduler[:40]}”: {', '.join(facts.schedulers)}."
    elif not params.prompt.strip() or len(params.prompt) > MAX_PROMPT:
        wrong = f"Say what to draw, in up to {MAX_PROMPT:,} characters."
    elif params.negative_prompt:
        wrong = "This model takes no negative prompt. Leave it out."
    elif request.source is not None or request.mask is not None:
        wrong = "This model draws from words alone, not from a picture."
    elif request.adapters:
        wrong = "Adapters for models of pictures aren't supported yet. Ask without one."
    return ("bad_request", wrong) if wrong else None
