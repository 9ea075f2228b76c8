"""Random work for an engine with our own kernels, as a processor runs it: each request is told what it is told alone.

The other tests' checkpoints have heads of 8 numbers, which these kernels leave to torch.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import engine.text.engine
from engine.service import EngineThread
from engine.text.attention.plan import PlannedChunk, planned
from engine.text.draw import NOT_FINITE
from engine.text.drawing import Drawing
from engine.text.engine import TextEngine
from engine.text.runner import Runner
from engine.text.scheduler import Step
from engine.types import AdapterRef, FinishReason, GenerationRequest, OutputFormat, SamplingParams, TextEvent
from tests.engine.adapters import make_adapter
from tests.engine.device import DEVICE
from tests.engine.recorder import Recorder
from tests.engine.started import started_engines
from tests.engine.test_speculation import repetitive
from tests.engine.tiny import FAMILIES, make_checkpoint

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "100"))
CONTEXT = 112
BLOCKS = CONTEXT // 16
WIDE = {"hidden_size": 64, "intermediate_size": 96}
"""Four heads of 16 numbers."""
ADAPTERS = ("one", "two")
FORMATS = (
    OutputFormat("regex", "(ab|cd){2,6}x?"),
    OutputFormat("json_schema", json.dumps({"type": "array", "items": {"type": "boolean"}, "maxItems": 5})),
)
pytestmark = pytest.mark.skipif(DEVICE != "cpu", reason="These kernels are the processor's.")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model of each family, some that repeat themselves, and two adapters for each."""
    root, found = tmp_path_factory.mktemp("random-work"), {}
    for number, family in enumerate(FAMILIES):
        head = {"head_dim": 16} if family != "DeepseekV3" else {}
        echoes = {"initializer_range": 0.2, "tie_word_embeddings": True} if number % 2 else {}
        found[family] = make_checkpoint(root / family, family, **WIDE | head | echoes)
        for seed, name in enumerate(ADAPTERS):
            found[f"{family} {name}"] = make_adapter(root / f"{family} {name}", found[family], seed=seed)
    return found


def some_params(generator: random.Random) -> SamplingParams:
    told: dict[str, Any] = {"temperature": 0, "max_tokens": generator.choice([1, 24, 40, 60, 80, 100])}
    if generator.random() < 0.5:
        # Among few tokens: of 500 one in ten thousand draws is so close that the last digits of the logits decide it.
        told |= {"temperature": generator.choice([0.3, 1.0]), "seed": generator.randrange(10**9), "top_k": 4}
        told |= generator.choice([{}, {"top_p": 0.9}, {"min_p": 0.1}])
    odd: list[dict[str, Any]] = [
        {"repetition_penalty": 1.3}, {"presence_penalty": 0.5}, {"frequency_penalty": -0.5}, {"stop": ("e", " th")},
        {"logit_bias": {70: 4.0, 41: -100.0}}, {"logprobs": 3}, {"output_format": generator.choice(FORMATS)},
    ]  # fmt: skip
    told |= generator.choice([{}] * 5 + odd)
    return SamplingParams(**told, ignore_eos="output_format" not in told and generator.random() < 0.8)


def some_request(generator: random.Random, number: int, family: str, beginnings: list[list[int]]) -> GenerationRequest:
    prompt = [generator.randrange(5, 260) for _ in range(generator.choice([1, 2, 4, 8, 12, 16, 30, CONTEXT - 2]))]
    if generator.random() < 0.4:
        prompt = generator.choice([*beginnings, repetitive(number)]) + prompt[:5]
    adapter = generator.choice([None, None, *(AdapterRef(f"{family} {name}", family) for name in ADAPTERS)])
    return GenerationRequest(
        f"{family} {number}", family, tuple(prompt), some_params(generator), user=generator.choice("ab"),
        tenant=generator.choice(("", "x")), priority=generator.choice([0, 0, 1]), adapter=adapter,
    )  # fmt: skip


class Onwards(Runner):
    """As a GPU does, it makes several passes of a step by itself, and begins the next step before this one's tokens are
    looked at: in the order in which it is asked, and at once."""

    goes_on = True
    _left: dict[str, int]
    """By the id of each sequence the token that the last step left it at."""

    def go_on(
        self, step: Step, drawing: Drawing | None, after: Step | None = None
    ) -> Callable[[], list[list[int]]] | None:
        chunks = planned(step.decodes)
        if after is None:
            tokens = [chunk.sequence.tokens[chunk.start] for chunk in step.decodes]
        else:
            tokens = [self._left[chunk.sequence.id] for chunk in step.decodes]
        found: list[list[int]] = [[] for _ in chunks]
        for ahead in range(step.passes):
            logits = self._pass(chunks, tokens, ahead)
            chosen = logits.argmax(-1).where(torch.isfinite(logits.amax(-1)), NOT_FINITE)
            behind = chosen.clamp(min=0)
            if drawing is not None:
                drawing(logits, behind)
            tokens = behind.tolist()
            for row, chunk in enumerate(chunks):
                if ahead <= chunk.further:
                    found[row].append(int(chosen[row]))
        self._left = {chunk.sequence.id: token for chunk, token in zip(step.decodes, tokens, strict=True)}
        for row, drawn in ({} if drawing is None else drawing.told()()).items():
            found[row] = drawn[: 1 + chunks[row].further]
        return lambda: found

    def _pass(self, chunks: list[PlannedChunk], tokens: list[int], ahead: int) -> torch.Tensor:
        """Logits of all rows, noughts of those that have ended before."""
        rows = [row for row, chunk in enumerate(chunks) if ahead <= chunk.further]
        going = [
            PlannedChunk(place, chunks[row].start + ahead, 1, chunks[row].blocks) for place, row in enumerate(rows)
        ]
        logits = torch.zeros(len(chunks), self._model.vocabulary)
        logits[rows] = self._launched(going, [tokens[row] for row in rows], [*range(len(rows))], [None] * len(rows))
        return logits


def told(recorder: Recorder) -> tuple[object, ...]:
    """All that may not depend on who else is there."""
    last = recorder.finish()
    events = [event for event in recorder.events if isinstance(event, TextEvent)]
    tokens = [one.chosen.token for event in (*events, last) for one in event.logprobs]
    return recorder.text, last.reason, last.error_code, last.usage.prompt_tokens, last.usage.completion_tokens, tokens


def left_over(engine: TextEngine) -> list[object]:
    """What of requests that have ended is still held."""
    blocks, grammars = engine._blocks, engine._openings._grammars
    users = [ticket for tickets in engine._adapters._users.values() for ticket in tickets if not ticket.finished]
    return [
        blocks.total - blocks.available, sum(blocks._holders), len(engine._completions), engine.running, engine.waiting,
        len(engine._openings), grammars.open, len(engine._adapters), len(users),
    ]  # fmt: skip


def submit_all(engine: EngineThread, requests: list[GenerationRequest]) -> dict[str, Recorder]:
    recorders = {request.id: Recorder(request.id) for request in requests}
    for request in requests:
        engine.submit(request, recorders[request.id])
    return recorders


@pytest.mark.parametrize("seed", range(max(1, EXAMPLES // 100)))
@pytest.mark.parametrize("family", FAMILIES)
def test_in_a_crowd_it_is_told_what_it_is_told_alone(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, family: str, seed: int
) -> None:
    generator = random.Random(f"{family} {seed}")
    # The same for both: a draw as close as the last digits of another's logits would come once in some hundred runs.
    attention = "auto" if family == "DeepseekV3" else "native"
    beginnings = [[generator.randrange(5, 260) for _ in range(length)] for length in (20, 48, 80)]
    requests = [some_request(generator, number, family, beginnings) for number in range(24)]
    with started_engines(max_context=CONTEXT) as start:
        alone = start(folders, max_sequences=1, attention=attention, prefix_cache=False, speculate=False)
        expected = {id_: told(recorder) for id_, recorder in submit_all(alone, requests).items()}

        blocks_for = engine.text.engine.blocks_for
        few = BLOCKS + generator.choice([0, 0, 2])
        monkeypatch.setattr(engine.text.engine, "blocks_for", lambda *given: min(few, blocks_for(*given)))
        monkeypatch.setattr("engine.text.runner.Runner", generator.choice([Runner, Onwards]))
        crowd = start(
            folders, attention=attention, max_sequences=generator.choice([3, 6]),
            tell_seconds=generator.choice([0, 0.02]), prefill_tokens=generator.choice([7, 16, 256]),
            max_adapters=generator.choice([1, 2]), residency_patience_seconds=0.05, stall_factor=math.inf,
        )  # fmt: skip
        whole = submit_all(crowd, requests)
        limits = [generator.choice([None, 0.05, 0.5]) for _ in requests[::4]]
        ending = [
            replace(request, id=f"{request.id} again", deadline_seconds=limit)
            for request, limit in zip(requests[::4], limits, strict=True)
        ]
        cut = submit_all(crowd, ending)
        for request in ending:
            if request.deadline_seconds is None:
                time.sleep(generator.choice([0, 0.01, 0.05]))
                crowd.cancel(request.id)
        for id_, recorder in whole.items():
            assert told(recorder) == expected[id_], requests[list(whole).index(id_)]
        for id_, recorder in cut.items():
            last, right = recorder.finish(), expected[id_.removesuffix(" again")]
            assert str(right[0]).startswith(recorder.text.rstrip("\ufffd"))
            early = last.reason is FinishReason.CANCELLED or last.error_code in ("deadline", "overloaded")
            assert early or told(recorder) == right
        made = sum(recorder.finish().usage.completion_tokens for recorder in (*whole.values(), *cut.values()))
        assert crowd.metrics().completion_tokens == made
        (text_engine,) = crowd._residency.engines.values()
        assert isinstance(text_engine, TextEngine)
        crowd.stop(drain_seconds=10)
        assert not any(left_over(text_engine))
        assert crowd.metrics().isolated_steps == 0
        assert crowd.metrics().preemptions > 0
