"""What the model store says when it refuses."""

from __future__ import annotations


class StoreError(Exception):
    """The message is a whole sentence: what was wrong, what is allowed, what to do."""
