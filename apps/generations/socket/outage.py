"""Redis may be away for a while. The page is told once; what is committed still reaches it when it asks over HTTP."""

from __future__ import annotations

from apps.generations.socket.outbox import Outbox

SENTENCE = "Live updates are interrupted. Your messages are safe; the page catches up by itself."


class Outage:
    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._lasting = False

    def begin(self) -> None:
        """Tell the page, once for each outage."""
        if not self._lasting:
            self._lasting = True
            self._outbox.error("degraded", SENTENCE)

    def over(self) -> None:
        self._lasting = False
