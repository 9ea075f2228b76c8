"""What encoding a chat can refuse."""

from __future__ import annotations


class ChatError(ValueError):
    """These messages, or this model's template, can't be encoded. The message is a whole sentence."""


class Declined(ChatError):
    """The template itself says that it can't take these messages: roles must alternate, no system prompt."""
