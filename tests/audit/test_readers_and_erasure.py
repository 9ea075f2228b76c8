"""Who reads the log, and what is left of a person who was deleted."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from apps.accounts.actions.profile import delete_account
from apps.audit.models import ERASED, AuditEvent, Label
from apps.audit.record import record
from apps.audit.sealing import seal_and_sign
from tests.audit.copies import verify
from tests.world import World


@pytest.mark.parametrize(("role", "status"), [("", 404), ("auditor", 200), ("governor", 403), ("moderator", 403)])
def test_roles(world: World, role: str, status: int) -> None:
    person = world.stranger
    person.site_role = role
    person.save()
    client = Client()
    client.force_login(person)
    answer = client.get("/console/audit/")
    assert answer.status_code == status
    if status == 403:
        assert "The audit log is for administrators and auditors." in answer.content.decode()


def test_a_deleted_person_is_erased_and_the_chain_verifies(world: World, keys: Path) -> None:
    person = world.stranger
    pk, email = person.pk, person.email
    event = record("audit.viewed", actor=person)
    seal_and_sign()
    assert Label.objects.filter(subject_id=pk, text=email).exists()
    delete_account(person=person)
    assert not Label.objects.filter(subject_id=pk).exists()
    assert not Label.objects.filter(text=email).exists()
    assert AuditEvent.objects.get(pk=event.pk).actor_label == ERASED
    erased = AuditEvent.objects.get(action="audit.erased")
    assert (erased.actor_id, erased.target_id, erased.ip) == ("", pk, "")
    seal_and_sign()
    assert verify(keys).first is None
