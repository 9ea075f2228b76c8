"""What the scheduler promises, under any order of arrivals, cancellations and failures. No torch."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.text.scheduler import Scheduler, Step
from engine.text.sequence import Sequence

MAX_SEQUENCES, PREFILL_TOKENS = 4, 7


class SchedulerMachine(RuleBasedStateMachine):
    """Runs the scheduler beside a model of the cache: which token of which sequence lies where."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler = Scheduler(MAX_SEQUENCES, PREFILL_TOKENS)
        self.wanted: dict[str, int] = {}
        self.live: dict[str, Sequence] = {}
        self.arrivals: list[str] = []
        self.admitted: list[str] = []
        self.slots: list[list[tuple[str, int]]] = [[] for _ in range(MAX_SEQUENCES)]
        self.count = 0

    @rule(prompt=st.integers(1, 30), wanted=st.integers(1, 12))
    def arrive(self, prompt: int, wanted: int) -> None:
        self.count += 1
        sequence = Sequence(f"s{self.count}", list(range(prompt)))
        self.live[sequence.id], self.wanted[sequence.id] = sequence, wanted
        self.arrivals.append(sequence.id)
        self.scheduler.add(sequence)

    @precondition(lambda self: self.live)
    @rule(which=st.integers(0, 1000))
    def cancel(self, which: int) -> None:
        self._leave(list(self.live.values())[which % len(self.live)])

    @rule(fails=st.integers(0, 30))
    def step(self, fails: int) -> None:
        step = self.scheduler.schedule()
        if step is None:
            assert not self.live
            return
        self._check(step)
        self._compute(step)
        for chunk in step.chunks:
            self.scheduler.advance(chunk, 0 if chunk.samples else None)
        for number, chunk in enumerate(step.chunks):
            sequence = chunk.sequence
            if number == fails or sequence.completion_tokens >= self.wanted[sequence.id]:
                self._leave(sequence)

    def _leave(self, sequence: Sequence) -> None:
        self.scheduler.remove(sequence)
        del self.live[sequence.id]
        assert sequence.slot is None

    def _check(self, step: Step) -> None:
        slots = [chunk.slot for chunk in step.chunks]
        assert len(set(slots)) == len(slots)
        assert all(0 <= slot < MAX_SEQUENCES for slot in slots)
        assert [chunk.slot for chunk in step.decodes] == sorted(chunk.slot for chunk in step.decodes)
        assert all(chunk.count > 0 for chunk in step.chunks)
        assert sum(chunk.count for chunk in step.prefills) <= PREFILL_TOKENS
        assert step.tokens == sum(chunk.count for chunk in step.chunks) > 0
        # Nobody who decodes is ever left out, and the oldest unread prompt always goes on.
        decoding = {one.id for one in self.live.values() if one.slot is not None and one.decoding}
        assert {chunk.sequence.id for chunk in step.decodes} == decoding
        reading = [one for one in self.arrivals if one in self.live and not self.live[one].decoding]
        reading = [one for one in reading if self.live[one].slot is not None]
        assert [chunk.sequence.id for chunk in step.prefills] == reading[: len(step.prefills)]
        assert step.prefills or not reading
        self.admitted += [one.id for one in step.admitted]

    def _compute(self, step: Step) -> None:
        """What the runner does: every token must find all earlier ones of its own sequence in its slot."""
        for move in step.moves:
            self.slots[move.target] = self.slots[move.source][: move.tokens]
        for chunk in step.chunks:
            held = self.slots[chunk.slot][: chunk.start]
            assert held == [(chunk.sequence.id, place) for place in range(chunk.start)]
            self.slots[chunk.slot] = held + [(chunk.sequence.id, place) for place in range(chunk.start, chunk.end)]

    @invariant()
    def slots_are_compact(self) -> None:
        slots = sorted(one.slot for one in self.live.values() if one.slot is not None)
        assert slots == list(range(len(slots)))
        assert self.scheduler.running == len(slots)
        assert self.scheduler.waiting == len(self.live) - len(slots)

    @invariant()
    def admission_is_first_come_first_served(self) -> None:
        places = [self.arrivals.index(one) for one in self.admitted]
        assert places == sorted(places)

    def teardown(self) -> None:
        """Everything finishes, within the steps that the work needs."""
        limit = 5 + sum(len(one.tokens) + self.wanted[one.id] for one in self.live.values())
        for _ in range(limit):
            if not self.live:
                break
            self.step(fails=99)
        assert not self.live


TestScheduler = SchedulerMachine.TestCase
TestScheduler.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_a_long_prompt_does_not_stall_the_others() -> None:
    scheduler = Scheduler(2, 8)
    short, long = Sequence("short", [1]), Sequence("long", [0] * 80)
    scheduler.add(short)
    scheduler.add(long)
    steps = 0
    while not long.decoding:
        step = scheduler.schedule()
        assert step is not None
        steps += 1
        assert step.tokens <= 8 + 1
        for chunk in step.chunks:
            scheduler.advance(chunk, 0 if chunk.samples else None)
        assert short.completion_tokens == steps
    assert steps == 11
