"""What loading says where it fails, whatever is loaded. Imports no torch."""

from __future__ import annotations


class LoadFailed(Exception):
    """The folder can't be served; the message is a sentence a person can act on."""
