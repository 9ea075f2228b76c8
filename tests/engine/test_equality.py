"""Greedy output equals `transformers.generate` token for token in float32, however the requests meet."""

from __future__ import annotations

import math
import random
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

from engine.config import EngineConfig
from engine.loaded import at_once
from engine.metrics import Counters
from engine.source import ModelSource
from engine.text.attention.shape import BLOCK_SIZE
from engine.text.block_manager import BlockManager
from engine.text.engine import NO_SOURCE, TextEngine
from engine.text.loader import LoadedModel, load_model
from engine.text.runner import AnyRunner, runner_of
from engine.text.scheduler import Scheduler
from engine.ticket import TextTicket
from engine.types import FinishEvent, GenerationRequest, SamplingParams
from tests.engine.device import ATTENTION, DEVICE, ON_DEVICE
from tests.engine.recorder import Recorder
from tests.engine.tiny import FAMILIES
from tests.engine.written import Written

TOKENS = 40
OF_THEIR_OWN = ("Llama", "Mistral", "DeepseekV3", "GptOss")
"""Families that attend in a way of their own; the others do as Llama's."""
MakeRunner = Callable[[LoadedModel, EngineConfig, int], AnyRunner]


def load(folder: Path, **changes: object) -> LoadedModel:
    return at_once(load_model(folder, EngineConfig(**({"dtype": "float32", "device": DEVICE} | changes))))


def generated(
    folder: Path, prompts: list[list[int]], *, ignore_eos: bool = True, tokens: int | list[int] = TOKENS
) -> list[list[int]]:
    """What transformers generates for each prompt; `tokens` at most, for all or for each of them.

    In one batch, whose rows say what each would say alone: that takes a pass for each token and not for each of all
    prompts' tokens, and the passes of such small models cost the same for one row and for ten.
    """
    lengths = [tokens] * len(prompts) if isinstance(tokens, int) else tokens
    known = _known[folder, ignore_eos]
    missing = {tuple(each) for each, length in zip(prompts, lengths, strict=True) if len(known[tuple(each)]) < length}
    if missing:
        known.update(_generated(folder, sorted(missing), ignore_eos, max(lengths)))
    return [known[tuple(prompt)][:length] for prompt, length in zip(prompts, lengths, strict=True)]


_known: dict[tuple[Path, bool], dict[tuple[int, ...], list[int]]] = defaultdict(lambda: defaultdict(list))
"""What was generated before, as long as it was."""


@lru_cache(maxsize=1)
def _oracle(folder: Path, ignore_eos: bool) -> Any:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval().to(DEVICE)
    if ignore_eos:
        model.generation_config.eos_token_id = None
    return model


def _generated(
    folder: Path, prompts: Sequence[tuple[int, ...]], ignore_eos: bool, tokens: int
) -> dict[tuple[int, ...], list[int]]:
    model, longest = _oracle(folder, ignore_eos), max(map(len, prompts))
    ids = torch.zeros(len(prompts), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :], mask[row, longest - len(prompt) :] = torch.tensor(prompt), 1
    with torch.inference_mode():
        output = model.generate(
            ids.to(DEVICE), attention_mask=mask.to(DEVICE), max_new_tokens=tokens, do_sample=False, pad_token_id=0,
            return_dict_in_generate=True, output_logits=True,
        )  # fmt: skip
    end, made = model.generation_config.eos_token_id, {}
    for row, prompt in enumerate(prompts):
        told = output.sequences[row, longest:].tolist()
        told = told[: told.index(end) + 1] if end in told else told  # padding is behind it
        logits = [each[row : row + 1] for each in output.logits[: len(told)]]
        made[prompt] = told if DEVICE == "cpu" else Written.of(told, logits)
    return made


class Bench:
    """A TextEngine stepped by hand, whose completions are looked at as tokens."""

    def __init__(
        self, model: LoadedModel, source: ModelSource = NO_SOURCE, make_runner: MakeRunner = runner_of, **settings: Any
    ) -> None:
        config = EngineConfig(**({"seed": 0, **ON_DEVICE} | settings))
        self.engine = TextEngine(model, config, Counters(), source, make_runner=make_runner)
        self.recorders: dict[str, Recorder] = {}
        self.tokens: dict[str, list[int]] = {}

    def add(self, request_id: str, prompt: list[int], params: SamplingParams, **whose: Any) -> None:
        self.recorders[request_id] = Recorder(request_id)
        request = GenerationRequest(request_id, "m", tuple(prompt), params, **whose)
        self.engine.add(TextTicket(request, self.recorders[request_id], lambda ticket: None))
        while request_id not in self.engine._completions:  # its adapter is being loaded
            assert FinishEvent not in self.recorders[request_id].kinds, self.recorders[request_id].events
            self.step()
        self.tokens[request_id] = self.engine._completions[request_id].sequence.tokens

    def step(self) -> None:
        with torch.inference_mode():
            self.engine.step()

    def run(self) -> None:
        while self.engine.busy:
            self.step()

    def completion(self, request_id: str, prompt: list[int]) -> list[int]:
        self.recorders[request_id].finish()
        return self.tokens[request_id][len(prompt) :]


def prompts_of(lengths: list[int], vocabulary: int = 260) -> list[list[int]]:
    generator = random.Random(7)
    return [[generator.randrange(5, vocabulary) for _ in range(length)] for length in lengths]


def greedy(tokens: int = TOKENS, *, ignore_eos: bool = True) -> SamplingParams:
    return SamplingParams(temperature=0, max_tokens=tokens, ignore_eos=ignore_eos)


@pytest.mark.parametrize("family", FAMILIES)
def test_alone(checkpoints: dict[str, Path], family: str) -> None:
    prompts = prompts_of([1, 3, 17, 90])
    expected = generated(checkpoints[family], prompts, tokens=24)
    model = load(checkpoints[family])
    for number, prompt in enumerate(prompts):
        bench = Bench(model, prefill_tokens=16)
        bench.add(str(number), prompt, greedy(24))
        bench.run()
        assert bench.completion(str(number), prompt) == expected[number]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(2))
def test_joining_and_leaving_at_any_step_in_any_chunks(checkpoints: dict[str, Path], family: str, seed: int) -> None:
    generator = random.Random(seed)
    prompts = prompts_of([generator.randrange(1, 70) for _ in range(10)])
    lengths = [generator.randrange(1, TOKENS) for _ in prompts]
    expected = generated(checkpoints[family], prompts, tokens=lengths)
    bench = Bench(
        load(checkpoints[family]), max_sequences=generator.randrange(2, 7), prefill_tokens=generator.randrange(1, 60)
    )
    cancelled = set()
    for number, (prompt, length) in enumerate(zip(prompts, lengths, strict=True)):
        bench.add(str(number), prompt, greedy(length))
        for _ in range(generator.randrange(6)):
            bench.step()
        if generator.random() < 0.2:
            other = str(generator.randrange(number + 1))
            bench.engine.cancel(other)
            cancelled.add(other)
    bench.run()
    for number, (prompt, length) in enumerate(zip(prompts, lengths, strict=True)):
        completion = bench.completion(str(number), prompt)
        assert completion == expected[number][: len(completion)]
        assert len(completion) == length or str(number) in cancelled


@pytest.mark.parametrize(
    ("family", "attention"),
    [
        *((family, ATTENTION) for family in FAMILIES),
        *((family, other) for family in OF_THEIR_OWN for other in ("reference", "gathered")),
    ],
)
def test_with_known_beginnings_and_too_few_blocks(checkpoints: dict[str, Path], family: str, attention: str) -> None:
    """Prompts that begin alike find each other's blocks; a cache for three of eight makes them preempt each other."""
    generator = random.Random(5)
    beginning, *rest = prompts_of([40, *(generator.randrange(1, 25) for _ in range(7))])
    prompts = [beginning, *(beginning[: generator.randrange(20, 40)] + end for end in rest)]
    expected = generated(checkpoints[family], prompts, tokens=24)
    model = load(checkpoints[family], max_context=112)
    bench = Bench(model, max_context=112, attention=attention, prefill_tokens=32, stall_factor=math.inf)
    limited = blocks_of(bench, 15)
    for number, prompt in enumerate(prompts):
        bench.add(str(number), prompt, greedy(24))
        bench.step()
    bench.run()
    for number, prompt in enumerate(prompts):
        assert bench.completion(str(number), prompt) == expected[number]
    counters = bench.engine._counters
    assert counters.prefix_hit_tokens >= 16
    assert counters.preemptions >= 1
    assert limited.available == limited.total


@pytest.mark.parametrize(("other", "equal"), [(3, True), (4, False), (7, False)])
def test_only_a_second_best_that_is_as_good_passes_on_a_gpu(other: int, equal: bool) -> None:
    logits = torch.zeros(1, 9)
    logits[0, [2, 3, 4]] = torch.tensor([5.0, 5.0 - 1e-5, 5.0 - 2e-5])
    written = Written.of([2, 2, 2], [logits, logits, logits * 100])
    assert written == [2, 2, 2]
    assert written != [2, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert ([2, other, 8] == written) is equal
        assert ([other, 8] == written[1:]) is equal
        assert [2, 2, other] != written


def blocks_of(bench: Bench, count: int) -> BlockManager:
    """Let it use so many blocks of its cache only."""
    blocks = BlockManager(count, BLOCK_SIZE)
    scheduler = Scheduler(bench.engine._config.max_sequences, blocks)
    bench.engine._scheduler = bench.engine._completions._scheduler = scheduler
    return blocks


def test_it_ends_where_generate_ends_and_with_the_same_text(checkpoints: dict[str, Path]) -> None:
    some = prompts_of([5] * 25)
    prompts = [*some[:6], some[14], some[20], some[24]]
    folder = checkpoints["Qwen2"]
    expected = generated(folder, prompts, ignore_eos=False, tokens=160)
    assert any(len(tokens) < 160 for tokens in expected)
    model = load(folder)
    bench = Bench(model, max_sequences=5)
    for number, prompt in enumerate(prompts):
        bench.add(str(number), prompt, greedy(160, ignore_eos=False))
    bench.run()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for number, (prompt, tokens) in enumerate(zip(prompts, expected, strict=True)):
        assert bench.completion(str(number), prompt) == tokens
        recorder = bench.recorders[str(number)]
        assert recorder.text == tokenizer.decode(tokens, skip_special_tokens=True)
        last: FinishEvent = recorder.finish()
        assert last.reason == ("stop" if tokens[-1] == 1 else "length")
        assert last.usage.completion_tokens == len(tokens)


@pytest.mark.model
def test_the_demo_model(demo_model: Path) -> None:
    tokenizer = Tokenizer.from_file(str(demo_model / "tokenizer.json"))
    prompts = [
        tokenizer.encode(f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n").ids
        for text in ("What is the capital of France?", "Write a haiku about rivers.", "Count: one, two,")
    ]
    expected = generated(demo_model, prompts, tokens=16)
    bench = Bench(load(demo_model), prefill_tokens=20)
    for number, prompt in enumerate(prompts):
        bench.add(str(number), prompt, greedy(16))
        bench.step()
    bench.run()
    for number, prompt in enumerate(prompts):
        assert bench.completion(str(number), prompt) == expected[number]
    assert "Paris" in bench.recorders["0"].text


def test_context_length_ends_a_completion(checkpoints: dict[str, Path]) -> None:
    model = load(checkpoints["Llama"], max_context=32)
    bench = Bench(model)
    prompt = prompts_of([20])[0]
    bench.add("one", prompt, greedy(100))
    bench.run()
    assert bench.completion("one", prompt) == generated(checkpoints["Llama"], [prompt], tokens=12)[0]
    assert bench.recorders["one"].finish().reason == "length"


def test_same_seed_same_tokens_alone_and_in_a_crowd(checkpoints: dict[str, Path]) -> None:
    model = load(checkpoints["Llama"])
    prompt, *others = prompts_of([12, 5, 30, 9])
    params = SamplingParams(temperature=0.9, top_p=0.95, seed=1234, max_tokens=30, ignore_eos=True)
    alone, crowd = Bench(model), Bench(model, prefill_tokens=7)
    alone.add("one", prompt, params)
    alone.run()
    for number, other in enumerate(others):
        crowd.add(str(number), other, SamplingParams(temperature=1.2, max_tokens=25, ignore_eos=True))
        crowd.step()
    crowd.add("one", prompt, params)
    crowd.run()
    assert crowd.completion("one", prompt) == alone.completion("one", prompt)
