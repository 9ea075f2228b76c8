"""What the model store says when it refuses."""

from __future__ import annotations

MOST = 1_000  # characters


class StoreError(Exception):
    """The message is a whole sentence: what was wrong, what is allowed, what to do.

    What it quotes comes from files that nobody checked: it is cut, and nothing in it moves a terminal's cursor or is
    refused by a database.
    """

    def __init__(self, message: str) -> None:
        cut = message if len(message) <= MOST else f"{message[:MOST]} …"
        super().__init__("".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(cut.split())))
