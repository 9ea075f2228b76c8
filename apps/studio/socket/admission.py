"""Who is behind a studio's socket and may they be there. Plain database functions, called in threads."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404

from apps.accounts.sessions import signed_in
from apps.generations.actions import request_cancel
from apps.generations.models import GenerationJob, Kind
from apps.generations.socket.codes import NOT_FOUND, SIGNED_OUT
from apps.generations.socket.frames import BadFrame
from apps.generations.socket.watched import Visitor
from apps.projects.access import get_membership_for
from apps.projects.models import Role


def admit(session_key: str, project_id: str) -> Visitor | int:
    """The visitor, or the close code that says why not."""
    user = signed_in(session_key)
    if user is None:
        return SIGNED_OUT
    try:
        membership = get_membership_for(user, project_id)
    except (Http404, PermissionDenied):
        return NOT_FOUND
    return Visitor(user, Role(membership.role))


def job_there(project_id: str, job_id: str) -> GenerationJob | None:
    """A job for a picture of this project."""
    return GenerationJob.objects.filter(pk=job_id, project=project_id, kind=Kind.IMAGE).first()


def cancel(session_key: str, project_id: str, job_id: str) -> None:
    """Ask for the end of a job of this studio. Raises BadFrame where that is not this person's to do."""
    visitor = admit(session_key, project_id)
    if isinstance(visitor, int):
        raise BadFrame("forbidden", "You no longer have access to this project.")
    if visitor.role < Role.EDITOR:
        raise BadFrame("forbidden", "Viewers cannot stop a picture. Ask an owner for the role of an editor.")
    job = job_there(project_id, job_id)
    if job is None:
        raise BadFrame("not_found", "There is no such picture in the making in this project.")
    request_cancel(actor=visitor.user, job=job)
