"""Which conversations of a file a project has already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from apps.conversations.importing.parts import Found
from apps.conversations.models import Conversation, Message
from apps.lib.ids import is_id
from apps.projects.models import Project


class Here(NamedTuple):
    """`conversation`, an id. Not `is_same` where more was said in the file since."""

    conversation: str
    is_same: bool


def already_here(project: Project, found: Sequence[Found]) -> dict[int, Here]:
    """By number. Two queries. What is in the bin isn't here: nobody can open it."""
    readable = [each for each in found if not each.problem]
    known = Conversation.objects.visible().filter(
        project=project, imported_source__in={each.source for each in readable}
    )
    rows = known.order_by("created_at", "id").values_list("pk", "imported_source", "imported_content")
    same = {(source, content): pk for pk, source, content in rows}
    earlier = {source: pk for pk, source, _ in rows}
    originals = _originals(project, readable)
    here: dict[int, Here] = {}
    for each in readable:
        if pk := originals.get((each.origin, each.last)) or same.get((each.source, each.content)):
            here[each.number] = Here(pk, is_same=True)
        elif each.origin and (pk := earlier.get(each.source)):
            here[each.number] = Here(pk, is_same=False)
    return here


def _originals(project: Project, found: Sequence[Found]) -> dict[tuple[str, str], str]:
    """Conversations of which our own exports were made, by their id and that of the last message exported. That and
    all before it doesn't change, so it need not be compared."""
    here = Message.objects.filter(
        pk__in={each.last for each in found if is_id(each.last)},
        conversation__project=project,
        conversation__deleted_at=None,
    )
    return {(conversation, message): conversation for conversation, message in here.values_list("conversation", "pk")}
