"""How many tokens a chat may have, where only its server could count them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

BYTES_PER_TOKEN = 3
"""Tokens of today's vocabularies hold 4 bytes of English and about 3 of most other languages in UTF-8."""
TOKENS_PER_MESSAGE = 4
"""What a chat template puts around each."""


def estimated_tokens(messages: Iterable[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()) -> int:
    """Rather too many than too few: this much is set aside of a quota until the server has counted."""
    messages = list(messages)
    calls = [call for message in messages for call in message.get("tool_calls", ())]
    sizes = [len(message["content"].encode("utf-8", "replace")) for message in messages]
    sizes += [len(json.dumps(each, ensure_ascii=False).encode("utf-8", "replace")) for each in [*tools, *calls]]
    return sum(TOKENS_PER_MESSAGE + -(-size // BYTES_PER_TOKEN) for size in sizes)
