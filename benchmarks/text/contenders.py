"""Ways to do the same work: each takes requests and returns the tokens it made for each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, ContinuousBatchingConfig, GenerationConfig

from benchmarks.text.work import Request
from engine.config import EngineConfig
from engine.loaded import at_once
from engine.metrics import Counters
from engine.text.engine import TextEngine
from engine.text.graphs.compiling import with_graphs
from engine.text.loader import LoadedModel, load_model
from engine.text.sequence import Sequence
from engine.ticket import TextTicket
from engine.types import GenerationRequest, SamplingParams
from engine.weights import Weights

Made = list[list[int]]
BLOCK, TOKENS_A_STEP, SPARE = 256, 2048, 1.4
"""Of continuous batching: it computes scores of all tokens of a step with all that any of them sees, so that many at
once only cost more; and it begins no prompt while less than a fifth of its cache is free."""


def load_ours(folder: Path, config: EngineConfig, weights: Weights = "full") -> LoadedModel:
    model = at_once(load_model(folder, config, weights))
    return at_once(with_graphs(model, folder, config, Counters()))


def load_theirs(folder: Path, dtype: torch.dtype, **settings: Any) -> Any:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True, **settings).eval()
    model.generation_config.eos_token_id = None
    return model


def ours(model: LoadedModel, work: list[Request], config: EngineConfig) -> Made:
    """Prompts of one run are all different: nothing is found in the cache."""
    return written(TextEngine(model, config, Counters()), work)


def written(engine: TextEngine, work: list[Request], step: Callable[[], None] | None = None) -> Made:
    """Prompts must not have been there before, or they are found in the cache. step: in place of the engine's own."""
    sequences = asked(engine, work)
    while engine.busy:
        (step or engine.step)()
    made = [sequence.tokens[sequence.prompt_tokens :] for sequence in sequences]
    assert [len(one) for one in made] == [one.tokens for one in work], "A request failed; the log says why."
    return made


def asked(engine: TextEngine, work: list[Request]) -> list[Sequence]:
    """Given to the engine: `step` it while it is busy."""
    sequences = []
    for number, request in enumerate(work):
        params = SamplingParams(temperature=0, max_tokens=request.tokens, ignore_eos=True)
        wanted = GenerationRequest(str(number), "bench", tuple(request.prompt), params)
        engine.add(TextTicket(wanted, lambda event: None, lambda ticket: None))
        sequences.append(engine._completions[str(number)].sequence)
    return sequences


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
    """transformers' own, with all requests at once, each with its own length; the cache holds them all."""
    longest = max(request.tokens for request in work)
    settings = GenerationConfig(max_new_tokens=longest, do_sample=False, eos_token_id=-1, pad_token_id=0)
    blocks = sum(-(-(len(one.prompt) + one.tokens) // BLOCK) + 1 for one in work)
    sizes = ContinuousBatchingConfig(
        block_size=BLOCK,
        num_blocks=int(blocks * SPARE),
        max_requests_per_batch=len(work),
        max_batch_tokens=max(TOKENS_A_STEP, len(work)),
    )
    outputs: dict[str, Any] = {}
    with (
        torch.inference_mode(False),  # it computes in a thread of its own, which isn't in that mode
        model.continuous_batching_context_manager(settings, continuous_batching_config=sizes) as manager,
    ):
        for number, request in enumerate(work):
            manager.add_request(request.prompt, request_id=str(number), max_new_tokens=request.tokens)
        while len(outputs) < len(work):
            result = manager.get_result(timeout=1)
            if result is not None and result.is_finished():
                outputs[result.request_id] = result
            assert result is not None or manager.is_running(), "transformers' thread has ended."
    results = [outputs[str(number)] for number in range(len(work))]
    for request, result in zip(work, results, strict=True):
        assert len(result.generated_tokens) == request.tokens, result.error
    return [list(result.generated_tokens) for result in results]


def _generate(model: Any, prompts: list[list[int]], length: int) -> Made:
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    ids, mask = ids.to(model.device), mask.to(model.device)
    output = model.generate(ids, attention_mask=mask, max_new_tokens=length, do_sample=False, pad_token_id=0)
    made: Made = output[:, longest:].tolist()
    return made
