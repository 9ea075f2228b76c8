"""Groups of people, to whom models can be granted together."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.accounts.targets import group_target, person_target
from apps.audit.record import record

TAKEN = "There is a group called {name} already. Choose another name."


@transaction.atomic
def create_group(*, actor: User, name: str) -> Group:
    """Raises NotAllowed where the name is taken, in whatever case."""
    _keep_names_apart(name)
    try:
        with transaction.atomic():
            group = Group.objects.create(name=name)
    except IntegrityError as error:
        raise NotAllowed(TAKEN.format(name=name)) from error
    record("group.created", actor=actor, target=group_target(group))
    return group


@transaction.atomic
def rename_group(*, actor: User, group: Group, name: str) -> None:
    if group.name == name:
        return
    _keep_names_apart(name, group)
    record("group.renamed", actor=actor, target=group_target(group), new=name)
    group.name = name
    try:
        with transaction.atomic():
            group.save(update_fields=["name"])
    except IntegrityError as error:
        raise NotAllowed(TAKEN.format(name=name)) from error


@transaction.atomic
def delete_group(*, actor: User, group: Group) -> None:
    """What was granted to the group is granted to nobody any more."""
    members = group.user_set.count()
    record("group.deleted", actor=actor, target=group_target(group), members=members)
    group.delete()


@transaction.atomic
def add_to_group(*, actor: User, group: Group, person: User) -> bool:
    """False where they were in it already."""
    Group.objects.select_for_update().get(pk=group.pk)
    if group.user_set.filter(pk=person.pk).exists():
        return False
    group.user_set.add(person)
    record("group.member.added", actor=actor, target=person_target(person), group=group.name, group_id=group.pk)
    return True


@transaction.atomic
def remove_from_group(*, actor: User, group: Group, person: User) -> bool:
    """False where they were not in it."""
    Group.objects.select_for_update().get(pk=group.pk)
    if not group.user_set.filter(pk=person.pk).exists():
        return False
    group.user_set.remove(person)
    record("group.member.removed", actor=actor, target=person_target(person), group=group.name, group_id=group.pk)
    return True


def _keep_names_apart(name: str, group: Group | None = None) -> None:
    others = Group.objects.filter(name__iexact=name)
    if (others.exclude(pk=group.pk) if group else others).exists():
        raise NotAllowed(TAKEN.format(name=name))
