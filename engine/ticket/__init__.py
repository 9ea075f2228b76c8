"""An accepted request on its way through the engine. Imports neither torch nor transformers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.ticket.base import INTERNAL, EngineStopped, Ticket
from engine.ticket.image import ImageTicket
from engine.ticket.text import TextTicket
from engine.types import ImageRequest, Request, Sink

__all__ = ["INTERNAL", "EngineStopped", "ImageTicket", "TextTicket", "Ticket", "ticket_for"]


def ticket_for(request: Request, sink: Sink, on_finish: Callable[[Any], None]) -> Ticket:
    kind = ImageTicket if isinstance(request, ImageRequest) else TextTicket
    return kind(request, sink, on_finish)  # type: ignore[arg-type]
