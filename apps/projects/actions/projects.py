"""A project's life: create, change, archive, delete."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.accounts.notices import access_changed
from apps.audit.record import record
from apps.projects.members import lock_members
from apps.projects.models import Membership, Project, Role
from apps.projects.targets import project_target


@transaction.atomic
def create_project(*, actor: User, name: str, description: str = "") -> Project:
    """With `actor` as its owner."""
    project = Project.objects.create(name=name, description=description)
    Membership.objects.create(project=project, user=actor, role=Role.OWNER)
    record("project.created", actor=actor, target=project_target(project), project_id=project.pk)
    return project


@transaction.atomic
def change_project(*, actor: User, project: Project, name: str, description: str) -> bool:
    """False where nothing changed."""
    members = lock_members(project.pk)
    members.owner(actor, writable=True)
    kept = members.project
    if (kept.name, kept.description) == (name, description):
        return False
    changed = [field for field, new in (("name", name), ("description", description)) if getattr(kept, field) != new]
    record("project.changed", actor=actor, target=project_target(kept), project_id=kept.pk, changed=changed)
    kept.name, kept.description = name, description
    kept.save(update_fields=["name", "description"])
    return True


@transaction.atomic
def archive_project(*, actor: User, project: Project) -> bool:
    """False where it was archived already."""
    lock_members(project.pk).owner(actor)
    if not Project.objects.filter(pk=project.pk, archived_at=None).update(archived_at=Now()):
        return False
    record("project.archived", actor=actor, target=project_target(project), project_id=project.pk)
    return True


@transaction.atomic
def unarchive_project(*, actor: User, project: Project) -> bool:
    """False where it was not archived."""
    lock_members(project.pk).owner(actor)
    if not Project.objects.filter(pk=project.pk).exclude(archived_at=None).update(archived_at=None):
        return False
    record("project.unarchived", actor=actor, target=project_target(project), project_id=project.pk)
    return True


@transaction.atomic
def delete_project(*, actor: User, project: Project, typed_name: str) -> None:
    """With everything in it, for good. `typed_name` proves that this is the project they mean."""
    members = lock_members(project.pk)
    members.owner(actor)
    if typed_name.strip() != members.project.name:
        raise NotAllowed(f"Nothing was deleted: type the name of the project exactly, “{members.project.name}”.")
    count = len(members.by_person)
    record("project.deleted", actor=actor, target=project_target(project), project_id=project.pk, members=count)
    for membership in members.by_person.values():
        access_changed(membership.user)
    members.project.delete()
