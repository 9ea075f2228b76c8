"""What governance refuses."""

from __future__ import annotations


class GovernanceRefused(Exception):
    """Nothing was changed. The message is a whole sentence: what was wrong and what to do instead."""
