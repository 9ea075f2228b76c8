"""The reference of a label, from its text. No Django here: whoever verifies a file needs it too."""

from __future__ import annotations

import hashlib
import uuid


def reference(subject_id: str, text: str, salt: bytes) -> uuid.UUID:
    """128 bits of SHA-256: whoever knows all three can check it, and without the salt a guess can't be checked."""
    digest = hashlib.sha256(b"\0".join((salt + subject_id.encode(), text.encode()))).digest()
    return uuid.UUID(bytes=digest[:16])
