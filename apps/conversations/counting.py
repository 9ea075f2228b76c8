"""How many tokens a conversation would have with a text, counted as a send would count them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from apps.catalog.chat import chat_length, encode_chat
from apps.catalog.models import ModelVersion
from apps.conversations.history import chat_for
from apps.conversations.inputs import parent_in, pictures_in, refused, text_in
from apps.conversations.models import Conversation, Message
from apps.conversations.tree import messages_of, read_tree
from apps.generations.intake import refuse_blind
from apps.generations.params import EFFORT
from apps.generations.tools import refuse_tools, tools_of
from engine.chat import ChatError
from engine.remote.estimate import estimated_tokens
from engine.store import StoreError


def count(conversation: Conversation, data: Mapping[str, Any]) -> dict[str, int | bool]:
    """`tokens` of the prompt (those of pictures too), `limit` of prompt and answer together, and by how many tokens it
    is `over`.

    `estimated` where only another server could count: then it is over by nothing, as far as we know. One token at least
    is kept for the answer. Raises Refused where there is nothing to count with.
    """
    text = text_in(data, "text", maximum=settings.MAX_PROMPT_CHARS)
    pictures = [{"id": picture} for picture in pictures_in(data)]
    tree, parent = read_tree(conversation), parent_in(data)
    path = messages_of(tree.path(parent)) if parent in tree else []
    model = conversation.hosted_model
    if model is None or model.default_version is None:
        raise refused("no_model", "Choose a model for this conversation first.")
    draft = Message(role=Message.Author.USER, text=text, pictures=pictures)
    version, limit = model.default_version, model.default_version.reads
    chat = chat_for(version, conversation.system_prompt, [*path, draft])
    refuse_blind(version, chat)
    refuse_tools(version, conversation.params)
    if version.is_upstream:
        tokens = estimated_tokens(chat, tools_of(conversation.params))
        return {"tokens": tokens, "limit": limit, "over": 0, "estimated": True}
    tokens = _tokens(version, chat, conversation.params) if chat else 0
    return {"tokens": tokens, "limit": limit, "over": max(0, tokens + 1 - limit), "estimated": False}


def _tokens(version: ModelVersion, chat: list[dict[str, Any]], params: Mapping[str, Any]) -> int:
    try:
        ids = encode_chat(version, chat, effort=params.get(EFFORT), tools=tools_of(params))
        return chat_length(version, ids)
    except (ChatError, StoreError) as error:
        raise refused("not_countable", str(error)) from error
