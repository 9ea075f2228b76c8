"""The threads that share the loops of our kernels: every piece once, and nobody is waited for who isn't needed."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.text.c_library import POOL, compiled

ROOT = Path(__file__).resolve().parents[2]
PIECE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int)


def share(threads: int, pieces: int, each: Callable[[int, int], object]) -> None:
    """each: called with a piece and the number of the thread that has it."""
    run = PIECE(lambda _, piece, who: each(piece, who) and None)
    compiled(POOL).share_pieces(threads, ctypes.c_int64(pieces), run, None)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("pieces", [1, 3, 400])
def test_every_piece_is_computed_once_by_one_of_the_threads(threads: int, pieces: int) -> None:
    for _ in range(20):
        taken: list[tuple[int, int]] = []
        share(threads, pieces, lambda piece, who: taken.append((piece, who)))  # noqa: B023  (called before the next one)
        assert Counter(piece for piece, _ in taken) == Counter(range(pieces))
        assert {who for _, who in taken} <= set(range(threads))


def test_others_take_pieces_while_one_takes_long() -> None:
    ended: list[int] = []

    def each(piece: int, _: int) -> None:
        if piece == 0:
            end = time.monotonic() + 10
            while len(ended) < 30 and time.monotonic() < end:
                time.sleep(0.001)
        ended.append(piece)

    share(2, 31, each)
    assert ended[-1] == 0


def test_a_loop_ends_only_after_its_last_piece() -> None:
    """A helper in the middle of a piece is waited for, also where it takes longer than one looks for it."""
    for _ in range(10):
        ended = []
        share(3, 6, lambda piece, _: (time.sleep(0.005), ended.append(piece)))  # noqa: B023
        assert sorted(ended) == list(range(6))


def test_loops_of_several_threads_at_once_each_get_theirs() -> None:
    sums = [0] * 4

    def loops(number: int) -> None:
        for _ in range(50):
            taken: list[int] = []
            share(3, 20, lambda piece, _: taken.append(piece))  # noqa: B023
            sums[number] += sum(taken)

    callers = [threading.Thread(target=loops, args=(number,)) for number in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert sums == [50 * 190] * 4


FORKED = """
import os, sys
from tests.engine.test_pool import share
taken = []
share(2, 50, lambda piece, who: taken.append(piece))
child = os.fork()
if child == 0:
    taken.clear()
    share(2, 50, lambda piece, who: taken.append(piece))
    os._exit(0 if sorted(taken) == list(range(50)) else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_does_without_helpers() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED]
    assert subprocess.run(command, cwd=ROOT, timeout=60, check=False).returncode == 0
