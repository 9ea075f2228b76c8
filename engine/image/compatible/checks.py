"""What is wrong with a request for a picture of a pipeline that is called as a whole, if anything. Imports no torch."""

from __future__ import annotations

from engine.image import checks
from engine.types import ImageFacts, ImageRequest

WORDS_ONLY = "This model draws from words alone here, not from a picture."
NO_MASK = "This model changes a whole picture here, not a part of it. Take away the mask."
NO_ADAPTERS = "This model runs on the compatible lane, which draws without adapters. Choose the model itself."


def refusal(request: ImageRequest, facts: ImageFacts) -> tuple[str, str] | None:
    """Error code and sentence, or None for a good request."""
    if request.source is not None and not facts.takes_source:
        return "bad_request", WORDS_ONLY
    if request.mask is not None and not facts.takes_mask:
        return "bad_request", NO_MASK
    if request.adapter is not None:
        return "bad_request", NO_ADAPTERS
    return checks.refusal(request, facts)
