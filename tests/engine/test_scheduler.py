"""What the scheduler and its blocks promise, under any order of arrivals, cancellations and failures. No torch."""

from __future__ import annotations

import os

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.text.block_manager import BlockManager
from engine.text.drafting import AWAKE, MOST, Drafter, confirmed
from engine.text.scheduler import DRAFT_ROWS, Chunk, Scheduler, Step
from engine.text.sequence import Sequence

MAX_SEQUENCES = 4
PREFILL_TOKENS = 8
BLOCK = 4
EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "100"))
LONGEST = 28
"""Tokens of the longest sequence; the smallest cache below just holds one."""

Cell = tuple[str, tuple[int, ...]] | None
"""What a place of the cache holds: the namespace and all tokens up to its own, for keys depend on all of them."""


class SchedulerMachine(RuleBasedStateMachine):
    @initialize(blocks=st.integers(LONGEST // BLOCK, 24), prefix_cache=st.booleans())
    def begin(self, blocks: int, prefix_cache: bool) -> None:
        self.blocks = BlockManager(blocks, BLOCK, prefix_cache=prefix_cache)
        self.scheduler = Scheduler(MAX_SEQUENCES, self.blocks)
        self.cells: list[list[Cell]] = [[None] * BLOCK for _ in range(blocks)]
        self.live: dict[str, Sequence] = {}
        self.limits: dict[str, int] = {}
        self.admitted: list[str] = []
        self.count = 0
        self.now = 0.0
        self.behind: tuple[Step, list[int]] | None = None
        """A step that was begun before it was known what came of the last one, and what the device chose in it."""

    @rule(
        prompt=st.lists(st.integers(0, 1), min_size=1, max_size=20),
        wanted=st.integers(1, 12),
        user=st.sampled_from("ab"),
        namespace=st.sampled_from("xy"),
        priority=st.integers(0, 1),
        drafts=st.sampled_from([False, False, True]),
        goes_on=st.sampled_from([True, True, True, False]),
    )
    def arrive(
        self, prompt: list[int], wanted: int, user: str, namespace: str, priority: int, drafts: bool, goes_on: bool
    ) -> None:
        self.count += 1
        sequence = Sequence(f"s{self.count}", list(prompt), user, priority, namespace, self.now)
        self.live[sequence.id] = sequence
        self.limits[sequence.id] = sequence.last_token = min(len(prompt) + wanted, LONGEST)
        sequence.goes_on = goes_on
        if drafts:
            sequence.drafter = Drafter(sequence.tokens, self.limits[sequence.id])
        self.scheduler.add(sequence)

    @precondition(lambda self: self.live)
    @rule(which=st.integers(0, 1000), forget=st.booleans())
    def cancel(self, which: int, forget: bool) -> None:
        self._leave(list(self.live.values())[which % len(self.live)], forget=forget)

    @rule(
        fails=st.integers(0, 30),
        budget=st.integers(1, PREFILL_TOKENS),
        choices=st.lists(st.integers(0, 1), min_size=1 + MOST, max_size=1 + MOST),
        passes=st.integers(1, 1 + MOST),
        ends=st.integers(1, 3 * MOST),
        follows=st.booleans(),
    )
    def step(
        self, fails: int, budget: int, choices: list[int], passes: int = 1, ends: int = 99, follows: bool = False
    ) -> None:
        """passes: at most. ends: what came behind so many of them doesn't count. follows: the next step is begun before
        it is known what comes of this one."""
        self.now += 0.1
        if self.behind is None:
            before = {one.id for one in self.live.values() if one.running}
            step = self.scheduler.schedule(budget, self.now, passes)
            if step is None:
                assert not self.live
                return
            self._check(step, budget, before)
            assert step.passes <= passes
            self._compute(step, choices)
        else:
            step, choices = self.behind
        self.behind = self._begun_behind(step, choices, passes) if follows else None
        chunks = [one for one in step.chunks if one.sequence.id in self.live and one.start == one.sequence.cached]
        for chunk in chunks:
            stand = confirmed(chunk.draft, choices[: 1 + len(chunk.draft)]) if chunk.samples else []
            self.scheduler.advance(chunk, choices[: 1 + chunk.further][:ends] if chunk.further else stand)
        for number, chunk in enumerate(chunks):
            sequence = chunk.sequence
            assert len(sequence.tokens) <= self.limits[sequence.id]
            if number == fails or len(sequence.tokens) >= self.limits[sequence.id]:
                self._leave(sequence, forget=number == fails)

    @rule(
        steps=st.integers(2, 6),
        choices=st.lists(st.integers(0, 1), min_size=1 + MOST, max_size=1 + MOST),
        passes=st.integers(1, 4),
        ends=st.integers(1, MOST),
    )
    def run_ahead(self, steps: int, choices: list[int], passes: int, ends: int) -> None:
        for number in range(steps):
            self.step(99, PREFILL_TOKENS, choices, passes, ends if number == steps - 1 else 99, follows=True)

    def _begun_behind(self, step: Step, choices: list[int], passes: int) -> tuple[Step, list[int]] | None:
        behind = self.scheduler.follow(step, passes)
        if behind is None:
            return None
        assert behind.passes <= passes
        assert not step.prefills
        assert not behind.prefills
        assert not self.scheduler.waiting
        chosen = {chunk.sequence: choices[: 1 + chunk.further] for chunk in step.decodes}
        for chunk in behind.decodes:
            room = min(chunk.sequence.last_token, len(chunk.sequence.blocks) * BLOCK)
            assert len(chosen[chunk.sequence]) == step.passes, "a row leaves its last token with the last pass only"
            assert len(chunk.sequence.tokens) + len(chosen[chunk.sequence]) == chunk.end
            assert chunk.end + chunk.further <= room
        others = choices[1:] + choices[:1]
        self._compute(behind, others, chosen)
        return behind, others

    def _leave(self, sequence: Sequence, *, forget: bool = False) -> None:
        self.scheduler.remove(sequence, forget=forget)
        del self.live[sequence.id]
        assert not sequence.running
        assert not sequence.blocks

    def _check(self, step: Step, budget: int, before: set[str]) -> None:
        names = [chunk.sequence.id for chunk in step.chunks]
        assert len(set(names)) == len(names)
        assert all(chunk.count > 0 and chunk.start == chunk.sequence.cached for chunk in step.chunks)
        assert sum(chunk.count for chunk in step.prefills) <= budget
        assert step.tokens == sum(len(chunk.tokens) for chunk in step.chunks) > 0
        assert all(chunk.count == 1 for chunk in step.decodes)
        # Guesses only in small steps without prompts, and never at the cost of somebody's next token.
        if any(chunk.draft for chunk in step.chunks):
            assert not step.prefills
            assert step.tokens <= DRAFT_ROWS
        # Several passes only of decodes that need nobody to look, as far as they may go and have blocks.
        for chunk in step.chunks:
            assert len(chunk.sequence.tokens) + chunk.further <= min(
                chunk.sequence.last_token, len(chunk.sequence.blocks) * BLOCK
            )
        if step.passes > 1:
            assert not step.prefills
            assert all(chunk.goes_on for chunk in step.decodes)
        running = {one.id for one in self.live.values() if one.running}
        assert running == before - {one.id for one in step.preempted} | {one.id for one in step.admitted}
        assert not (step.preempted and step.admitted)
        # Nobody who decodes is ever left out, and some prompt goes on while there are any.
        assert {one for one in running if self.live[one].uncached == 1} <= set(names)
        assert step.prefills or all(self.live[one].uncached == 1 for one in running)

    def _compute(self, step: Step, choices: list[int], untold: dict[Sequence, list[int]] | None = None) -> None:
        """What the runner does: every token must find all earlier ones of its own text, as they were computed. Those of
        a guess are written too, and stay behind where it was wrong; as do those of further passes behind an end.

        untold: what was chosen for each in the step before, where nobody knows yet."""
        for chunk in step.chunks:
            sequence = chunk.sequence
            known = [*sequence.tokens, *(untold or {}).get(sequence, [])]
            text = (*known[: chunk.end], *chunk.draft, *choices[: chunk.further])
            for place in range(len(text)):
                block, offset = sequence.blocks[place // BLOCK], place % BLOCK
                content = (sequence.namespace, text[: place + 1])
                if place < chunk.start:
                    assert self.cells[block][offset] == content, "its past was overwritten, or is somebody else's"
                else:
                    self.cells[block][offset] = content

    @invariant()
    def no_block_is_lost_or_held_twice(self) -> None:
        held = [block for one in self.live.values() for block in one.blocks]
        for block in range(self.blocks.total):
            assert self.blocks._holders[block] == held.count(block)
        assert self.blocks.available == self.blocks.total - len(set(held))
        assert all(len(set(one.blocks)) == len(one.blocks) for one in self.live.values())

    @invariant()
    def only_full_blocks_are_shared(self) -> None:
        full = {block for one in self.live.values() for block in one.blocks[: one.cached // BLOCK]}
        held = [block for one in self.live.values() for block in one.blocks]
        assert all(block in full for block in held if held.count(block) > 1)

    @invariant()
    def named_blocks_hold_what_their_names_say(self) -> None:
        """Above all, nothing of a guess that was wrong."""
        for one in self.live.values():
            for number, name in enumerate(one.chain):
                block = self.blocks._named.get(name)
                if block is not None:
                    text = tuple(one.tokens[: (number + 1) * BLOCK])
                    assert self.cells[block][-1] == (one.namespace, text)

    @invariant()
    def running_and_waiting_are_everybody(self) -> None:
        assert self.scheduler.running == sum(one.running for one in self.live.values()) <= MAX_SEQUENCES
        assert self.scheduler.waiting == len(self.live) - self.scheduler.running

    def teardown(self) -> None:
        """Everything finishes, though each preemption costs its sequence's work again."""
        if not hasattr(self, "live"):
            return
        limit = 10 + len(self.live) * sum(self.limits[one] for one in self.live)
        for _ in range(limit):
            if not self.live:
                break
            self.step(fails=99, budget=PREFILL_TOKENS, choices=[0] * (1 + MOST))
        assert not self.live
        assert self.blocks.available == self.blocks.total


TestScheduler = SchedulerMachine.TestCase
TestScheduler.settings = settings(max_examples=EXAMPLES, stateful_step_count=50, deadline=None)


def run(scheduler: Scheduler, budget: int = PREFILL_TOKENS, now: float = 0.0) -> Step:
    """One step, computed; each sample is token 0."""
    step = scheduler.schedule(budget, now)
    assert step is not None
    for chunk in step.chunks:
        scheduler.advance(chunk, [0] if chunk.samples else [])
    return step


def read(scheduler: Scheduler, *sequences: Sequence) -> None:
    """Add them, and step until their prompts are read."""
    for sequence in sequences:
        scheduler.add(sequence)
    while any(not sequence.completion_tokens for sequence in sequences):
        run(scheduler)


def test_a_long_prompt_does_not_stall_the_others() -> None:
    scheduler = Scheduler(2, BlockManager(64, BLOCK))
    short, long = Sequence("short", [1]), Sequence("long", [0] * 80)
    scheduler.add(short)
    scheduler.add(long)
    steps = 0
    while not long.completion_tokens:
        step = run(scheduler)
        steps += 1
        assert step.tokens <= PREFILL_TOKENS + 1
        assert short.completion_tokens == steps
    assert steps == 10


def test_a_short_prompt_does_not_wait_until_a_long_one_is_read() -> None:
    scheduler = Scheduler(3, BlockManager(128, BLOCK))
    read(scheduler, Sequence("writer", [1]))
    long, short = Sequence("long", [2] * 300, "greedy"), Sequence("short", [3] * 10, "newcomer")
    scheduler.add(long)
    run(scheduler)
    scheduler.add(short)
    steps = 0
    while not short.completion_tokens:
        before = long.cached
        run(scheduler)
        steps += 1
        assert long.cached - before >= PREFILL_TOKENS // 2
    assert steps == 3


def test_short_prompts_in_a_row_hold_a_long_one_up_by_half_at_most() -> None:
    scheduler = Scheduler(4, BlockManager(64, BLOCK, prefix_cache=False))
    long, shorts, steps = Sequence("long", [2] * 80, "patient"), list[Sequence](), 0
    scheduler.add(long)
    while not long.completion_tokens:
        while len(shorts) < 3:
            shorts.append(Sequence(f"short{steps}", [3] * 8, "many"))
            scheduler.add(shorts[-1])
        run(scheduler)
        steps += 1
        for done in [one for one in shorts if one.completion_tokens]:
            scheduler.remove(done)
            shorts.remove(done)
    assert steps <= 2 * 80 / PREFILL_TOKENS


def first_tokens(scheduler: Scheduler, sequences: list[Sequence]) -> list[str]:
    """The names in the order in which their prompts are read."""
    order: list[str] = []
    for sequence in sequences:
        scheduler.add(sequence)
    while len(order) < len(sequences):
        run(scheduler)
        order += [one.id for one in sequences if one.completion_tokens and one.id not in order]
    return order


def test_prompts_are_read_one_by_one_in_the_order_of_fair_shares() -> None:
    scheduler = Scheduler(4, BlockManager(128, BLOCK))
    many = [Sequence(f"many{number}", [number] * 32, "many") for number in range(3)]
    assert first_tokens(scheduler, [*many, Sequence("one", [9] * 32, "one")]) == ["many0", "one", "many1", "many2"]


def test_who_is_urgent_is_read_beside_the_first_before_shorter_ones() -> None:
    scheduler = Scheduler(4, BlockManager(128, BLOCK))
    long, short = Sequence("long", [1] * 200), Sequence("short", [2] * 12)
    scheduler.add(long)
    run(scheduler)
    assert first_tokens(scheduler, [short, Sequence("urgent", [3] * 20, priority=1)]) == ["urgent", "short"]


def test_equal_beginnings_that_come_together_are_computed_once() -> None:
    scheduler = Scheduler(4, BlockManager(64, BLOCK))
    texts = [[1] * 40 + [2 + number] * (8 - 2 * number) for number in range(4)]
    sequences = [Sequence(f"s{number}", text) for number, text in enumerate(texts)]
    for sequence in sequences:
        scheduler.add(sequence)
    while any(not one.completion_tokens for one in sequences):
        run(scheduler)
    assert scheduler.take_hits() == 3 * 40


def test_who_waits_for_a_beginning_takes_no_blocks_meanwhile() -> None:
    blocks = BlockManager(64, BLOCK)
    scheduler = Scheduler(8, blocks)
    old = Sequence("old", [7] * 100)
    read(scheduler, old)
    scheduler.remove(old)
    together = [Sequence(f"s{number}", [1] * 80 + [2 + number] * 5) for number in range(6)]
    first_tokens(scheduler, together)
    for sequence in together:
        scheduler.remove(sequence)
    scheduler.take_hits()
    read(scheduler, Sequence("again", [7] * 100))
    assert scheduler.take_hits() >= 80, (
        "what somebody may ask again was not thrown away for blocks that were given back"
    )


def test_an_equal_beginning_is_computed_once_for_one_tenant_only() -> None:
    blocks = BlockManager(64, BLOCK)
    scheduler = Scheduler(4, blocks)
    prompt = list(range(30))
    read(scheduler, Sequence("first", prompt[:], namespace="team"))
    again, longer = Sequence("again", prompt[:], namespace="team"), Sequence("longer", [*prompt, 9], namespace="team")
    other = Sequence("other", prompt[:], namespace="others")
    for sequence in (again, longer, other):
        scheduler.add(sequence)
    step = scheduler.schedule(100, 0)
    assert step is not None
    assert {chunk.sequence.id: chunk.start for chunk in step.prefills} == {"again": 28, "longer": 28, "other": 0}
    assert scheduler.take_hits() == 56
    assert again.blocks[:7] == longer.blocks[:7]


def test_a_prompt_known_to_its_end_still_computes_its_last_token() -> None:
    scheduler = Scheduler(2, BlockManager(16, BLOCK))
    read(scheduler, Sequence("first", [1] * 8))
    twin = Sequence("twin", [1] * 8)
    scheduler.add(twin)
    run(scheduler)
    assert twin.completion_tokens == 1
    assert scheduler.take_hits() == 4


def test_what_is_to_be_forgotten_is_not_found() -> None:
    scheduler = Scheduler(2, BlockManager(16, BLOCK))
    broken = Sequence("broken", [1] * 9)
    read(scheduler, broken)
    scheduler.remove(broken, forget=True)
    read(scheduler, Sequence("next", [1] * 9))
    assert scheduler.take_hits() == 0


def test_the_longest_unused_blocks_make_room_first() -> None:
    scheduler = Scheduler(1, BlockManager(6, BLOCK))
    for name, token in (("old", 1), ("new", 2)):
        sequence = Sequence(name, [token] * 9)
        read(scheduler, sequence)
        scheduler.remove(sequence)
    third = Sequence("third", [3] * 12)  # needs four blocks: the two never named ones and two of the old text
    read(scheduler, third)
    scheduler.remove(third)
    read(scheduler, Sequence("new again", [2] * 9))
    assert scheduler.take_hits() == 8


def test_without_blocks_the_last_admitted_is_computed_again_later() -> None:
    scheduler = Scheduler(2, BlockManager(7, BLOCK, prefix_cache=False))
    first, second = Sequence("first", [1] * 8), Sequence("second", [2] * 8)
    read(scheduler, first, second)
    preempted: list[str] = []
    while len(first.tokens) < 24:
        preempted += [one.id for one in run(scheduler).preempted]
    assert preempted == ["second"]
    assert second.cached == 0
    known = list(second.tokens)
    scheduler.remove(first)
    run(scheduler, 100)
    assert second.tokens[:-1] == known


def test_who_needs_many_blocks_is_not_passed_by_those_who_need_few() -> None:
    scheduler = Scheduler(4, BlockManager(8, BLOCK, prefix_cache=False))
    holder, large = Sequence("holder", [1] * 12, "holder"), Sequence("large", [2] * 24, "patient")
    read(scheduler, holder)
    scheduler.add(large)
    small = [Sequence(f"small{number}", [3], "others") for number in range(3)]
    for sequence in small:
        scheduler.add(sequence)
    assert run(scheduler).admitted == []
    scheduler.remove(holder)
    assert run(scheduler).admitted[0] is large


def test_a_newcomer_leaves_a_block_for_everybody_who_runs() -> None:
    scheduler = Scheduler(2, BlockManager(6, BLOCK, prefix_cache=False))
    first = Sequence("first", [1] * 11)
    read(scheduler, first)
    scheduler.add(Sequence("second", [2] * 12))  # three of the three blocks that are left
    assert run(scheduler).admitted == []


def turns(scheduler: Scheduler, count: int, now: float = 0.0) -> list[str]:
    """The users of the next sequences that get the only place; each is done after its first token."""
    order = []
    for _ in range(count):
        step = run(scheduler, 100, now)
        order.append(step.chunks[0].sequence.user)
        scheduler.remove(step.chunks[0].sequence)
    return order


def test_turns_go_by_the_tokens_that_each_user_cost_not_by_requests() -> None:
    scheduler = Scheduler(1, BlockManager(64, BLOCK, prefix_cache=False))
    for number in range(8):
        scheduler.add(Sequence(f"many{number}", [1] * 10, "many"))
    for number in range(2):
        scheduler.add(Sequence(f"long{number}", [2] * 40, "long"))
    assert turns(scheduler, 7) == ["many", "long", "many", "many", "many", "many", "long"]


def test_a_pause_saves_up_no_turns() -> None:
    scheduler = Scheduler(1, BlockManager(64, BLOCK, prefix_cache=False))
    for number in range(6):
        scheduler.add(Sequence(f"steady{number}", [1] * 10, "steady"))
    turns(scheduler, 3)
    for number in range(3):
        scheduler.add(Sequence(f"back{number}", [1] * 10, "back"))
    assert sorted(turns(scheduler, 4)[:2]) == ["back", "steady"]


def test_what_somebody_used_is_remembered_while_they_are_away() -> None:
    scheduler = Scheduler(1, BlockManager(64, BLOCK, prefix_cache=False))
    scheduler.add(Sequence("much", [1] * 40, "greedy"))
    turns(scheduler, 1)
    for number in range(3):
        scheduler.add(Sequence(f"modest{number}", [1] * 10, "modest"))
    turns(scheduler, 1)
    scheduler.add(Sequence("more", [1] * 10, "greedy"))
    assert turns(scheduler, 3) == ["modest", "modest", "greedy"]


def test_waiting_makes_up_for_use_and_for_priority() -> None:
    scheduler = Scheduler(1, BlockManager(64, BLOCK))
    scheduler.add(Sequence("humble", [1], "a", arrived=0.0))
    scheduler.add(Sequence("urgent", [1], "b", priority=1, arrived=60.0))
    assert turns(scheduler, 1, now=60.0) == ["b"]
    scheduler.add(Sequence("urgent too", [1], "b", priority=1, arrived=200.0))
    assert turns(scheduler, 1, now=200.0) == ["a"]


def test_chunks_that_end_before_the_prompt_do_not_sample() -> None:
    sequence = Sequence("one", [1, 2, 3])
    assert not Chunk(sequence, 0, 2).samples
    assert Chunk(sequence, 2, 1).samples


def decoding(scheduler: Scheduler, **drafters: Drafter) -> list[Sequence]:
    sequences = [Sequence(name, [1, 2, 3], goes_on=True, last_token=40) for name in ("one", "two")]
    read(scheduler, *sequences)
    for sequence in sequences:
        sequence.drafter = drafters.get(sequence.id)
    return sequences


def further(scheduler: Scheduler, passes: int) -> list[int]:
    step = scheduler.schedule(PREFILL_TOKENS, 0, passes)
    assert step is not None
    return [chunk.further for chunk in step.chunks]


def test_several_passes_while_nothing_needs_a_look() -> None:
    scheduler = Scheduler(3, BlockManager(64, BLOCK))
    one, two = decoding(scheduler)
    assert further(scheduler, 6) == [5, 5]
    one.last_token = len(one.tokens) + 3
    assert further(scheduler, 6) == [2, 5], "it ends before the others"
    two.goes_on = False
    assert further(scheduler, 6) == [0, 0]
    two.goes_on, two.looks = True, 1
    assert further(scheduler, 6) == [0, 0]
    two.looks = 0
    scheduler.add(Sequence("new", [1] * 30))
    assert further(scheduler, 6) == [0, 0, 0], "a prompt is read"


def behind(scheduler: Scheduler, step: Step, passes: int = 4) -> list[tuple[str, int, int]] | None:
    following = scheduler.follow(step, passes)
    return following and [(one.sequence.id, one.start, one.further) for one in following.chunks]


def test_the_next_passes_are_known_before_what_comes_of_these() -> None:
    scheduler = Scheduler(3, BlockManager(64, BLOCK))
    one, two = decoding(scheduler)
    known = len(one.tokens)
    step = scheduler.schedule(PREFILL_TOKENS, 0, 4)
    assert step is not None
    assert behind(scheduler, step) == [("one", known + 3, 3), ("two", known + 3, 3)]
    one.last_token = known + 6
    assert behind(scheduler, step) == [("one", known + 3, 1), ("two", known + 3, 3)], "it ends with the next passes"
    one.last_token = known + 4
    assert behind(scheduler, step) == [("two", known + 3, 3)], "it ends with these"
    scheduler.remove(one)
    assert behind(scheduler, step) == [("two", known + 3, 3)]
    two.cached += 1
    assert behind(scheduler, step) is None, "not all stood of what these followed"
    two.cached -= 1
    scheduler.add(Sequence("new", [1]))
    assert behind(scheduler, step) is None, "somebody waits"


def test_the_next_passes_wait_for_these_where_blocks_are_short_or_somebody_must_look() -> None:
    scheduler = Scheduler(2, BlockManager(6, BLOCK))
    one, two = decoding(scheduler)
    step = scheduler.schedule(PREFILL_TOKENS, 0, 1)
    assert step is not None
    one.looks = 1
    assert behind(scheduler, step) is None
    one.looks, one.drafter = 0, Drafter([1, 2, 3], 40)
    assert behind(scheduler, step) is None, "guesses take known tokens"
    one.drafter = None
    while (following := scheduler.follow(step, 1)) is not None:
        for chunk in step.chunks:
            scheduler.advance(chunk, [0])
        step = following
        assert all(chunk.end <= len(chunk.sequence.blocks) * BLOCK for chunk in step.chunks)
    assert len(one.tokens) + len(two.tokens) >= 5 * BLOCK


def test_who_looks_for_guesses_is_asked_often_and_who_rests_when_it_has_rested() -> None:
    drafter = Drafter([1, 2, 3], 40)
    scheduler = Scheduler(3, BlockManager(64, BLOCK))
    decoding(scheduler, one=drafter)
    assert further(scheduler, 8) == [AWAKE, AWAKE]
    drafter._rest = 5
    step = scheduler.schedule(PREFILL_TOKENS, 0, 8)
    assert step is not None
    assert step.passes == 5  # the first of them is the one it was asked for
    for chunk in step.chunks:
        scheduler.advance(chunk, [0] * step.passes)
    assert drafter.patience == AWAKE
