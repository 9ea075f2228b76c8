"""Checkpoints: what is signed, and how it is written down. Needs neither Django nor the database."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from apps.audit.keys import key_id_of

SPAN = 512
"""Events that one checkpoint signs at most."""
TRAIL_BYTES = 16
"""What it keeps of each event's hash, to say later which one is not the same any more."""


@dataclass(frozen=True)
class Checkpoint:
    """The chain after `start` up to `position`, whose hash is `hash`, signed with the key `key_id` at `at`.

    `trail` may be left away where only the signature matters; its digest is what was signed.
    """

    start: int
    position: int
    hash: bytes
    at: datetime
    key_id: str
    trail_digest: bytes
    signature: bytes = field(repr=False)
    trail: bytes = field(default=b"", repr=False)

    @classmethod
    def signed(cls, key: Ed25519PrivateKey, *, start: int, hashes: list[bytes], at: datetime) -> Checkpoint:
        trail = b"".join(found[:TRAIL_BYTES] for found in hashes)
        key_id, digest = key_id_of(key.public_key()), hashlib.sha256(trail).digest()
        bare = cls(start, start + len(hashes), hashes[-1], at, key_id, digest, b"", trail)
        return cls(start, bare.position, bare.hash, at, key_id, digest, key.sign(bare.message), trail)

    @property
    def message(self) -> bytes:
        """What the signature is over: lines of plain text."""
        lines = ["atrium audit checkpoint 1", str(self.start), str(self.position), self.hash.hex(), self.at_text]
        return "\n".join([*lines, self.key_id, self.trail_digest.hex()]).encode()

    @property
    def at_text(self) -> str:
        return self.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

    def trail_at(self, position: int) -> bytes:
        """The start of the hash that was signed for `position`; empty outside of this checkpoint."""
        begin = (position - self.start - 1) * TRAIL_BYTES
        return self.trail[begin : begin + TRAIL_BYTES] if begin >= 0 else b""

    def why_not(self, keys: Mapping[str, Ed25519PublicKey]) -> str:
        """Why it proves nothing, or "" where it does: a known key signed it, and its parts fit each other."""
        key = keys.get(self.key_id)
        if key is None:
            return f"is signed with the key {self.key_id}, which is not one of those given"
        try:
            key.verify(self.signature, self.message)
        except InvalidSignature:
            return "is not what was signed"
        wanted = (self.position - self.start) * TRAIL_BYTES
        if self.trail and (len(self.trail) != wanted or hashlib.sha256(self.trail).digest() != self.trail_digest):
            return "has another trail than the one that was signed"
        return ""

    def as_json(self, *, with_trail: bool = True) -> dict[str, Any]:
        """For a file; bytes are in hexadecimal digits, the trail in base64."""
        written = {"position": self.position, "start": self.start, "hash": self.hash.hex(), "at": self.at_text}
        written |= {"key_id": self.key_id, "trail_sha256": self.trail_digest.hex(), "signature": self.signature.hex()}
        return written | {"trail": base64.b64encode(self.trail).decode()} if with_trail else written

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Checkpoint:
        """The opposite. Raises ValueError where it is no checkpoint."""
        try:
            return cls(
                start=int(written["start"]),
                position=int(written["position"]),
                hash=bytes.fromhex(written["hash"]),
                at=datetime.fromisoformat(written["at"]),
                key_id=str(written["key_id"]),
                trail_digest=bytes.fromhex(written["trail_sha256"]),
                signature=bytes.fromhex(written["signature"]),
                trail=base64.b64decode(written.get("trail", ""), validate=True),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"This is no checkpoint: {json.dumps(written)[:80]}") from error
