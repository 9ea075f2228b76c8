"""Ways to do the same work: each takes requests and returns the tokens it made for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, GenerationConfig

from benchmarks.text.work import Request
from engine.config import EngineConfig
from engine.loaded import at_once
from engine.metrics import Counters
from engine.text.engine import TextEngine
from engine.text.graphs.compiling import with_graphs
from engine.text.loader import LoadedModel, load_model
from engine.ticket import TextTicket
from engine.types import GenerationRequest, SamplingParams
from engine.weights import Weights

Made = list[list[int]]


def load_ours(folder: Path, config: EngineConfig, weights: Weights = "full") -> LoadedModel:
    model = at_once(load_model(folder, config, weights))
    return at_once(with_graphs(model, folder, config, Counters()))


def load_theirs(folder: Path, dtype: torch.dtype, **settings: Any) -> Any:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True, **settings).eval()
    model.generation_config.eos_token_id = None
    return model


def ours(model: LoadedModel, work: list[Request], config: EngineConfig) -> Made:
    """Prompts of one run are all different: nothing is found in the cache."""
    engine = TextEngine(model, config, Counters())
    sequences = []
    for number, request in enumerate(work):
        params = SamplingParams(temperature=0, max_tokens=request.tokens, ignore_eos=True)
        asked = GenerationRequest(str(number), "bench", tuple(request.prompt), params)
        engine.add(TextTicket(asked, lambda event: None, lambda ticket: None))
        sequences.append(engine._completions[str(number)].sequence)
    while engine.busy:
        engine.step()
    return [sequence.tokens[sequence.prompt_tokens :] for sequence in sequences]


def one_by_one(model: Any, work: list[Request]) -> Made:
    """`generate` for each request alone."""
    return [_generate(model, [request.prompt], request.tokens)[0] for request in work]


def static_batches(model: Any, work: list[Request], batch: int) -> Made:
    """`generate` for `batch` requests at a time, padded on the left, each until its longest member is done."""
    made: Made = []
    for first in range(0, len(work), batch):
        part = work[first : first + batch]
        tokens = _generate(model, [one.prompt for one in part], max(one.tokens for one in part))
        made += [own[: one.tokens] for own, one in zip(tokens, part, strict=True)]
    return made


def continuous_batching(model: Any, work: list[Request]) -> Made:
    """transformers' own `generate_batch`. It takes one length for all, so the requests of each length go together."""
    lengths = sorted({request.tokens for request in work})
    made: dict[int, list[int]] = {}
    for length in lengths:
        numbers = [number for number, request in enumerate(work) if request.tokens == length]
        settings = GenerationConfig(max_new_tokens=length, do_sample=False, eos_token_id=-1, pad_token_id=0)
        with torch.inference_mode(False):  # it computes in a thread of its own, which isn't in that mode
            outputs = model.generate_batch([work[number].prompt for number in numbers], generation_config=settings)
        for number, output in zip(numbers, outputs.values(), strict=True):
            made[number] = list(output.generated_tokens)
            assert len(made[number]) == length, output.error
    return [made[number] for number in range(len(work))]


def _generate(model: Any, prompts: list[list[int]], length: int) -> Made:
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    output = model.generate(ids, attention_mask=mask, max_new_tokens=length, do_sample=False, pad_token_id=0)
    made: Made = output[:, longest:].tolist()
    return made
