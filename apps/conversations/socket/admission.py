"""Who is behind a socket and may they be there: asked at connect, every few seconds, and when told that it changed.

Plain database functions; the consumer calls them in threads.
"""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404

from apps.accounts.sessions import signed_in
from apps.conversations.access import visit_conversation
from apps.generations.actions import request_cancel
from apps.generations.models import GenerationJob
from apps.generations.socket.codes import NOT_FOUND, SIGNED_OUT
from apps.generations.socket.frames import BadFrame
from apps.generations.socket.watched import Visitor
from apps.lib.compiled import CompiledQuery, Parameter
from apps.projects.models import Role

HELD = CompiledQuery(
    lambda: (
        GenerationJob.objects.filter(pk=Parameter("job"), message__conversation=Parameter("conversation"))
        .order_by()
        .values_list("pk")
    )
)


def admit(session_key: str, conversation_id: str) -> Visitor | int:
    """The visitor, or the close code that says why not."""
    user = signed_in(session_key)
    if user is None:
        return SIGNED_OUT
    try:
        _, role = visit_conversation(user, conversation_id)
    except (Http404, PermissionDenied):
        return NOT_FOUND
    return Visitor(user, role)


def holds_job(conversation_id: str, job_id: str) -> bool:
    return bool(HELD.rows(conversation=conversation_id, job=job_id))


def cancel(session_key: str, conversation_id: str, job_id: str) -> None:
    """Ask for the end of a job of this conversation. Raises BadFrame where that is not this person's to do."""
    visitor = admit(session_key, conversation_id)
    if isinstance(visitor, int):
        raise BadFrame("forbidden", "You no longer have access to this conversation.")
    if visitor.role < Role.EDITOR:
        raise BadFrame("forbidden", "Viewers cannot stop an answer. Ask an owner for the role of an editor.")
    job = GenerationJob.objects.filter(pk=job_id, message__conversation=conversation_id).first()
    if job is None:
        raise BadFrame("not_found", "There is no such job in this conversation.")
    request_cancel(actor=visitor.user, job=job)
