"""Who computes what in the next step. Plain data, no torch: see tests/engine/test_scheduler.py for what it promises.

The rules. Every sequence whose prompt is read gets one token in every step, or several while few sequences decode, no
prompt is read and guesses of its next tokens hold (drafting.py). What is left of the step goes to prompts, in chunks.
One is read to its end with half of that at least, and then the next one in the order of their users' fair shares. The
other half goes to those of which less is left, so that a short question doesn't wait until somebody's book is read.
The step that reads a prompt's end makes its first token. Who begins as another one does waits until that one's blocks
are there, and adopts them. A step that only decodes may make several passes, where all of its sequences go on without
anybody looking.

Waiting sequences are admitted in the order of their users' fair shares while there is a place and the blocks for
their whole prompt; the first in line is never passed by one that needs less.

When a decoding sequence needs a block and none is left, the last admitted one is preempted: it gives its blocks back
and goes to the front of the line, to be computed again later from what the prefix cache still has. The first admitted
is never preempted for another, so something always finishes. Admission leaves a block for each running sequence, or
the newcomer would be the next to be preempted.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Several
from dataclasses import dataclass, field
from heapq import heapify, heappop

from engine.fair_share import FairShare
from engine.text.block_manager import BlockManager
from engine.text.sequence import Sequence

DRAFT_ROWS = 8
"""Tokens of a step in which guesses are computed: so many cost 1.4 times as much as one (docs/decisions/0016)."""


@dataclass(slots=True)
class Chunk:
    """Compute the tokens `start … start+count-1` of a sequence, and behind them those of a guess.

    Not frozen, which would take three times as long to make: there are hundreds in a step.
    """

    sequence: Sequence
    start: int
    count: int
    draft: tuple[int, ...] = ()
    further: int = 0
    """So many tokens may follow the next one before anybody looks, each by a pass of its own."""

    @property
    def end(self) -> int:
        """Of the tokens that are known."""
        return self.start + self.count

    @property
    def rows(self) -> int:
        return self.count + len(self.draft)

    @property
    def goes_on(self) -> bool:
        """Whether the device may choose the next token, and those behind it."""
        return self.sequence.goes_on and not self.sequence.looks and not self.draft

    @property
    def tokens(self) -> list[int]:
        return [*self.sequence.tokens[self.start : self.end], *self.draft]

    @property
    def samples(self) -> bool:
        """It reaches the last known token, so the next one can be chosen."""
        return self.end == len(self.sequence.tokens)


@dataclass(frozen=True, slots=True)
class Step:
    """One forward pass, or several with the same sequences."""

    decodes: list[Chunk] = field(default_factory=list)
    """One known token each."""
    prefills: list[Chunk] = field(default_factory=list)
    admitted: list[Sequence] = field(default_factory=list)
    preempted: list[Sequence] = field(default_factory=list)

    @property
    def chunks(self) -> list[Chunk]:
        return self.decodes + self.prefills

    @property
    def passes(self) -> int:
        return 1 + max((chunk.further for chunk in self.decodes), default=0)

    @property
    def tokens(self) -> int:
        return sum(chunk.rows for chunk in self.chunks)

    def alone(self) -> Iterator[Step]:
        """The same work one sequence at a time: to find out which of them makes the step fail."""
        for chunk in self.decodes:
            yield Step(decodes=[chunk])
        for chunk in self.prefills:
            yield Step(prefills=[chunk])


class Scheduler:
    """`add`, then again and again `schedule`, or `follow` behind a step that isn't done yet, and `advance`; `remove`
    when a sequence is done or cancelled.

    `blocks` must hold the longest sequence that is ever added.
    """

    def __init__(self, max_sequences: int, blocks: BlockManager) -> None:
        self._max_sequences = max_sequences
        self._blocks = blocks
        self._shares = FairShare()
        self._waiting: list[Sequence] = []
        self._preempted: list[Sequence] = []
        """Before all others in the line; the one admitted first is the first."""
        self._running: list[Sequence] = []
        """In the order of admission."""
        self._read: Sequence | None = None
        self._hit_tokens = 0

    @property
    def waiting(self) -> int:
        return len(self._waiting) + len(self._preempted)

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def decoding(self) -> int:
        """How many sequences get a token in the next step."""
        return sum(sequence.uncached == 1 for sequence in self._running)

    @property
    def ahead(self) -> tuple[list[Sequence], list[Sequence]]:
        """Those that run, and those that wait: all that a new sequence would find here."""
        return list(self._running), [*self._preempted, *self._waiting]

    def add(self, sequence: Sequence) -> None:
        """Take a new sequence of at least one token."""
        self._shares.arrive(sequence)
        self._waiting.append(sequence)

    def remove(self, sequence: Sequence, *, forget: bool = False) -> None:
        """Take a sequence out, wherever it is. `forget`: what it computed isn't to be trusted.

        Raises ValueError if it isn't here.
        """
        line = self._running if sequence.running else self._preempted if sequence in self._preempted else self._waiting
        line.remove(sequence)
        sequence.running = False
        self._blocks.release(sequence, forget=forget)
        self._shares.leave(sequence)

    def schedule(self, prefill_tokens: int, now: float, passes: int = 1) -> Step | None:
        """The next step, with at most so many tokens of prompts and so many passes; None when there is nothing to do.

        now: in seconds, of the clock that `Sequence.arrived` is on. Every step must be run or its sequences removed.
        """
        preempted = self._make_room()
        admitted = [] if preempted else self._admit(now)
        if not self._running:
            return None
        prefills = self._chunk_prompts(prefill_tokens, now)
        return Step(self._chunk_decodes(0 if prefills else passes), prefills, admitted, preempted)

    def follow(self, step: Step, passes: int) -> Step | None:
        """The passes behind a step's own, at most so many, before anybody knows which tokens that chose: as if all of
        them stood. None where it must be waited for: somebody else's turn comes, or blocks are short.

        It may be left out. Where its chunks don't begin where their sequences stand in the end, what they compute
        doesn't count.
        """
        stay = [chunk for chunk in step.decodes if chunk.sequence.running]
        if not stay or self.waiting or len(stay) < len(self._running):
            return None
        if not all(chunk.goes_on and chunk.start == chunk.sequence.cached for chunk in stay):
            return None
        if _most_guesses(len(stay)) > 0 and any(chunk.sequence.drafter is not None for chunk in stay):
            return None  # guesses take known tokens
        following = []
        for chunk in stay:
            sequence, known = chunk.sequence, chunk.end + chunk.further + 1
            left = sequence.last_token - known
            if left > 0:  # else it ends with the step
                # In passes behind its own a row leaves some other token.
                if chunk.further < step.passes - 1 or not self._blocks.grow(sequence, known):
                    return None
                following.append(Chunk(sequence, known - 1, 1))
                following[-1].further = self._room(sequence, known, min(passes, left) - 1)
        return Step(following) if following else None

    def advance(self, chunk: Chunk, tokens: Several[int] = ()) -> None:
        """`chunk` was computed; `tokens` were chosen after it, if it samples: one, and one more for each token of its
        draft that they confirm, or for each further pass. What was computed behind them is overwritten in the next
        step."""
        sequence, accepted = chunk.sequence, max(0, len(tokens) - 1)
        sequence.tokens += tokens
        sequence.cached = chunk.end + accepted
        self._shares.charge(sequence, chunk.count + accepted)
        self._blocks.seal(sequence)
        if sequence.drafter is not None:
            sequence.drafter.verified(len(chunk.draft), accepted)

    def take_hits(self) -> int:
        """Tokens that were found in the cache instead of being computed, since this was last asked."""
        hits, self._hit_tokens = self._hit_tokens, 0
        return hits

    def _make_room(self) -> list[Sequence]:
        """A block for the next token of each decoding sequence; those preempted for it."""
        preempted = []
        for sequence in list(self._running):
            while sequence.running and not self._blocks.grow(sequence, len(sequence.tokens)):
                victim = self._running.pop()
                victim.running = False
                self._blocks.release(victim)
                self._preempted.insert(0, victim)
                preempted.append(victim)
        return preempted

    def _admit(self, now: float) -> list[Sequence]:
        """As many as there are places for. Who begins as the one that is read now keeps waiting: it would take blocks
        only to give them back when it adopts that one's."""
        admitted: list[Sequence] = []
        line = self._in_line(now)
        while len(self._running) < self._max_sequences and (sequence := next(line, None)) is not None:
            reading = self._reading(now)
            if reading is not None and self._blocks.follows(sequence, reading):
                if self._preempted:  # nobody passes these
                    break
                continue
            if not self._place(sequence):
                break
            (self._preempted or self._waiting).remove(sequence)
            self._running.append(sequence)
            sequence.running = True
            self._hit_tokens += sequence.cached
            admitted.append(sequence)
        return admitted

    def _in_line(self, now: float) -> Iterator[Sequence]:
        """Those that wait, as they are to be admitted: sorted only as far as is asked."""
        yield from list(self._preempted)
        line = [(self._shares.rank(one, now), number, one) for number, one in enumerate(self._waiting)]
        heapify(line)
        while line:
            yield heappop(line)[2]

    def _reading(self, now: float) -> Sequence | None:
        """Whose prompt has at least half of what a step reads: one to its end, then the next by fair share."""
        if self._read is None or not self._read.running or self._read.uncached <= 1:
            unread = [one for one in self._running if one.uncached > 1]
            self._read = self._first(unread, now) if unread else None
        return self._read

    def _first(self, line: list[Sequence], now: float) -> Sequence:
        return min(line, key=lambda one: self._shares.rank(one, now))

    def _place(self, sequence: Sequence) -> bool:
        """Give it the blocks of its known prefix and of its whole prompt, if enough are left then for the others."""
        self._blocks.adopt(sequence)
        if self._blocks.grow(sequence, len(sequence.tokens)) and self._blocks.available >= len(self._running):
            return True
        self._blocks.release(sequence)
        return False

    def _chunk_decodes(self, passes: int) -> list[Chunk]:
        """passes: at most; 0 where prompts are read beside them."""
        sequences = [one for one in self._running if one.uncached == 1]
        most = _most_guesses(len(sequences)) if passes and sequences else 0
        chunks = [Chunk(one, one.cached, 1, self._draft(one, most)) for one in sequences]
        if passes > 1 and all(chunk.goes_on for chunk in chunks):
            if most > 0:
                passes = min([passes, *(1 + one.drafter.patience for one in sequences if one.drafter is not None)])
            for chunk in chunks:
                left = chunk.sequence.last_token - len(chunk.sequence.tokens)
                chunk.further = self._room(chunk.sequence, len(chunk.sequence.tokens), min(passes, left) - 1)
        return chunks

    def _draft(self, sequence: Sequence, most: int) -> tuple[int, ...]:
        draft = sequence.drafter.draft(most) if sequence.drafter is not None and most > 0 else ()
        return draft[: self._room(sequence, len(sequence.tokens), len(draft))] if draft else ()

    def _room(self, sequence: Sequence, known: int, tokens: int) -> int:
        """Of so many tokens behind its first `known` ones, those there is room for that nobody else needs for the next
        token."""
        wanted = known + tokens
        if self._blocks.blocks_for(wanted) - len(sequence.blocks) > self._blocks.available - len(self._running):
            return min(tokens, len(sequence.blocks) * self._blocks.block_size - known)
        self._blocks.grow(sequence, wanted)
        return tokens

    def _chunk_prompts(self, budget: int, now: float) -> list[Chunk]:
        for sequence in self._running:
            if sequence.uncached > 1:
                self._hit_tokens += self._blocks.adopt(sequence)  # what others have computed since
        first = self._reading(now)
        if first is None:
            return []
        unread = [one for one in self._running if one.uncached > 1]
        others = [one for one in unread if one is not first and not self._blocks.follows(one, first)]
        kept = min(-(-budget // 2), first.uncached)
        left, counts = budget - kept, dict[Sequence, int]()
        # The first one stands among them by what is left of it: those before it have the other half.
        for sequence in sorted([first, *others], key=lambda one: (-one.priority, one.uncached)):
            left += kept if sequence is first else 0
            counts[sequence] = min(left, sequence.uncached)
            left -= counts[sequence]
        return [Chunk(one, one.cached, counts[one]) for one in unread if counts.get(one)]


def _most_guesses(decoding: int) -> int:
    """Tokens that each of so many sequences may have guessed in a step."""
    return DRAFT_ROWS // decoding - 1
