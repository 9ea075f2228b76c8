"""`python -m engine.chat FOLDER`: loads a tokenizer and a chat template, renders some chats. The child of probe.py."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from pathlib import Path

from engine.chat.errors import ChatError, Declined
from engine.chat.format import ChatFormat

MEMORY = 4 * 1024**3  # bytes of address space
CHATS = (
    (("user", "Hello"),),
    (("system", "Be brief."), ("user", "  Hello \n")),
    (("user", "One"), ("assistant", "<think>Hm</think>Two"), ("user", "Three" * 500)),
    tuple(("user" if turn % 2 == 0 else "assistant", f"Turn {turn}") for turn in range(41)),
)


def main(folder: str) -> int:
    """The child. Prints `loaded`, then `done`; or one sentence on stderr."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        chat = ChatFormat.load(Path(folder))
        os.write(1, b"loaded\n")
        _try(chat)
    except ChatError as error:
        os.write(2, f"{error}\n".encode())
        return 1
    os.write(1, b"done\n")
    return 0


def _try(chat: ChatFormat) -> None:
    """The simplest chat must work. Others may be declined in words (no system prompts here), not by running away."""
    if not chat.has_template:
        chat.count("Hello")
        return
    chat.encode(_messages(CHATS[0]))
    for turns in CHATS[1:]:
        with contextlib.suppress(Declined):
            chat.encode(_messages(turns))


def _messages(turns: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in turns]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
