"""Identifiers that are safe to show in an address."""

from __future__ import annotations

import hashlib
import secrets

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32: no i, l, o, u
ID_LENGTH = 16


def new_id() -> str:
    """A random identifier of 16 characters, 80 bits: short enough to share, too large to guess."""
    bits = secrets.randbits(5 * ID_LENGTH)
    return "".join([ALPHABET[bits >> shift & 31] for shift in range(0, 5 * ID_LENGTH, 5)])


def is_id(text: str) -> bool:
    """Whether `text` could be an identifier; the database need not be asked about anything else."""
    return len(text) == ID_LENGTH and all(character in ALPHABET for character in text)


def new_token() -> str:
    """A secret for a link that stands in for a password, 256 bits, safe in an address."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """What the database keeps of a token, so that a stolen database opens nothing (64 hex digits)."""
    return hashlib.sha256(token.encode()).hexdigest()
