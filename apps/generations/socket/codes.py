"""Why a socket was closed, as the page knows it."""

from __future__ import annotations

SIGNED_OUT = 4401
NOT_FOUND = 4404
TOO_SLOW = 4409
TOO_FAST = 4429
TOO_LARGE = 1009
TRY_LATER = 1013
