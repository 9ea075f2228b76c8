"""`python -m engine.grammar DESCRIPTOR`: reads a tokenizer once, then makes a process for each grammar it is given.

Standard input: one line of JSON, `{"vocabulary": 49152, "eos": [2]}`, then the tokenizer as JSON. Over the socket with
that descriptor come the ends of further sockets, one for each request. It ends when the engine has closed its own.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys

from llguidance import LLTokenizer

from engine.grammar.following import follow

SLICES: list[str] = LLTokenizer.general_slices()


def main(descriptor: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the engine decides
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the children
    control = socket.socket(fileno=descriptor)
    settings = json.loads(sys.stdin.buffer.readline())
    tokenizer = LLTokenizer(
        sys.stdin.buffer.read().decode(), n_vocab=settings["vocabulary"], eos_token=settings["eos"], slices=SLICES
    )
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not descriptors:
            return
        with socket.socket(fileno=descriptors[0]) as connection:
            if os.fork() == 0:
                _follow(control, connection, tokenizer)


def _follow(control: socket.socket, connection: socket.socket, tokenizer: LLTokenizer) -> None:
    """The child. Never returns. What the library complains of on stderr may hold a stranger's text."""
    try:
        control.close()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        follow(connection, tokenizer)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
