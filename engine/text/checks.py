"""What is wrong with a request, if anything. Imports no torch."""

from __future__ import annotations

import math

from engine.answers import FORMATS
from engine.types import GenerationRequest, SamplingParams


def refusal(request: GenerationRequest, context: int, vocabulary: int) -> tuple[str, str] | None:
    """Error code and sentence, or None for a good request. context, vocabulary: the model's, in tokens."""
    prompt = request.prompt_ids
    if not prompt:
        return "bad_request", "The prompt is empty. Write something first."
    over = len(prompt) + 1 - context
    if over > 0:
        return "context_overflow", (
            f"The prompt is {len(prompt)} tokens long, {over} over the {context - 1} that fit "
            f"in this model's context with room for an answer. Shorten it by {over} tokens or more."
        )
    if not all(isinstance(token, int) and 0 <= token < vocabulary for token in prompt):
        return "bad_request", f"The prompt holds token ids outside 0 … {vocabulary - 1}, which this model doesn't know."
    if request.answer_format not in FORMATS:
        return "bad_request", f"There is no answer format “{request.answer_format}”: {', '.join(FORMATS)}."
    wrong = _wrong_params(request.params)
    return ("bad_request", wrong) if wrong else None


def _wrong_params(params: SamplingParams) -> str:
    """A sentence, or empty."""
    numbers = (params.temperature, params.top_p, params.min_p, params.repetition_penalty)
    if not all(math.isfinite(number) for number in numbers):
        return "Sampling parameters must be finite numbers."
    if params.temperature < 0:
        return f"The temperature must be 0 or more, it is {params.temperature}."
    if not 0 <= params.top_p <= 1 or not 0 <= params.min_p <= 1:
        return f"top_p and min_p must lie between 0 and 1, they are {params.top_p} and {params.min_p}."
    if params.top_k < 0:
        return f"top_k must be 0 (off) or more, it is {params.top_k}."
    if params.repetition_penalty <= 0:
        return f"The repetition penalty must be greater than 0, it is {params.repetition_penalty}."
    if params.max_tokens < 1:
        return f"max_tokens must be at least 1, it is {params.max_tokens}."
    if not all(params.stop):
        return "A stop string must not be empty."
    return ""
