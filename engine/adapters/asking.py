"""What is wrong with a request that names an adapter."""

from __future__ import annotations

from engine.types import Request


def of_another_model(request: Request) -> str:
    """A sentence, or empty where it names none, or one of the model that it asks for."""
    adapter = request.adapter
    if adapter is None or adapter.base == request.model:
        return ""
    return (
        f"The adapter {_short(adapter.key)} was made for the model {_short(adapter.base)} and can't be used with "
        f"{_short(request.model)}. Choose an adapter of this model."
    )


def _short(key: str) -> str:
    """Keys are often digests."""
    return f"“{key[:12]}”"
