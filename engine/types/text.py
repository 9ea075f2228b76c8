"""Text: what is asked for, and what is told while it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.types.common import AdapterRef

BLIND = "This model reads texts only. Choose one that sees pictures, or ask without them."
"""Said of pictures in a chat, or in a request, for a model that doesn't see."""

TOO_LATE = "The answer took longer than was asked for. What was written by then is kept."
"""Said where its `deadline_seconds` have passed."""


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """What the whole answer has to look like: every token is chosen among those that can lead there.

    A completion that reaches `max_tokens` or the end of the context is cut off like any other.
    """

    kind: Literal["json_schema", "regex", "lark"]
    text: str
    """A JSON schema as JSON; a regular expression (Rust's syntax, no look-around); or a grammar in Lark's notation."""


ANY_OBJECT = OutputFormat("json_schema", '{"type":"object"}')
"""JSON, whatever is in it."""


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is chosen. The defaults sample from the model's own distribution.

    `temperature=0` is greedy.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    """0 keeps every token."""
    min_p: float = 0.0
    max_tokens: int = 512
    """Of the whole completion: reasoning, answer and tool calls."""
    stop: tuple[str, ...] = ()
    """The answer ends before the first of these strings; the string itself is not part of it. In the reasoning and in
    tool calls they mean nothing."""
    seed: int | None = None
    repetition_penalty: float = 1.0
    """Divides positive logits and multiplies negative ones of all tokens in prompt and completion."""
    presence_penalty: float = 0.0
    """Taken from the logits of the tokens in the completion so far, −2 … 2."""
    frequency_penalty: float = 0.0
    """Taken from the logits of tokens as often as they occur in the completion so far, −2 … 2."""
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    """By token id, added to the logits, −100 … 100."""
    logprobs: int | None = None
    """How many alternatives to tell with each token, 0 … 20; None tells no probabilities at all. Those of the reasoning
    are never told: who may not read it could put it together from them."""
    output_format: OutputFormat | None = None
    ignore_eos: bool = False
    """For benchmarks: run to `max_tokens`."""


@dataclass(frozen=True, slots=True)
class DemandedCalls:
    """The answer has to be calls of tools, whatever was thought before them."""

    tools: tuple[Mapping[str, Any], ...]
    """Those that may be called, as in `GenerationRequest.tools`."""
    name: str = ""
    """Of the only one, where it was asked for by name: then it is called once."""
    only_one: bool = False
    """Not several calls."""


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One completion to make. `id` comes from the caller and is unique among its unfinished requests."""

    id: str
    model: str
    """Which model: the key that the service's `ModelSource` understands, and its weights (see `engine.weights`)."""
    prompt_ids: tuple[int, ...]
    params: SamplingParams = field(default_factory=SamplingParams)
    messages: tuple[Mapping[str, str], ...] = ()
    """The chat itself (`role`, `content`), for an upstream, which tokenises it; `prompt_ids` is empty then."""
    answer_format: str = "plain"
    """How the model marks reasoning and tool calls: a name of `engine.answers.FORMATS`."""
    user: str = ""
    """Whose share of the device it uses: who has used least is served first."""
    tenant: str = ""
    """Requests of one tenant share what the engine remembers of equal beginnings of prompts."""
    priority: int = 0
    """Higher ones are served earlier; waiting makes up for it."""
    deadline_seconds: float | None = None
    """After so long since it was accepted it ends with `deadline`, keeping what it has. Where it would wait for longer
    than that, it ends with `overloaded` at once."""
    adapter: AdapterRef | None = None
    """None: the model itself."""
    images: tuple[bytes, ...] = ()
    """Pictures that the prompt asks about, as PNG (RGB): one for each placeholder in `prompt_ids`, in their order."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """Functions that the model may call, in JSON (`type`, `function`), for an upstream; else `prompt_ids` tells."""
    demanded: DemandedCalls | None = None
    """In place of an output format."""
    effort: str = ""
    """How long to think before it answers (`low`, `medium`, `high`), for an upstream; else `prompt_ids` tells."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token that was possible at some place."""

    token: int
    text: bytes
    """Its own bytes, often half a character."""
    logprob: float
    """Natural logarithm of its probability as the model has it: before penalties, bias, format, temperature and
    filters (as vLLM tells it). At least −9999, which stands for impossible."""


@dataclass(frozen=True, slots=True)
class ChosenLogprob:
    """The token that was chosen, and what could have been: the most probable ones first, the chosen one where it is
    among them."""

    chosen: TokenLogprob
    top: tuple[TokenLogprob, ...]


@dataclass(frozen=True, slots=True)
class TextEvent:
    """New text of the answer, never half a character and never part of a stop string.

    `offset` counts the characters delivered before it.
    """

    request_id: str
    offset: int
    text: str
    tokens: int
    """Completion tokens so far."""
    logprobs: tuple[ChosenLogprob, ...] = ()
    """Where they were asked for: of the tokens since the last event with text, this event's included. Characters and
    stop strings in the making are held back, so they belong to this text only roughly."""


@dataclass(frozen=True, slots=True)
class ReasoningEvent:
    """New text of what the model thinks before it answers.

    `offset` counts the characters of reasoning delivered before it, whatever there was of the answer.
    """

    request_id: str
    offset: int
    text: str
    tokens: int
    """Completion tokens so far."""
    ms: float
    """Since the first token of the reasoning."""


@dataclass(frozen=True, slots=True)
class ToolCallEvent:
    """The model asks for a tool; nothing in the engine calls it."""

    request_id: str
    index: int
    """How many came before it in this completion."""
    name: str
    """"" where even that can't be read."""
    arguments: str
    """A JSON object as text; where `valid` is false, what the model wrote instead."""
    valid: bool
    tokens: int
    """Completion tokens so far."""
