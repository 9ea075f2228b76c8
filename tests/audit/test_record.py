from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from apps.audit import registry
from apps.audit.models import AuditEvent
from apps.audit.record import AuditUnavailable, Target, record, record_denied
from apps.lib import context
from apps.projects.models import Project
from tests.world import World

VIEWED = "audit.viewed"


@pytest.fixture
def broken_log(db: None) -> None:
    """A log that refuses every insert, as a full disk would."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent ADD CONSTRAINT broken CHECK (false) NOT VALID")


def test_an_event_keeps_labels_and_where_it_came_from(world: World) -> None:
    tokens = context.request_id.set("request-12345"), context.client_ip.set("192.0.2.7")
    try:
        record(VIEWED, actor=world.admin, target=Target("project", "p1", "Lighthouse"), project_id="p1", count=3)
    finally:
        context.request_id.reset(tokens[0])
        context.client_ip.reset(tokens[1])
    event = AuditEvent.objects.get()
    assert (event.actor_id, event.actor_label) == (world.admin.pk, "admin@example.org")
    assert (event.target_type, event.target_id, event.target_label) == ("project", "p1", "Lighthouse")
    assert (event.request_id, event.ip, event.project_id) == ("request-12345", "192.0.2.7", "p1")
    assert (event.outcome, event.details) == ("allowed", {"count": 3})


def test_it_outlives_its_actor(world: World) -> None:
    record(VIEWED, actor=world.stranger)
    world.stranger.delete()
    assert AuditEvent.objects.get().actor_label == "stranger@example.org"


@pytest.mark.parametrize("given", ["", "unix:", "not an address", "fe80::1%eth0"])
def test_an_odd_client_address_does_not_stop_it(db: None, given: str) -> None:
    token = context.client_ip.set(given)
    try:
        assert record(VIEWED).ip in {"", "fe80::1"}
    finally:
        context.client_ip.reset(token)


def test_an_unknown_action_raises(db: None) -> None:
    with pytest.raises(registry.UnknownAction, match="audit_actions"):
        record("project.exploded")
    assert not AuditEvent.objects.exists()


def test_one_action_has_one_meaning() -> None:
    registry.register({VIEWED: registry.sentence_of(VIEWED)})
    with pytest.raises(ValueError, match="twice"):
        registry.register({VIEWED: "Something else"})


def test_a_rollback_takes_the_event_with_it(db: None) -> None:
    with transaction.atomic():
        record(VIEWED)
        transaction.set_rollback(True)
    assert not AuditEvent.objects.exists()


@pytest.mark.usefixtures("broken_log")
def test_a_broken_log_ends_the_transaction_it_is_part_of(world: World) -> None:
    with pytest.raises(AuditUnavailable):
        _rename_and_record(world.project)
    assert not Project.objects.filter(name="Renamed").exists()
    assert not AuditEvent.objects.filter(action=VIEWED).exists()


@transaction.atomic
def _rename_and_record(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(name="Renamed")
    record(VIEWED)


def test_a_refusal_is_written_in_its_own_transaction(world: World) -> None:
    assert record_denied("access.denied", actor=world.viewer, reason="role").outcome == "denied"


@pytest.mark.django_db(transaction=True)
def test_a_refusal_inside_a_transaction_is_a_mistake() -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        record_denied("access.denied")


STATEMENTS = [
    "UPDATE audit_auditevent SET action = 'x'",
    "UPDATE audit_auditevent SET action = 'x' WHERE false",
    "DELETE FROM audit_auditevent",
    "TRUNCATE audit_auditevent",
    "TRUNCATE accounts_user, audit_auditevent CASCADE",
    "WITH gone AS (DELETE FROM audit_auditevent RETURNING id) SELECT count(*) FROM gone",
    "INSERT INTO audit_auditevent SELECT * FROM audit_auditevent ON CONFLICT (id) DO UPDATE SET action = 'x'",
    "SET LOCAL session_replication_role = replica; DELETE FROM audit_auditevent",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_database_refuses_every_change(db: None, statement: str) -> None:
    event = record(VIEWED)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEvent.objects.get().action == event.action


def test_so_it_does_for_the_models_own_methods(db: None) -> None:
    event = record(VIEWED)
    for change in (event.delete, event.save, AuditEvent.objects.all().delete):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_tests_with_real_transactions_start_with_an_empty_guarded_log(turn: int) -> None:
    assert not AuditEvent.objects.exists()
    record(VIEWED)
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute("TRUNCATE audit_auditevent")
