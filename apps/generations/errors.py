"""Why a prompt was not taken."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """Nothing was changed. `status` is HTTP's, `message` a sentence that a person can act on.

    Codes of this app: `empty invalid too_long context_overflow too_many overloaded` and those of governance (`role
    archived model_disabled …`). `details` holds what a program may want as well, such as `over`, a number of tokens.
    """

    def __init__(self, *, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
