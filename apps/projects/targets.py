"""Projects and invitations as the audit log names them."""

from __future__ import annotations

from apps.audit.record import Target
from apps.projects.models import Invitation, Project


def project_target(project: Project) -> Target:
    return Target("project", project.pk, project.name)


def invitation_target(invitation: Invitation) -> Target:
    return Target("invitation", invitation.pk, invitation.email or "by link")
