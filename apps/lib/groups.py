"""Messages to groups of sockets. A courtesy: with Redis away it is logged and left out, because every page can read
the truth from the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from apps.lib.redis import AWAY

logger = logging.getLogger(__name__)
SEND_SECONDS = 2
"""For a Redis that takes connections and answers nothing."""


async def group_send(group: str, message: dict[str, Any]) -> bool:
    """True where Redis took the message."""
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await get_channel_layer().group_send(group, message)
    except AWAY as error:
        logger.warning("nudge to %s was not sent: %s", group, error)
        return False
    return True


def group_send_on_commit(group: str, message: Callable[[], dict[str, Any]]) -> None:
    """Make and send the message once the current transaction is committed."""
    # A lambda: where a partial raises, Django trips over its missing name.
    transaction.on_commit(lambda: async_to_sync(group_send)(group, message()), robust=True)
