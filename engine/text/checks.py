"""What is wrong with a request, if anything. Imports no torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from engine.adapters import of_another_model
from engine.answers import FORMATS
from engine.types import BLIND, GenerationRequest, OutputFormat, SamplingParams

MAX_BIASES = 1024
MAX_LOGPROBS = 20
MAX_FORMAT_CHARS = 65_536


def refusal(request: GenerationRequest, context: int, vocabulary: int, *, sees: bool = False) -> tuple[str, str] | None:
    """Error code and sentence, or None for a good request. context, vocabulary: the model's, in tokens. sees: whether
    it reads pictures."""
    prompt = request.prompt_ids
    if request.images and not sees:
        return "bad_request", BLIND
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
    if foreign := of_another_model(request):
        return "bad_request", foreign
    params = request.params
    wrong = _wrong_params(params) or _wrong_bias(params.logit_bias, vocabulary) or _wrong_format(params)
    return ("bad_request", wrong) if wrong else None


def _wrong_params(params: SamplingParams) -> str:
    """A sentence, or empty."""
    penalties = (params.presence_penalty, params.frequency_penalty)
    numbers = (params.temperature, params.top_p, params.min_p, params.repetition_penalty, *penalties)
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
    if not all(-2 <= penalty <= 2 for penalty in penalties):
        return "The presence and frequency penalties must lie between -2 and 2, they are {} and {}.".format(*penalties)
    if params.max_tokens < 1:
        return f"max_tokens must be at least 1, it is {params.max_tokens}."
    if not all(params.stop):
        return "A stop string must not be empty."
    if params.logprobs is not None and not 0 <= params.logprobs <= MAX_LOGPROBS:
        return f"logprobs must lie between 0 and {MAX_LOGPROBS}, it is {params.logprobs}."
    return ""


def _wrong_bias(bias: Mapping[int, float], vocabulary: int) -> str:
    if len(bias) > MAX_BIASES:
        return f"The logit bias may name {MAX_BIASES} tokens, it names {len(bias)}."
    for token, value in bias.items():
        if not isinstance(token, int) or not 0 <= token < vocabulary:
            return f"The logit bias names the token {token}; this model knows 0 … {vocabulary - 1}."
        if not -100 <= value <= 100:  # also where it is none
            return f"A logit bias must lie between -100 and 100, that of token {token} is {value}."
    return ""


def _wrong_format(params: SamplingParams) -> str:
    wanted = params.output_format
    if wanted is None:
        return ""
    if wanted.kind not in ("json_schema", "regex", "lark"):
        return f"There is no output format “{wanted.kind}”. Known: json_schema, regex, lark."
    if params.ignore_eos:
        return "An output format says where the completion ends, so ignore_eos can't go with it."
    if not wanted.text.strip():
        return "The output format is empty."
    if len(wanted.text) > MAX_FORMAT_CHARS:
        return f"The output format has {len(wanted.text)} characters, up to {MAX_FORMAT_CHARS} are allowed."
    if any("\ud800" <= character <= "\udfff" for character in wanted.text):
        return "The output format holds half a character."
    return _wrong_schema(wanted) if wanted.kind == "json_schema" else ""


def _wrong_schema(wanted: OutputFormat) -> str:
    try:
        schema = json.loads(wanted.text)
    except RecursionError:
        return "The JSON schema is nested too deeply."
    except ValueError as error:
        return f"The JSON schema isn't JSON: {error}."
    return "" if isinstance(schema, dict) else "The JSON schema must be a JSON object."
