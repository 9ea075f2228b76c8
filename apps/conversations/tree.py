"""The tree of messages as plain data: which path leads to a message, and which alternatives it has.

A node's children keep the order in which they were written. The tree of one conversation is read in one query of
ids; only the messages of one path are read whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from apps.conversations.models import Conversation, Message
from apps.lib.compiled import CompiledQuery, IsAny, Parameter


class Tree:
    """The shape of one conversation. `nodes` are pairs (id, parent id or None), oldest first; `sent` says which
    message came with which client_id."""

    def __init__(self, nodes: Iterable[tuple[str, str | None]], sent: Mapping[str, str] | None = None) -> None:
        self._sent = sent or {}
        self._parent: dict[str, str | None] = {}
        self._children: defaultdict[str | None, list[str]] = defaultdict(list)
        for identifier, parent in nodes:
            self.add(identifier, parent)

    def __contains__(self, identifier: object) -> bool:
        return identifier in self._parent

    def add(self, identifier: str, parent: str | None) -> None:
        self._parent[identifier] = parent
        self._children[parent].append(identifier)

    def sent_as(self, client_id: str) -> str | None:
        """The message that came with this client_id; None where none did."""
        return self._sent.get(client_id)

    def children(self, identifier: str | None) -> list[str]:
        """The alternatives after `identifier` (None: at the root), oldest first."""
        return list(self._children.get(identifier, ()))

    def path(self, identifier: str | None) -> list[str]:
        """The ids from the root to `identifier`, both included; nothing leads to None."""
        found: list[str] = []
        while identifier is not None:
            found.append(identifier)
            identifier = self._parent[identifier]
        return found[::-1]

    def siblings(self, identifier: str) -> list[str]:
        """The alternatives at this place, oldest first, `identifier` among them."""
        return self.children(self._parent[identifier])

    def leaf(self, identifier: str | None = None) -> str | None:
        """The end of the latest branch under `identifier` (under the root by default); None in an empty tree."""
        while children := self._children.get(identifier):
            identifier = children[-1]
        return identifier


NODES = CompiledQuery(
    lambda: (
        Message.objects.filter(conversation=Parameter("conversation"))
        .order_by("created_at", "id")
        .values_list("id", "parent_id", "client_id")
    )
)
MESSAGES = CompiledQuery(
    lambda: (
        Message.objects.filter(IsAny("pk", Parameter("ids")))
        .select_related("user", "job__model_version__hosted_model")
        .order_by()
    )
)


def read_tree(conversation: Conversation) -> Tree:
    """One query."""
    nodes = NODES.rows(conversation=conversation.pk)
    sent = {client_id: identifier for identifier, _, client_id in nodes if client_id}
    return Tree(((identifier, parent) for identifier, parent, _ in nodes), sent)


def messages_of(identifiers: list[str]) -> list[Message]:
    """These messages with their authors and jobs, in this order; one query."""
    found = {message.pk: message for message in MESSAGES.all(ids=identifiers)} if identifiers else {}
    return [found[identifier] for identifier in identifiers]


def leaf_to_show(conversation: Conversation, tree: Tree, wanted: str = "") -> str | None:
    """The leaf under `wanted`, else the conversation's active one, else the latest."""
    if wanted in tree:
        return tree.leaf(wanted)
    active = conversation.active_leaf_id
    return tree.leaf(active if active in tree else None)
