"""What the engine thread asks of a loaded model, of texts or of pictures. Imports neither torch nor transformers."""

from __future__ import annotations

from typing import Any, Protocol


class ModelEngine(Protocol):
    """Called from the engine thread only, in inference mode. Every ticket it takes ends in its finish."""

    @property
    def busy(self) -> bool: ...
    @property
    def running(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    @property
    def attention(self) -> str:
        """Which way of computing attention was chosen."""
        ...

    @property
    def adapters(self) -> tuple[str, ...]:
        """Keys of the loaded ones."""
        ...

    @property
    def cache_bytes(self) -> int:
        """What it needs beside its weights, loaded adapters included. From any thread."""
        ...

    def predicted_wait(self) -> float | None:
        """Seconds until one more request would begin; None where nothing was measured yet. From any thread."""
        ...

    def add(self, ticket: Any) -> None:
        """Take a request (a Ticket); a bad one, or one of another kind, ends at once."""
        ...

    def cancel(self, request_id: str) -> None: ...
    def fail_all(self, code: str, error: str) -> None: ...
    def rest(self) -> bool:
        """Called again and again while nothing is under way: do what was put off till then. Whether more is awaited."""
        ...

    def step(self) -> None:
        """A little work for those that are running; what came of it is delivered."""
        ...
