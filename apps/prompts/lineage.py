"""Where a prompt comes from and what became of it: the tree of forks around it, as this reader may see it."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.contrib.auth.models import AnonymousUser
from django.db import connection

from apps.accounts.models import User
from apps.prompts.models import Prompt

MAX_NODES = 400
MAX_DEPTH = 50
SHOWN = 60

# Up to the first ancestor, then down from it; `forked_from` is a revision, `parent` the prompt that it belongs to.
TREE = """
WITH RECURSIVE up AS (
    SELECT id, forked_from_id, 0 AS depth FROM prompts_prompt WHERE id = %(id)s
    UNION ALL
    SELECT p.id, p.forked_from_id, up.depth + 1
    FROM up JOIN prompts_promptrevision r ON r.id = up.forked_from_id JOIN prompts_prompt p ON p.id = r.prompt_id
    WHERE up.depth < %(depth)s
), down AS (
    (SELECT id, NULL::varchar AS parent, NULL::int AS number, 0 AS depth FROM up ORDER BY up.depth DESC LIMIT 1)
    UNION ALL
    SELECT p.id, r.prompt_id, r.number, down.depth + 1
    FROM down JOIN prompts_promptrevision r ON r.prompt_id = down.id JOIN prompts_prompt p ON p.forked_from_id = r.id
    WHERE down.depth < %(depth)s
)
SELECT id, parent, number FROM down ORDER BY depth LIMIT %(nodes)s
"""


@dataclass
class Node:
    """A prompt of the tree; `prompt` is None for one that the reader may not see but that leads to one they may."""

    id: str
    prompt: Prompt | None
    number: int | None
    """The revision of the parent that it was forked from."""
    children: list[Node] = field(default_factory=list)


def lineage(user: User | AnonymousUser, prompt: Prompt) -> Node:
    """The root of the tree with `prompt` in it; three queries. What the reader can't see and leads nowhere is left
    out, so that private forks stay private."""
    with connection.cursor() as cursor:
        cursor.execute(TREE, {"id": prompt.pk, "depth": MAX_DEPTH, "nodes": MAX_NODES})
        rows = cursor.fetchall()
    visible = Prompt.objects.visible_to(user).filter(pk__in=[row[0] for row in rows]).select_related("author")
    known = visible.defer("body", "search").in_bulk()
    nodes: dict[str, Node] = {}
    for prompt_id, parent, number in rows:
        nodes[prompt_id] = Node(prompt_id, known.get(prompt_id), number)
        if parent in nodes:
            nodes[parent].children.append(nodes[prompt_id])
    root = next(iter(nodes.values()), Node(prompt.pk, prompt, None))
    _prune(root)
    # Unseen ancestors with a single way down tell nothing.
    while root.prompt is None and len(root.children) == 1 and root.children[0].id != prompt.pk:
        root = root.children[0]
    return root


def _prune(node: Node) -> bool:
    """True where the node, or something below it, may be seen."""
    node.children = [child for child in node.children if _prune(child)]
    return node.prompt is not None or bool(node.children)
