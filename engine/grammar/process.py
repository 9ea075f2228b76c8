"""The engine's side: starts the process that knows a model's tokenizer, and asks it to follow grammars."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from engine.grammar.wire import TOKEN, Tag, receive, send
from engine.types import OutputFormat

PATIENCE_SECONDS = 60.0
"""For an answer, where the machine is so busy that the limits of processor time don't come into it."""
ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = {"json_schema": "JSON schema", "regex": "regular expression", "lark": "grammar"}
TAGS = {"json_schema": Tag.JSON_SCHEMA, "regex": Tag.REGEX, "lark": Tag.LARK}


class FormatRefused(Exception):
    """The grammar can't be followed, or no further. The message is a whole sentence."""


class Constraint:
    """The grammar of one completion: `mask` for the next token, `advance` with the one that was chosen."""

    def __init__(self, connection: socket.socket, name: str, on_close: Callable[[], None]) -> None:
        self._connection, self._name, self._on_close = connection, name, on_close
        self._mask: bytes | None = None

    def mask(self) -> bytes:
        """A bit for each token that may come next. The same when asked again, as when a step is run again.

        It was computed while the model was; what is left of that is waited for. Raises FormatRefused.
        """
        if self._mask is None:
            try:
                tag, body = receive(self._connection)
            except (EOFError, OSError) as error:
                raise FormatRefused(f"The {self._name} takes too much work to follow. Make it simpler.") from error
            if tag is Tag.REFUSED:
                raise FormatRefused(f"The {self._name} can't be followed: {body.decode()}.")
            self._mask = body
        return self._mask

    def advance(self, token: int) -> None:
        self._mask = None
        with contextlib.suppress(OSError):  # it is gone, as `mask` will say
            send(self._connection, Tag.TOKEN, TOKEN.pack(token))

    def close(self) -> None:
        if self._connection.fileno() >= 0:
            self._connection.close()
            self._on_close()


class GrammarProcess:
    """Follows grammars over the tokens of one model. May be used by several threads.

    vocabulary: how many tokens a mask tells of, at least. eos: those that end a completion.
    """

    def __init__(self, tokenizer: Callable[[], str], vocabulary: int, eos: frozenset[int]) -> None:
        self._tokenizer = tokenizer
        self._settings = json.dumps({"vocabulary": vocabulary, "eos": sorted(eos)}).encode() + b"\n"
        self._lock = threading.Lock()
        self._running: tuple[subprocess.Popen[bytes], socket.socket] | None = None
        self._finalizer: weakref.finalize[..., GrammarProcess] | None = None
        self.open = 0
        """How many constraints aren't closed yet."""

    def follow(self, wanted: OutputFormat, name: str = "") -> Constraint:
        """Waits until the grammar is read and the first mask is there. Raises FormatRefused, whose sentence calls it
        `name`."""
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE_SECONDS)
        with self._lock:
            self.open += 1
        constraint = Constraint(ours, name or NAMES[wanted.kind], self._closed)
        try:
            with theirs:
                process = self._hand_over(theirs)
            with contextlib.suppress(OSError):  # it is gone, as `mask` will say
                send(ours, TAGS[wanted.kind], wanted.text.encode())
            self._first_mask(constraint, process)
        except BaseException:
            constraint.close()
            raise
        return constraint

    def _first_mask(self, constraint: Constraint, process: subprocess.Popen[bytes]) -> None:
        try:
            constraint.mask()
        except FormatRefused as error:
            if isinstance(error.__cause__, EOFError | ConnectionError) and _ended(process):
                raise FormatRefused("This model's tokenizer can't be used with a prescribed format.") from error
            raise

    def _hand_over(self, connection: socket.socket) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._running is None or self._running[0].poll() is not None:
                self._running = self._start()
            process, control = self._running
            with contextlib.suppress(OSError):  # it is gone, as the mask will say
                socket.send_fds(control, [b"+"], [connection.fileno()])
            return process

    def _start(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        if find_spec("llguidance") is None:
            raise FormatRefused("This worker can't prescribe a format: the package llguidance isn't installed on it.")
        if self._finalizer is not None:
            self._finalizer()
        ours, theirs = socket.socketpair()
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "engine.grammar", str(theirs.fileno())]
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own program
                command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, pass_fds=[theirs.fileno()]
            )
        self._finalizer = weakref.finalize(self, _stop, process, ours)
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(self._settings + self._tokenizer().encode())
        return process, ours

    def _closed(self) -> None:
        with self._lock:
            self.open -= 1


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Its sockets close a moment before it can be seen to have ended."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1.0)
    return process.poll() is not None


def _stop(process: subprocess.Popen[bytes], control: socket.socket) -> None:
    control.close()
    process.kill()
    process.wait()
