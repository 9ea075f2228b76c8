"""What the catalogue refuses."""

from __future__ import annotations


class CatalogError(Exception):
    """The message is a whole sentence: what was wrong, what is allowed, what to do."""
