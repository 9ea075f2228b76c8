"""Who computes what in the next step. Plain data, no torch: see tests/engine/test_scheduler.py for what it promises.

The rules. A waiting sequence is admitted, first come first served, when a slot is free. Every decoding sequence gets
one token in every step. Prompts are read first come first served, in chunks that share `prefill_tokens` a step, so a
long prompt delays the others' next token by one chunk at most; the step that reads its end makes its first token.

Slots are kept compact: the running sequences hold slots 0 … n-1, so the cache's active part is one view. When one
leaves, the last one moves into its slot; the step says so in `moves`, to be done in this order before anything else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.text.sequence import Sequence


@dataclass(frozen=True, slots=True)
class Move:
    """Copy the first `tokens` positions of slot `source` to slot `target`."""

    source: int
    target: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Compute the tokens `start … start+count-1` of a sequence that sits in `slot`."""

    sequence: Sequence
    slot: int
    start: int
    count: int

    @property
    def end(self) -> int:
        return self.start + self.count

    @property
    def samples(self) -> bool:
        """It reaches the last known token, so the next one can be chosen."""
        return self.end == len(self.sequence.tokens)


@dataclass(frozen=True, slots=True)
class Step:
    """One forward pass."""

    decodes: list[Chunk] = field(default_factory=list)
    """One token each, in the order of their slots."""
    prefills: list[Chunk] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    admitted: list[Sequence] = field(default_factory=list)

    @property
    def chunks(self) -> list[Chunk]:
        return self.decodes + self.prefills

    @property
    def tokens(self) -> int:
        return len(self.decodes) + sum(chunk.count for chunk in self.prefills)

    def alone(self) -> Iterator[Step]:
        """The same work one sequence at a time, moves done: to find out which of them makes the step fail."""
        for chunk in self.decodes:
            yield Step(decodes=[chunk])
        for chunk in self.prefills:
            yield Step(prefills=[chunk])


class Scheduler:
    """`add`, then again and again `schedule` and `advance`; `remove` when a sequence is done or cancelled."""

    def __init__(self, max_sequences: int, prefill_tokens: int) -> None:
        self._max_sequences = max_sequences
        self._prefill_tokens = prefill_tokens
        self._waiting: deque[Sequence] = deque()
        self._running: list[Sequence] = []
        """Indexed by slot."""
        self._prefilling: list[Sequence] = []
        """Running sequences whose prompt isn't read, in the order of their arrival."""
        self._moved: list[tuple[int, int, Sequence]] = []
        """From slot, to slot, and whose keys and values these are."""

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def running(self) -> int:
        return len(self._running)

    def add(self, sequence: Sequence) -> None:
        """Put a new sequence, of at least one token, at the end of the line."""
        self._waiting.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Take a sequence out, wherever it is. Raises ValueError if it isn't here."""
        if sequence.slot is None:
            self._waiting.remove(sequence)
            return
        if sequence in self._prefilling:
            self._prefilling.remove(sequence)
        last = self._running.pop()
        if last is not sequence:
            slot = sequence.slot
            self._moved.append((len(self._running), slot, last))
            self._running[slot], last.slot = last, slot
        sequence.slot = None

    def schedule(self) -> Step | None:
        """The next step, or None when there is nothing to do. Every step must be run or its sequences removed."""
        moves = [
            Move(source, target, sequence.cached)
            for source, target, sequence in self._moved
            if sequence.slot is not None and sequence.cached
        ]
        self._moved.clear()
        admitted = self._admit()
        if not self._running:
            return None
        decodes = [
            Chunk(sequence, slot, sequence.cached, 1)
            for slot, sequence in enumerate(self._running)
            if sequence.decoding
        ]
        return Step(decodes, list(self._chunk_prompts()), moves, admitted)

    def advance(self, chunk: Chunk, token: int | None) -> None:
        """`chunk` was computed; `token` was chosen after it, if it samples."""
        sequence = chunk.sequence
        sequence.cached = chunk.end
        if token is not None:
            if not sequence.decoding:
                self._prefilling.remove(sequence)
            sequence.tokens.append(token)

    def _admit(self) -> list[Sequence]:
        admitted = []
        while self._waiting and len(self._running) < self._max_sequences:
            sequence = self._waiting.popleft()
            sequence.slot = len(self._running)
            self._running.append(sequence)
            self._prefilling.append(sequence)
            admitted.append(sequence)
        return admitted

    def _chunk_prompts(self) -> Iterator[Chunk]:
        budget = self._prefill_tokens
        for sequence in self._prefilling:
            if budget == 0:
                return
            count = min(budget, len(sequence.tokens) - sequence.cached)
            budget -= count
            assert sequence.slot is not None
            yield Chunk(sequence, sequence.slot, sequence.cached, count)
